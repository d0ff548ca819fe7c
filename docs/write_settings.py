"""Writes docs/settings.md from the settings classes: python docs/write_settings.py."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from cryoden.settings.baseline import BaselineSettings, PatchSettings
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.fields import Setting, fields_of
from cryoden.settings.movies import MovieSettings
from cryoden.settings.picking import PickingSettings
from cryoden.settings.reading import ReadingSettings
from cryoden.settings.tools import EvaluationSettings, SimulationSettings, ThinningSettings
from cryoden.settings.training import TrainingSettings
from cryoden.settings.workers import WorkerSettings

PAGE = Path(__file__).with_name("settings.md")
KINDS = {
    "Training": TrainingSettings,
    "Denoising": DenoisingSettings,
    "Thinning": ThinningSettings,
    "Sums of movies": MovieSettings,
    "Simulation": SimulationSettings,
    "Evaluation": EvaluationSettings,
    "Picking": PickingSettings,
    "Patch pairs": PatchSettings,
    "Baseline experiment": BaselineSettings,
    "Reading": ReadingSettings,
    "Workers": WorkerSettings,
}
HEAD = """# Settings

The same in the forms of the viewer and on the command line, where `learning_rate` is
`--learning-rate`. The defaults are meant to be left as they are.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *(_table(title, kind) for title, kind in KINDS.items())])


def _table(title: str, kind: type) -> str:
    defaults = {field.name: field.default for field in fields(kind)}
    lines = [f"## {title}", "", "| setting | what it does | default | range |", "|---|---|---|---|"]
    for name, (plain, setting) in fields_of(kind).items():
        default = f"{defaults[name]} {setting.unit}".rstrip()
        lines.append(f"| `{name}` | {setting.help} | {default} | {_range(plain, setting)} |")
    return "\n".join([*lines, ""])


def _range(plain: Any, setting: Setting) -> str:
    if get_origin(plain) is Literal:
        return ", ".join(map(str, get_args(plain)))
    grid = f", in steps of {setting.multiple}" if setting.multiple > 1 else ""
    if setting.range:
        return f"{setting.range}{grid}"
    return "on, off" if plain is bool else "text"


if __name__ == "__main__":
    PAGE.write_text(page())

"""How one choice of the user is described, and checked.

Imports neither torch nor numpy, so that ``--help`` is instant.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from cryoden.errors import SettingsError

Device = str  # see DEVICE
Precision = Literal["auto", "float32", "bfloat16"]
S = TypeVar("S")


@dataclass(frozen=True)
class Setting:
    """What is said about one field.

    Help, unit, closed range, step of a spin box, whether it is an advanced setting, grid, what
    forms call it where its name does not say it well, the name it had in older run folders, and the
    smallest value but 0, where 0 has a meaning of its own. Of a text: what forms offer, what it has to
    match, and that in words.
    """

    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    expert: bool = False
    multiple: int = 1
    label: str = ""
    formerly: str = ""
    above_zero: float = 0.0
    choices: tuple[str, ...] = ()
    pattern: str = ""
    expects: str = ""

    @property
    def range(self) -> str:
        """The values that can be chosen, in words; empty for a choice, on or off."""
        if self.low is None or self.high is None:
            return self.expects
        low = f"{self.low:,.10g} or {self.above_zero:,.10g}" if self.above_zero else f"{self.low:,.10g}"
        return f"{low} to {self.high:,.10g}"


DEVICE = Setting(
    "Where to compute; auto uses the GPU if there is one, cuda:1 or 1 is the second of several",
    choices=("auto", "cpu", "cuda", "mps"),
    pattern=r"auto|cpu|mps|cuda(:\d{1,3})?|\d{1,3}",
    expects="auto, cpu, cuda, cuda:N or N, mps",
)

CheckpointMinutes = Annotated[
    float,
    Setting(
        "Minutes between two checkpoints of a run folder, from which a run is resumed; 0 = only when it "
        "stops or ends",
        label="checkpoint every",
        unit="min",
        low=0,
        high=1440,
        step=1,
        expert=True,
    ),
]


def fields_of(kind: type) -> dict[str, tuple[Any, Setting]]:
    """Return for each field of a settings class its plain type and its `Setting`."""
    return _fields_of(kind)


@cache
def _fields_of(kind: Any) -> dict[str, tuple[Any, Setting]]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: get_args(hints[field.name])[:2] for field in fields(kind)}


def from_record(kind: type[S], values: Mapping[str, Any]) -> S:
    """Return settings from values that a run or a file recorded, under today's or former names.

    Raises
    ------
    SettingsError
        S01 for a value outside its range.
    TypeError
        For a name that is no setting.
    """
    today = {setting.formerly: name for name, (_, setting) in fields_of(kind).items() if setting.formerly}
    return kind(**{today.get(name, name): value for name, value in values.items()})


def check(settings: Any) -> None:
    """Raise `SettingsError` naming the first field outside its range or choices."""
    for name, (kind, setting) in fields_of(type(settings)).items():
        problem = _problem(getattr(settings, name), kind, setting)
        if problem:
            raise SettingsError(
                "S01", None, f"{name} = {getattr(settings, name)!r} ({problem})", fix=setting.help
            )


def _problem(value: Any, kind: Any, setting: Setting) -> str:
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        return "" if value in choices else f"expected one of {', '.join(map(str, choices))}"
    wanted = (int, float) if kind is float else kind
    if not isinstance(value, wanted) or isinstance(value, bool) is not (kind is bool):
        return f"expected {kind.__name__}"
    if setting.pattern and not re.fullmatch(setting.pattern, str(value)):
        return f"expected {setting.expects}"
    if setting.low is None or setting.high is None:
        return ""
    inside = math.isfinite(value) and setting.low <= value <= setting.high
    if not inside or 0 < value < setting.above_zero:
        return f"expected {setting.range} {setting.unit}".rstrip()
    off_grid = setting.multiple > 1 and value % setting.multiple
    return f"expected a multiple of {setting.multiple}" if off_grid else ""

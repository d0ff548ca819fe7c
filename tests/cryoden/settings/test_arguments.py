from __future__ import annotations

import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import tyro

from cryoden.cli.flags import Cryoden
from cryoden.cli.main import STYLE
from cryoden.settings.arguments import arguments, command, one_after_another, option
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.training import TrainingSettings


def asked(line: str) -> Any:
    """What the program understands of a command line."""
    return tyro.cli(Cryoden, args=shlex.split(line)[1:], config=STYLE).command


def test_settings_are_the_ones_that_their_flags_give() -> None:
    settings = DenoisingSettings(
        device="cpu", ring_gains=False, invert=True, bin_to=6.5, planes="0,3-5", orientations=8
    )
    assert asked(command("denoise", "a.mrc", "--output", "out", *arguments(settings))).denoising == settings
    trained = TrainingSettings(
        learning_rate=1e-5, skip_bad_pairs=True, start_from="scratch", minutes=0.25, seed=7
    )
    line = command("train", "--halves", "a", "--run", "b", *arguments(trained))
    assert asked(line).training == trained


def test_what_is_as_by_default_is_left_out() -> None:
    assert arguments(TrainingSettings()) == arguments(DenoisingSettings()) == []


def test_minutes_are_left_out_where_epochs_decide() -> None:
    settings = TrainingSettings(epochs=12, minutes=90)
    assert arguments(settings) == ["--epochs", "12"]
    assert asked(command("train", "--halves", "a", "--run", "b", *arguments(settings))).training.epochs == 12


@pytest.mark.parametrize("name", ["with space", "it's", "$HOME", 'a"b', "ä;rm", "*?", "-a.mrc"])
def test_names_of_any_kind_come_through_a_shell(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    found = asked(command("denoise", path, "--output", path, *option("model", path)))
    assert (found.paths, found.output, found.model) == ((path,), path, path)


def test_an_option_without_values_is_none() -> None:
    assert option("model", None) == option("other") == []


def test_commands_in_a_row_are_run_until_one_fails() -> None:
    lines = [command("thin", "a b.mrc", "--out", "c"), command("info", "c")]
    assert one_after_another(lines) == "cryoden thin 'a b.mrc' --out c && cryoden info c"


def test_every_setting_can_be_written() -> None:
    for kind in (TrainingSettings, DenoisingSettings):
        assert {field.name for field in fields(kind)} == {
            field.name for field in fields(kind) if isinstance(field.default, bool | int | float | str)
        }

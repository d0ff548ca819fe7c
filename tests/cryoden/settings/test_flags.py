from __future__ import annotations

from typing import Annotated

import pytest
import tyro

from cryoden.cli.main import STYLE
from cryoden.settings.flags import derived
from cryoden.settings.training import TrainingSettings


def chosen(training: Annotated[TrainingSettings, derived(TrainingSettings, "training")]) -> TrainingSettings:
    return training


def test_each_field_of_the_settings_is_a_flag_with_its_default() -> None:
    assert tyro.cli(chosen, args=[], config=STYLE) == TrainingSettings()
    asked = ["--patch", "96", "--seed", "7"]
    assert tyro.cli(chosen, args=asked, config=STYLE) == TrainingSettings(patch=96, seed=7)


def test_help_tells_default_unit_and_range(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        tyro.cli(chosen, args=["--help"], config=STYLE)
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "--patch INT" in told
    assert "default: 256 px; 32 to 4,096, in steps of 16" in told

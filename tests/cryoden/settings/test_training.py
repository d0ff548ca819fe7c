from __future__ import annotations

import math
from typing import Any

import pytest

from cryoden.errors import SettingsError
from cryoden.settings.training import TrainingSettings


@pytest.mark.parametrize("value", [math.nan, math.inf, "fast", None, True])
def test_a_learning_rate_that_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(SettingsError, match="learning_rate"):
        TrainingSettings(learning_rate=value)


def test_an_unknown_choice_is_refused_with_the_choices() -> None:
    with pytest.raises(SettingsError, match="expected one of unet, baseline"):
        TrainingSettings(network="resnet")  # type: ignore[arg-type]  # the point of the test


def test_a_patch_off_the_grid_of_the_network_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"S01  patch = 40 \(expected a multiple of 16\)"):
        TrainingSettings(patch=40)

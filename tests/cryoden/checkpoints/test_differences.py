from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cryoden.checkpoints.differences import FREE, changed, changed_settings, refuse
from cryoden.errors import TrainingError
from cryoden.settings.baseline import BaselineSettings
from cryoden.settings.fields import fields_of
from cryoden.settings.training import TrainingSettings


def test_each_value_is_named_with_what_it_was_and_is() -> None:
    assert list(changed({"batch": 4, "a": 1, "gone": 2}, {"batch": 8, "a": 1, "new": 1e-3})) == [
        "batch: 4 then, 8 now",
        "gone: 2 then, None now",
        "new: None then, 0.001 now",
    ]


def test_settings_are_compared_but_for_those_that_decide_on_no_number() -> None:
    then = TrainingSettings()
    free = replace(then, device="cpu", checkpoint_minutes=1.0, skip_bad_pairs=True)
    assert changed_settings(then, free) == []
    assert changed_settings(then, replace(then, network="baseline", patience=3)) == [
        "network: unet then, baseline now",
        "patience: 20 then, 3 now",
    ]


def test_what_is_not_compared_is_a_setting() -> None:
    assert set(fields_of(TrainingSettings)) | set(fields_of(BaselineSettings)) >= FREE


def test_differences_are_refused_all_at_once_unless_they_are_forced() -> None:
    many = [f"v{number}: 1 then, 2 now" for number in range(10)]
    with pytest.raises(TrainingError, match=r"T17  run — differs from the run: v0.*v7.*and 2 more.*--force"):
        refuse(Path("run"), many, force=False)
    (note,) = refuse(Path("run"), many[:1], force=True)
    assert note == "continued with other settings or data: v0: 1 then, 2 now"
    assert refuse(Path("run"), [], force=False) == ()

from __future__ import annotations

from typing import Any

import pytest

from cryoden.errors import SettingsError
from cryoden.settings.baseline import BaselineSettings
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.fields import fields_of, from_record
from cryoden.settings.reading import ReadingSettings
from cryoden.settings.training import TrainingSettings

CLASSES = [TrainingSettings, DenoisingSettings, ReadingSettings]
NUMBERS = [
    (kind, name, setting)
    for kind in CLASSES
    for name, (_, setting) in fields_of(kind).items()
    if setting.low is not None
]


@pytest.mark.parametrize("kind", CLASSES)
def test_the_defaults_are_allowed_and_every_setting_explains_itself(kind: type) -> None:
    assert kind()
    assert all(len(setting.help) > 15 for _, setting in fields_of(kind).values())


@pytest.mark.parametrize(("kind", "name", "setting"), NUMBERS)
def test_values_just_outside_the_range_are_refused_with_the_range(kind: Any, name: str, setting: Any) -> None:
    whole = isinstance(getattr(kind(), name), int)
    for edge, sign in ((setting.low, -1), (setting.high, 1)):
        inside = int(edge) if whole else float(edge)
        assert getattr(kind(**{name: inside}), name) == inside
        outside = inside + sign if whole else inside + sign * max(1e-9, abs(inside) * 1e-6)
        with pytest.raises(SettingsError, match=rf"S01  {name} = .*expected .* to "):
            kind(**{name: outside})


@pytest.mark.parametrize("size", [1e-30, 0.09, 51.0, -1.0])
def test_a_value_between_0_and_the_smallest_that_makes_sense_is_refused(size: float) -> None:
    assert ReadingSettings(pixel_size=0.0).pixel_size == 0.0
    assert ReadingSettings(pixel_size=0.1).pixel_size == 0.1
    with pytest.raises(SettingsError, match=r"S01  pixel_size = .* \(expected 0 or 0.1 to 50 Å/px\)"):
        ReadingSettings(pixel_size=size)


@pytest.mark.parametrize("kind", [TrainingSettings, DenoisingSettings, BaselineSettings])
def test_a_gpu_is_chosen_by_its_number(kind: Any) -> None:
    for name in ("auto", "cpu", "cuda", "cuda:1", "1", "mps"):
        assert kind(device=name).device == name
    for name in ("gpu", "cuda:", "cuda:x", "-1", "", "cuda:1 "):
        with pytest.raises(
            SettingsError, match=r"S01  device = .* \(expected auto, cpu, cuda, cuda:N or N, mps\)"
        ):
            kind(device=name)


def test_settings_recorded_under_former_names_are_read() -> None:
    former = from_record(TrainingSettings, {"begin": "scratch", "held_out": 0.3, "epochs": 2})
    assert former == TrainingSettings(start_from="scratch", validation_fraction=0.3, epochs=2)
    assert from_record(BaselineSettings, {"held_out": 5}) == BaselineSettings(validation_pairs=5)
    with pytest.raises(TypeError, match="dreams"):
        from_record(TrainingSettings, {"dreams": 1})

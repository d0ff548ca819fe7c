from __future__ import annotations

from typing import Any

import pytest

from cryoden.settings.reading import ReadingSettings
from napari_cryoden.choices.kept import Kept


def test_a_device_chosen_in_the_preferences_later_is_not_hidden_by_the_default(
    docked: Any, viewer: Any
) -> None:
    denoise = docked("Denoise")[1]
    denoise.form.fields["tile"].value = 256
    assert Kept.of(viewer).values["Denoise: form"] == {"tile": 256}


def test_without_a_file_of_napari_a_window_keeps_what_was_chosen_in_it_alone(
    viewer: Any, make_napari_viewer: Any
) -> None:
    Kept.of(viewer).values["Denoise: form"] = {"tile": 256}
    assert Kept.of(make_napari_viewer()).values == {}


def test_a_gpu_of_another_machine_that_was_chosen_in_a_dock_is_kept(docked: Any, viewer: Any) -> None:
    Kept.of(viewer).values["Denoise: form"] = {"device": "cuda:7"}
    assert docked("Denoise")[1].form.settings().device == "cuda:7"


def test_what_another_version_could_choose_is_passed_over(docked: Any, viewer: Any) -> None:
    kept = Kept.of(viewer).values
    kept |= {"Batch: halves": 99, "Batch: reading": {"nan": "median", "pixel_size": 1.5}}
    batch = docked("Batch")[1]
    assert batch.halves.chosen == "sum"
    assert batch.reading.settings() == ReadingSettings(pixel_size=1.5)


@pytest.mark.parametrize("value", [5, [None], [["a"]], {"a": 1}, "folder"])
def test_a_dock_opens_whatever_stands_in_place_of_its_paths(docked: Any, viewer: Any, value: Any) -> None:
    Kept.of(viewer).values["Open: paths"] = value
    assert docked("Open micrographs")[1].list.count() == 0

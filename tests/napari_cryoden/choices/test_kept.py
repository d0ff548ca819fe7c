from __future__ import annotations

from typing import Any

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

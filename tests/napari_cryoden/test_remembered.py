from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtWidgets import QAction

from napari_cryoden import remembered
from napari_cryoden.choices.kept import Kept
from napari_cryoden.docks.workbench import Workbench


@pytest.fixture
def on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file, as it is found by a later session."""
    path = tmp_path / "napari's own" / remembered.NAME
    path.parent.mkdir()
    monkeypatch.setattr(remembered, "place", lambda: path)
    yield path
    remembered._file.cache_clear()


def again(path: Path) -> None:
    """What another session would find."""
    remembered._file(path).sync()
    remembered._file.cache_clear()


def test_values_come_back_in_a_later_session(on_disk: Path) -> None:
    value = {"tile": 256, "device": "cpu", "ring_gains": False}
    remembered.remember("Denoise: form", value)
    remembered.remember("Batch: output", on_disk.parent)
    again(on_disk)
    assert remembered.all_remembered() == {"Denoise: form": value, "Batch: output": str(on_disk.parent)}


def test_what_is_gone_or_no_longer_readable_is_passed_over(on_disk: Path) -> None:
    remembered.remember("Batch: output", on_disk.parent / "gone")
    remembered.remember("Batch: micrographs", on_disk.parent)
    remembered._file(on_disk).setValue("Denoise: form", "{no JSON")
    again(on_disk)
    assert set(remembered.all_remembered()) == {"Batch: micrographs"}


def test_the_last_folders_come_first_and_each_once(on_disk: Path) -> None:
    folders = [on_disk.parent / str(number) for number in range(12)]
    for folder in (*folders, folders[5]):
        folder.mkdir(exist_ok=True)
        remembered.add_recent(folder)
    folders[11].rmdir()
    again(on_disk)
    assert [folder.name for folder in remembered.recent()] == ["5", "10", "9", "8", "7", "6", "4"]


@pytest.mark.parametrize("value", [5, [5], [None, ["a"]], {"a": 1}, "recent"])
def test_recent_folders_of_another_kind_are_none(on_disk: Path, value: Any) -> None:
    remembered.remember("recent", value)
    again(on_disk)
    assert remembered.recent() == []


def test_without_a_file_of_napari_nothing_is_kept() -> None:
    remembered.remember("Denoise: form", {"tile": 256})
    assert remembered.remembered("Denoise: form") is None
    assert remembered.all_remembered() == {}


def test_a_new_window_has_settings_folders_and_the_step_of_the_last_one(
    on_disk: Path, viewer: Any, grids: Path, make_napari_viewer: Any
) -> None:
    before = Workbench(viewer)
    batch: Any = before.bring("Batch")
    batch.micrographs.path = grids
    batch.form.fields["tile"].value = 256
    batch.replace.setChecked(True)
    batch.reading.fields["pixel_size"].value = 1.5
    before.close()
    again(on_disk)
    after = Workbench(make_napari_viewer())
    batch = after.bring("Batch")
    assert after._kept.values["All steps: step"] == "Batch"
    assert (batch.micrographs.path, batch.form.settings().tile) == (grids, 256)
    assert not batch.replace.isChecked()  # nobody remembers to have chosen that
    assert batch.reading.settings().pixel_size == 0  # that of another acquisition


def test_a_step_that_is_no_more_does_not_stop_the_dock(on_disk: Path, viewer: Any) -> None:  # noqa: ARG001
    remembered.remember("All steps: step", "Levitate")
    assert Workbench(viewer)._kept.values["All steps: step"] == "Open micrographs"
    assert isinstance(Kept.of(viewer).values, dict)


def test_recent_folders_are_offered_beside_the_dialog(on_disk: Path, docked: Any, grids: Path) -> None:  # noqa: ARG001
    remembered.add_recent(grids)
    field = docked("Batch")[1].micrographs
    field.button.click()
    actions: list[QAction] = [one for one in field.menu.actions() if not one.isSeparator()]
    assert [one.text() for one in actions] == ["Folder…", "File…", str(grids)]
    actions[-1].trigger()
    field.menu.close()
    assert field.path == grids

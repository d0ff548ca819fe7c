from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Image, Points
from qtpy.QtCore import Qt

from cryoden.browsing.decisions import Decision, Decisions
from cryoden.dataset.listed_files import micrographs_of
from cryoden.formats import micrographs
from napari_cryoden.layers.layer_data import facts_of
from tests.cryoden.browsing.acquisition import NAMES, write_folder, write_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project", (160, 192))


@pytest.fixture
def browse(docked: Callable[..., Any], viewer: Any, qtbot: Any) -> Callable[..., Any]:  # noqa: ARG001
    """Opens the dock on a source; nothing is denoised but where it is asked for."""

    def start(source: Path, *, live: bool = False) -> Any:
        dock = docked("Browse")[1]
        dock.sources.live.setChecked(live)
        dock.source.path = source
        qtbot.waitUntil(lambda: dock.session.shown.name is not None)
        return dock

    return start


def shown(dock: Any) -> str:
    return str(dock.session.shown.name)


def looks_at(dock: Any, name: str) -> Callable[[], bool]:
    return lambda: shown(dock) == name


def journal(project: Path) -> Decisions:
    return Decisions(project.with_name("micrographs_ctf_decisions.jsonl"))


def test_the_next_exposure_takes_the_place_of_the_last_under_the_same_camera(
    browse: Any, project: Path, viewer: Any, qtbot: Any
) -> None:
    dock = browse(project)
    layers = list(viewer.layers)
    assert [type(layer) for layer in layers] == [Image, Image]
    viewer.scene.camera.zoom *= 3
    before = viewer.scene.camera.zoom, viewer.scene.camera.center
    for name in NAMES[1:]:
        qtbot.keyClick(dock.view, Qt.Key.Key_Down)
        qtbot.waitUntil(looks_at(dock, name))
        assert list(viewer.layers) == layers
    wanted = micrographs.read(project.parent / NAMES[2]).data
    raw = dock.session.shown.raw
    assert np.array_equal(raw.data, wanted)
    assert facts_of(raw)["source"] == str(project.parent / NAMES[2])
    assert (viewer.scene.camera.zoom, viewer.scene.camera.center) == before


def test_exposures_of_other_pixel_sizes_are_shown_at_their_size(
    browse: Any, project: Path, qtbot: Any
) -> None:
    dock = browse(project)
    assert tuple(dock.session.shown.raw.scale) == (1.5, 1.5)
    dock.step(1)
    qtbot.waitUntil(looks_at(dock, NAMES[1]))
    assert tuple(dock.session.shown.raw.scale) == (0.8, 0.8)


def test_keys_of_the_canvas_reach_the_browser_and_spare_those_of_others(
    browse: Any, project: Path, viewer: Any, qtbot: Any
) -> None:
    dock = browse(project)
    canvas = viewer.window._qt_viewer.canvas.native
    qtbot.keyClick(canvas, Qt.Key.Key_R)
    assert journal(project).of(NAMES[0]) == Decision("rejected")
    qtbot.keyClick(canvas, Qt.Key.Key_Down)
    qtbot.waitUntil(looks_at(dock, NAMES[1]))


def test_accept_reject_note_and_undo_are_on_disk_at_once(browse: Any, project: Path, qtbot: Any) -> None:
    dock = browse(project)
    qtbot.keyClick(dock.view, Qt.Key.Key_A)
    assert journal(project).of(NAMES[0]) == Decision("accepted")
    qtbot.keyClick(dock.view, Qt.Key.Key_N)
    qtbot.keyClicks(dock.bar.note, "carbon")
    qtbot.keyClick(dock.bar.note, Qt.Key.Key_Return)
    assert journal(project).of(NAMES[0]) == Decision("accepted", "carbon")
    qtbot.keyClick(dock.view, Qt.Key.Key_R)
    assert journal(project).of(NAMES[0]) == Decision("rejected", "carbon")
    qtbot.keyClick(dock.view, Qt.Key.Key_U)
    assert journal(project).of(NAMES[0]) == Decision("accepted", "carbon")


def test_the_same_key_once_more_takes_a_verdict_back(browse: Any, project: Path, qtbot: Any) -> None:
    dock = browse(project)
    qtbot.keyClick(dock.view, Qt.Key.Key_A)
    qtbot.keyClick(dock.view, Qt.Key.Key_A)
    assert journal(project).of(NAMES[0]) == Decision()


def test_undo_goes_back_to_the_exposure_it_is_about(browse: Any, project: Path, qtbot: Any) -> None:
    dock = browse(project)
    dock.bar.advance.setChecked(True)
    qtbot.keyClick(dock.view, Qt.Key.Key_R)
    qtbot.waitUntil(looks_at(dock, NAMES[1]))
    qtbot.keyClick(dock.view, Qt.Key.Key_U)
    qtbot.waitUntil(looks_at(dock, NAMES[0]))
    assert journal(project).of(NAMES[0]) == Decision()


def test_decisions_of_another_viewer_appear(browse: Any, project: Path, qtbot: Any) -> None:
    dock = browse(project)
    journal(project).decide(NAMES[1], "rejected", "ice")
    qtbot.waitUntil(lambda: "1 rejected" in dock.status.text())
    dock.which.setCurrentText("rejected")
    assert [dock.session.table.exposures[one].name for one in dock.session.table.order] == [NAMES[1]]


def test_lists_are_exported_where_one_says(browse: Any, project: Path, qtbot: Any) -> None:
    dock = browse(project)
    qtbot.keyClick(dock.view, Qt.Key.Key_A)
    folder = project.parent / "chosen"
    folder.mkdir()
    dock.export(folder)
    assert micrographs_of(folder / "micrographs_ctf_accepted.star") == [project.parent / NAMES[0]]
    assert "1 accepted and 0 rejected" in dock.status.text()


def test_denoised_now_with_the_chosen_model_and_the_next_one_ahead(
    browse: Any, project: Path, qtbot: Any
) -> None:
    dock = browse(project, live=True)
    session = dock.session
    qtbot.waitUntil(lambda: session.shown.stage == "denoised")
    denoised = session.shown.denoised
    assert denoised.data.shape == (160, 192)
    assert facts_of(denoised)["model"] == str(dock.sources.model.path)
    assert np.std(denoised.data) < np.std(session.shown.raw.data)
    qtbot.waitUntil(lambda: len(session.kept) == 6)  # raw and denoised of all three
    dock.step(1)
    assert (session.shown.name, session.shown.stage) == (NAMES[1], "denoised")


def test_a_denoised_picture_is_never_shown_beside_another_exposure(
    browse: Any, project: Path, qtbot: Any
) -> None:
    dock = browse(project, live=True)
    session = dock.session
    qtbot.waitUntil(lambda: session.shown.stage == "denoised")
    late = next(key for key in session.kept._kept if key.stage == "denoised")
    session.choose(session.choices.__class__(None, session.choices.settings))
    assert session.shown.stage == "waiting"
    session._show(late)  # it arrives after the model is another one
    assert session.shown.stage == "waiting"
    dock.step(1)
    qtbot.waitUntil(looks_at(dock, NAMES[1]))
    assert np.ptp(session.shown.denoised.data) == 0


def test_results_that_are_there_are_shown_in_place_of_new_ones(
    browse: Any, tmp_path: Path, qtbot: Any
) -> None:
    dock = browse(write_folder(tmp_path / "day"))
    dock.step(1)
    qtbot.waitUntil(lambda: shown(dock) == "m2.mrc" and dock.session.shown.stage == "denoised")
    wanted = micrographs.read(tmp_path / "day" / "m2_denoised.mrc").data
    assert np.array_equal(dock.session.shown.denoised.data, wanted)


def test_a_file_that_cannot_be_read_is_named_and_the_next_one_shown(
    browse: Any, project: Path, qtbot: Any
) -> None:
    (project.parent / NAMES[1]).write_text("no micrograph")
    dock = browse(project)
    dock.step(1)
    qtbot.waitUntil(lambda: "b.mrc" in dock.status.text())
    dock.step(1)
    qtbot.waitUntil(looks_at(dock, NAMES[2]))


def test_picks_of_the_exposure_lie_over_raw_and_denoised(
    browse: Any, project: Path, viewer: Any, qtbot: Any, tmp_path: Path
) -> None:
    (tmp_path / "picks").mkdir()
    (tmp_path / "picks" / "a 1.box").write_text("10 20 8 8\n50 60 8 8\n")
    (tmp_path / "picks" / "c.box").write_text("30 40 8 8\n")
    dock = browse(project)
    dock.sources.picks.path = tmp_path / "picks"

    def points() -> list[Any]:
        return [layer for layer in viewer.layers if isinstance(layer, Points)]

    qtbot.waitUntil(lambda: len(points()) == 2)
    assert [len(layer.data) for layer in points()] == [2, 2]
    dock.step(1)
    qtbot.waitUntil(looks_at(dock, NAMES[1]))
    assert [len(layer.data) for layer in points()] == [0, 0]
    dock.step(1)
    qtbot.waitUntil(looks_at(dock, NAMES[2]))
    assert [layer.data[0].tolist() for layer in points()] == [[44.0, 34.0]] * 2


def test_a_dock_that_is_opened_again_lists_what_was_listed(
    browse: Any, docked: Any, project: Path, viewer: Any, qtbot: Any
) -> None:
    dock = browse(project)
    viewer.window.remove_dock_widget(dock.parent())
    again = docked("Browse")[1]
    qtbot.waitUntil(lambda: again.session.shown.name == NAMES[0])


def test_a_pixel_size_that_cannot_be_is_said_and_the_dock_opens_again(
    browse: Any, docked: Any, project: Path, viewer: Any, notices: list[str]
) -> None:
    dock = browse(project)
    reading = dock.session.choices.reading
    dock.sources.reading.fields["pixel_size"].value = 0.05
    assert "0.1" in notices[-1]
    assert dock.session.choices.reading == reading
    viewer.window.remove_dock_widget(dock.parent())
    assert docked("Browse")[1].session.choices.reading == reading


def test_another_reading_shows_the_same_exposure_again_and_reads_once(
    browse: Any, project: Path, qtbot: Any
) -> None:
    dock = browse(project)
    dock.step(1)
    qtbot.waitUntil(looks_at(dock, NAMES[1]))
    listed: list[bool] = []
    dock.session.listed.connect(lambda: listed.append(True))
    box = dock.sources.reading.fields["pixel_size"].native
    box.lineEdit().selectAll()
    qtbot.keyClicks(box.lineEdit(), "1.25")
    qtbot.keyClick(box.lineEdit(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: tuple(dock.session.shown.raw.scale) == (1.25, 1.25))
    assert shown(dock) == NAMES[1]
    assert len(listed) == 1

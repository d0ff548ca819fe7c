from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QEventLoop, QMimeData, QPointF, Qt, QTimer, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QMessageBox

from cryoden.dataset.folder_walk import left_out_below
from napari_cryoden.docks import open as open_dock
from napari_cryoden.layers.half_pairs import pairs_of
from napari_cryoden.layers.plane import pixel_size
from tests.cryoden.dataset.cryosparc import EDGE, SIZE, path_of, write_project
from tests.cryoden.scenes import scene
from tests.napari_cryoden.listing import look, opened


@pytest.fixture
def dock(docked: Any) -> Any:
    return docked("Open micrographs")[1]


def test_an_empty_dock_says_what_to_do(dock: Any) -> None:
    assert "drop them here" in dock.found.text()
    assert not dock.open_button.isEnabled()
    assert dock.open_button.toolTip() == dock.found.text()


@pytest.mark.parametrize("answer", ["Yes", "No"])
def test_many_micrographs_open_only_when_the_user_says_yes_to_their_memory(
    qtbot: Any, dock: Any, write_mrc: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    asked: list[str] = []

    def ask(*words: str) -> Any:
        asked.append(words[-1])
        return getattr(QMessageBox.StandardButton, answer)

    monkeypatch.setattr(QMessageBox, "question", ask)
    monkeypatch.setattr(open_dock, "MANY", 2)
    for number in range(3):
        write_mrc(f"m{number}.mrc", np.random.default_rng(number).normal(size=(250, 1000)).astype("f4"))
    look(qtbot, dock, tmp_path)
    dock.all_button.click()
    dock.open_button.click()
    qtbot.waitUntil(lambda: not dock.opening.running)
    assert asked == ["Open 3 micrographs? As layers they take 3 MB of memory."]
    assert len(dock.viewer.layers) == (3 if answer == "Yes" else 0)


def drop(target: Any, *urls: QUrl) -> None:
    """Let Qt carry a drag to a widget, or to what is around it if that does not want it."""
    mime = QMimeData()
    mime.setUrls(list(urls))
    mime.setData("text/plain", b" ".join(url.toEncoded().data() for url in urls))  # as file managers do
    given = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    middle = target.rect().center()
    QApplication.sendEvent(target, QDragEnterEvent(middle, *given))
    QApplication.sendEvent(target, QDropEvent(QPointF(middle), *given))


@pytest.mark.parametrize("onto", ["list", "found", "line"])
def test_files_and_folders_can_be_dropped_anywhere_on_the_dock(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path, onto: str
) -> None:
    (tmp_path / "more").mkdir()
    file = write_mrc("a.mrc", noise)
    write_mrc("more/b.mrc", noise)
    target = {"list": dock.list.viewport(), "found": dock.found, "line": dock.folder.line}[onto]
    drop(target, *map(QUrl.fromLocalFile, map(str, (file, tmp_path / "more"))))
    qtbot.waitUntil(lambda: dock.list.count() == 2)
    assert dock.folder.line.text() == ""


def meanwhile() -> None:
    """Let all happen that happens while napari reads a file, or asks which plugin is to read it."""
    QApplication.processEvents()
    asking = QEventLoop()
    QTimer.singleShot(0, asking.quit)
    asking.exec()


def test_one_drop_is_listed_together_and_the_next_in_its_place(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    for name in ("a", "b", "c", "d"):
        (tmp_path / name).mkdir()
        write_mrc(f"{name}/{name}.mrc", noise)

    def handed_over(names: str) -> None:
        for name in names:
            dock.collect(tmp_path / name)
            meanwhile()

    for names in ("ab", "cd"):
        QTimer.singleShot(0, lambda names=names: handed_over(names))
        qtbot.waitUntil(lambda names=names: dock.list.chosen() == [tmp_path / n / f"{n}.mrc" for n in names])


def test_a_web_address_is_not_a_file(dock: Any) -> None:
    drop(dock, QUrl("https://example.org/a.mrc"))
    assert not dock.list.checking


def test_a_folder_is_listed_when_its_path_is_typed_to_its_end(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    write_mrc("a.mrc", noise)
    qtbot.keyClicks(dock.folder.line, str(tmp_path))
    assert not dock.list.checking
    qtbot.keyClick(dock.folder.line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: dock.list.count() == 1)


def test_a_search_that_fails_is_told_in_the_dock(qtbot: Any, dock: Any, tmp_path: Path) -> None:
    look(qtbot, dock, tmp_path / "gone")
    assert dock.found.text().startswith(f"D01  {tmp_path / 'gone'} — no such file or folder")
    assert dock.open_button.toolTip() == dock.found.text()
    look(qtbot, dock, tmp_path)
    assert "No micrographs" in dock.found.text()


def test_one_trains_on_the_folder_that_is_listed(
    qtbot: Any, dock: Any, docked: Any, write_pair: Any, tmp_path: Path
) -> None:
    look(qtbot, dock, tmp_path)
    assert "No half-set pairs" in dock.train_button.toolTip()
    write_pair("m1", 1)
    look(qtbot, dock, tmp_path / "m1_EVN.mrc", tmp_path / "m1_ODD.mrc")
    assert "one folder" in dock.train_button.toolTip()
    look(qtbot, dock, tmp_path)
    dock.train_button.click()
    train = docked("Train a denoiser")[1]
    qtbot.waitUntil(train.train_button.isEnabled)
    assert [pair.name for pair in train.source.material()()] == ["m1_EVN"]
    assert train.isVisible()


def test_every_control_says_what_it_does(dock: Any) -> None:
    controls = [*dock.findChildren(QAbstractButton), *dock.findChildren(QLineEdit)]
    assert len(controls) >= 10
    assert [control for control in controls if not control.toolTip()] == []


def test_the_dock_fits_a_small_screen(qtbot: Any, dock: Any, write_mrc: Any, noise: Any) -> None:
    look(qtbot, dock, write_mrc(f"{'long' * 30}.mrc", noise))
    assert dock.width() <= 320
    assert dock.minimumSizeHint().height() <= 400
    for label in filter(QLabel.isVisible, dock.findChildren(QLabel)):
        assert label.mapTo(dock, label.rect().bottomRight()).x() <= dock.width()


def test_a_pixel_size_that_no_header_says_is_given_before_opening(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any
) -> None:
    look(qtbot, dock, write_mrc("unknown.mrc", noise, None))
    field = dock.reading.fields["pixel_size"].native
    assert field.text() == "as in the header"
    field.selectAll()
    qtbot.keyClicks(field, "1,3542")
    assert opened(qtbot, dock) == ["unknown"]
    (layer,) = dock.viewer.layers
    assert pixel_size(layer) == pytest.approx(1.3542)
    assert layer.metadata["cryoden"]["warnings"] == ()


def test_nan_pixels_are_replaced_where_the_dock_is_told_to(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, notices: list[str]
) -> None:
    holes = write_mrc("holes.mrc", noise)
    with holes.open("r+b") as file:
        file.seek(1024)
        file.write(np.float32(np.nan).tobytes())
    look(qtbot, dock, holes)
    dock.list.selectAll()
    assert opened(qtbot, dock) == []
    assert "nan = mean under Advanced in Open or Batch" in notices[0]
    dock.reading.fields["nan"].value = "mean"
    assert opened(qtbot, dock) == ["holes"]


def test_what_cannot_be_read_is_neither_selected_nor_counted(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    write_mrc("good.mrc", noise)
    for number in range(4):
        (tmp_path / f"bad{number}.mrc").write_bytes(b"\0" * 100)
    look(qtbot, dock, tmp_path)
    assert dock.list.chosen() == [tmp_path / "good.mrc"]
    assert dock.open_button.text() == "Open 1 (0 MB)"
    assert dock.found.text() == "0 half-set pairs, 1 micrograph, 4 unreadable"
    dock.all_button.click()
    assert dock.list.chosen() == [tmp_path / "good.mrc"]
    assert opened(qtbot, dock) == ["good"]


def test_what_was_opened_is_not_said_of_another_folder(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    look(qtbot, dock, write_mrc("a.mrc", noise))
    opened(qtbot, dock)
    assert dock.status.text() == "1 opened"
    (tmp_path / "other").mkdir()
    look(qtbot, dock, tmp_path / "other")
    assert dock.status.text() == ""


def test_what_a_folder_holds_besides_micrographs_is_counted_in_one_line(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    for name in ("a.mrc", "a_PS.mrc", "b_PS.mrc", "gain.mrc", "a_denoised.mrc"):
        write_mrc(name, noise)
    look(qtbot, dock, tmp_path)
    qtbot.waitUntil(lambda: not dock.list.checking)
    listed, left_out = dock.found.text().splitlines()
    assert listed == "0 half-set pairs, 2 micrographs"
    assert left_out == left_out_below([tmp_path])
    assert "1 × gain or dark reference, 2 × power spectrum or CTF fit" in left_out
    (tmp_path / "more").mkdir()
    (tmp_path / "a_PS.mrc").rename(tmp_path / "more" / "a_PS.mrc")
    look(qtbot, dock, tmp_path / "more")
    qtbot.waitUntil(lambda: not dock.list.checking)
    assert dock.found.text().startswith(
        "No micrographs (MRC or TIFF files) found\nleft out below folders: 1 × power"
    )
    look(qtbot, dock, tmp_path / "a.mrc")
    assert "left out" not in dock.found.text()


def test_halves_of_cryosparc_in_one_file_become_two_layers_which_are_a_pair(
    qtbot: Any, dock: Any, tmp_path: Path
) -> None:
    exposures = write_project(tmp_path)
    look(qtbot, dock, exposures)
    dock.ready_button.click()
    dock.open_button.click()
    qtbot.waitUntil(lambda: not dock.opening.running)
    assert "6 opened" in dock.status.text()
    pairs = pairs_of(dock.viewer.layers)
    known = {pair.name: pair for pair in pairs}[Path(path_of(1, "_AB")).stem]
    assert len(pairs) == 3
    for layer, half in ((known.even, scene(1, (EDGE, EDGE)).even), (known.odd, scene(1, (EDGE, EDGE)).odd)):
        np.testing.assert_array_equal(layer.data, half.data)
        assert pixel_size(layer) == pytest.approx(SIZE)

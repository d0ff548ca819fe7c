from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.settings import get_plugin_settings
from qtpy.QtCore import QEventLoop, QMimeData, QPointF, Qt, QTimer, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QMessageBox

from napari_cryoden.jobs.opening import OpeningJob
from napari_cryoden.jobs.worker import Worker
from napari_cryoden.widgets import search_list
from tests.napari_cryoden import runs


@pytest.fixture
def dock(docked: Any) -> Any:
    return docked("Open micrographs")[1]


@pytest.fixture
def scale_bar(viewer: Any) -> Any:
    return viewer.canvas.overlays.scale_bar


@pytest.fixture
def write_pair(write_mrc: Any) -> Any:
    """Writes the halves of a simulated exposure."""

    def write(name: str, seed: int) -> None:
        pair = runs.halves(name, seed)
        for half in (pair.even, pair.odd):
            write_mrc(f"{half.name}.mrc", half.window(0, 0, *half.shape), half.pixel_size)

    return write


def look(qtbot: Any, dock: Any, *paths: Path) -> list[tuple[str, str]]:
    dock.show_paths(paths)
    qtbot.waitUntil(lambda: not dock.list.checking)
    return [tuple(line.split("\n")) for line in dock.list.lines()]


def opened(qtbot: Any, dock: Any) -> list[str]:
    with qtbot.waitSignal(dock.opening.ended):
        dock.open_button.click()
    return [layer.name for layer in dock.viewer.layers]


def select(dock: Any, *rows: int) -> None:
    dock.list.clearSelection()
    for row in rows:
        dock.list.item(row).setSelected(True)


def test_an_empty_dock_says_what_to_do(dock: Any) -> None:
    assert "drop them here" in dock.found.text()
    assert not dock.open_button.isEnabled()
    assert dock.open_button.toolTip() == dock.found.text()


def test_pairs_are_listed_with_a_verdict_and_other_micrographs_with_their_size(
    qtbot: Any, dock: Any, write_pair: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    write_pair("m2", 1)
    for half in ("EVN", "ODD"):
        write_mrc(f"copy_{half}.mrc", noise)
        write_mrc(f"black_{half}.mrc", np.zeros_like(noise))
    write_mrc("size_EVN.mrc", noise)
    write_mrc("size_ODD.mrc", noise[1:])
    write_mrc("lone.mrc", noise)
    write_mrc("plain.mrc", noise, pixel_size=None)
    assert look(qtbot, dock, tmp_path) == [
        ("black", "▲ pair, black · 128×96, 1.2 Å/px"),
        ("copy", "▲ pair, identical · 128×96, 1.2 Å/px"),
        ("m2", dock.list.lines()[2].split("\n")[1]),
        ("size", "▲ pair, mismatched · 128×96, 1.2 Å/px"),
        ("lone.mrc", "128×96, 1.2 Å/px"),
        ("plain.mrc", "128×96, no pixel size"),
    ]
    assert dock.list.lines()[2].startswith("m2\n● pair, usable, CC 0.")
    assert dock.found.text() == "4 half-set pairs (4 checked, 1 usable), 2 micrographs"


def test_the_pixel_size_of_a_star_file_reaches_list_and_layer(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    write_mrc("plain.mrc", noise, pixel_size=None)
    star = tmp_path / "m.star"
    star.write_text("data_\n_rlnMicrographName plain.mrc\n_rlnMicrographPixelSize 1.9\n")
    assert look(qtbot, dock, star) == [("plain.mrc", "128×96, 1.9 Å/px")]
    assert opened(qtbot, dock) == ["plain"]
    assert dock.viewer.layers[0].scale == pytest.approx((1.9, 1.9))


def test_what_is_wrong_with_a_file_stands_in_its_line(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    for name in ("a_EVN.mrc", "a_ODD.mrc", "cut.mrc"):
        write_mrc(name, noise)
    for name in ("a_ODD.mrc", "cut.mrc"):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:2000])
    said = dict(look(qtbot, dock, tmp_path))
    assert said == dict.fromkeys(("a", "cut.mrc"), "▲ F03  truncated: 2,000 of 50,176 bytes")
    assert str(tmp_path / "a_ODD.mrc") in dock.list.item(0).toolTip()
    assert "1 of 1 checked" in dock.found.text()


def test_names_have_their_folder_where_there_are_several(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    (tmp_path / "denoised").mkdir()
    write_mrc("a.mrc", noise)
    write_mrc("denoised/a.mrc", noise)
    assert [name for name, _ in look(qtbot, dock, tmp_path)] == ["a.mrc", "denoised/a.mrc"]


def test_few_micrographs_are_selected_at_once_and_many_are_not(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    for number in range(8):
        write_mrc(f"m{number}.mrc", noise)
    look(qtbot, dock, tmp_path)
    assert len(dock.list.chosen()) == 8
    write_mrc("m8.mrc", noise)
    look(qtbot, dock, tmp_path)
    assert dock.list.chosen() == []
    assert "Select in the list" in dock.open_button.toolTip()
    dock.all_button.click()
    assert len(dock.list.chosen()) == 9


def test_halves_open_side_by_side_in_a_thread(
    qtbot: Any, dock: Any, write_pair: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    write_pair("m1", 1)
    write_pair("m2", 2)
    write_mrc("lone.mrc", noise, pixel_size=0.75)
    look(qtbot, dock, tmp_path)
    select(dock, 2, 0)  # they open in the order of the list all the same
    assert dock.open_button.text() == "Open 3 (2 MB)"
    dock.open_button.click()
    assert len(dock.viewer.layers) == 0
    assert not dock.open_button.isEnabled()
    assert "being opened" in dock.open_button.toolTip()
    qtbot.waitUntil(lambda: not dock.opening.running)
    assert [layer.name for layer in dock.viewer.layers] == ["m1_EVN", "m1_ODD", "lone"]
    lone = dock.viewer.layers["lone"]
    np.testing.assert_array_equal(lone.data, noise)
    np.testing.assert_allclose(lone.contrast_limits, np.percentile(noise, (0.5, 99.5)))
    assert tuple(lone.scale) == (0.75, 0.75)
    assert lone.metadata["cryoden"]["source"] == str(tmp_path / "lone.mrc")
    assert dock.status.text() == "3 opened"


def test_ready_pairs_are_selected_with_one_button(
    qtbot: Any, dock: Any, write_pair: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    for half in ("EVN", "ODD"):
        write_mrc(f"copy_{half}.mrc", noise)
    look(qtbot, dock, tmp_path)
    assert "No usable pair" in dock.ready_button.toolTip()
    write_pair("m1", 1)
    look(qtbot, dock, tmp_path)
    dock.ready_button.click()
    assert [file.name for file in dock.list.chosen()] == ["m1_EVN.mrc", "m1_ODD.mrc"]


def test_a_file_that_cannot_be_opened_is_told_and_the_others_open(
    qtbot: Any, dock: Any, write_mrc: Any, notices: Any, remarks: Any
) -> None:
    black = write_mrc("black.mrc", np.zeros((9, 9), np.float32))
    look(qtbot, dock, black, write_mrc("good.mrc", np.eye(9, dtype=np.float32), pixel_size=None))
    assert opened(qtbot, dock) == ["good"]
    assert [line[:3] for line in notices] == ["F25"]
    assert [line.split(" — ")[1][:3] for line in remarks] == ["F28"]
    assert dock.status.text() == "1 opened, 1 could not be"


def test_the_scale_bar_appears_with_the_first_pixel_size(
    qtbot: Any, dock: Any, scale_bar: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    look(qtbot, dock, write_mrc("a.mrc", noise, pixel_size=None))
    opened(qtbot, dock)
    assert not scale_bar.visible
    look(qtbot, dock, write_mrc("b.mrc", noise))
    opened(qtbot, dock)
    assert scale_bar.visible
    scale_bar.visible = False
    opened(qtbot, dock)
    assert not scale_bar.visible
    dock.viewer.open(tmp_path / "b.mrc", plugin="napari-cryoden")
    assert not scale_bar.visible


@pytest.mark.parametrize("wanted", [True, False])
def test_a_file_dropped_on_the_canvas_brings_the_scale_bar_unless_the_preferences_say_no(
    viewer: Any, scale_bar: Any, write_mrc: Any, noise: Any, wanted: bool
) -> None:
    get_plugin_settings("napari-cryoden").viewing.scale_bar = wanted
    viewer.open(write_mrc("a.mrc", noise), plugin="napari-cryoden")
    assert scale_bar.visible == wanted


@pytest.mark.parametrize("answer", ["Yes", "No"])
def test_many_micrographs_open_only_when_the_user_says_yes_to_their_memory(
    qtbot: Any, dock: Any, write_mrc: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    asked: list[str] = []

    def ask(*words: str) -> Any:
        asked.append(words[-1])
        return getattr(QMessageBox.StandardButton, answer)

    monkeypatch.setattr(QMessageBox, "question", ask)
    for number in range(21):
        write_mrc(f"m{number}.mrc", np.random.default_rng(number).normal(size=(250, 1000)).astype("f4"))
    look(qtbot, dock, tmp_path)
    dock.all_button.click()
    dock.open_button.click()
    qtbot.waitUntil(lambda: not dock.opening.running)
    assert asked == ["Open 21 micrographs? As layers they take 21 MB of memory."]
    assert len(dock.viewer.layers) == (21 if answer == "Yes" else 0)


def test_opening_can_be_canceled(qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path) -> None:
    for number in range(20):
        write_mrc(f"m{number}.mrc", noise)
    look(qtbot, dock, tmp_path)
    dock.all_button.click()
    dock.viewer.layers.events.inserted.connect(lambda _: dock.cancel_button.click())
    assert len(opened(qtbot, dock)) < 20
    assert dock.status.text().startswith("Canceled. ")


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
    assert "no micrographs" in dock.found.text()


def test_the_list_stays_usable_while_it_is_checked(
    qtbot: Any, dock: Any, write_pair: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line waits until the one before is shown, so that the last is not checked too early."""
    write_pair("m", 1)
    monkeypatch.setattr(search_list, "Worker", partial(Worker, ahead=1))
    for number in range(30):
        for half in ("EVN", "ODD"):
            (tmp_path / f"l{number}_{half}.mrc").symlink_to(tmp_path / f"m_{half}.mrc")
    dock.show_paths([tmp_path])
    qtbot.waitUntil(lambda: dock.list.checked > 2)
    select(dock, 30)
    assert opened(qtbot, dock) == ["m_EVN", "m_ODD"]
    assert dock.list.checking
    dock.rest_button.click()
    qtbot.waitUntil(lambda: not dock.list.checking)
    assert dock.list.count() == 31
    assert dock.list.checked < 31
    assert "No check is running" in dock.rest_button.toolTip()


def test_the_sample_button_opens_what_the_sample_menu_opens(qtbot: Any, dock: Any) -> None:
    with qtbot.waitSignal(dock.opening.ended):
        dock.sample_button.click()
    names = [layer.name for layer in dock.viewer.layers]
    assert names == ["sample1_EVN", "sample1_ODD", "sample2_EVN", "sample2_ODD"]


def test_one_trains_on_the_folder_that_is_listed(
    qtbot: Any, dock: Any, docked: Any, write_pair: Any, tmp_path: Path
) -> None:
    look(qtbot, dock, tmp_path)
    assert "no pairs" in dock.train_button.toolTip()
    write_pair("m1", 1)
    look(qtbot, dock, tmp_path / "m1_EVN.mrc", tmp_path / "m1_ODD.mrc")
    assert "one folder" in dock.train_button.toolTip()
    look(qtbot, dock, tmp_path)
    dock.train_button.click()
    train = docked("Train a denoiser")[1]
    qtbot.waitUntil(train.train_button.isEnabled)
    assert [pair.name for pair in train.source.material()()] == ["m1_EVN"]
    assert train.isVisible()


def test_one_layer_at_a_time_waits_for_the_window(qtbot: Any, viewer: Any) -> None:
    ahead: list[int] = []

    def work() -> Any:
        for number in range(3):
            ahead.append(number - len(shown))
            yield number

    class Shown(OpeningJob):
        def fold(self, event: Any) -> None:
            shown.append(event)

    shown: list[int] = []
    job = Shown(viewer)
    with qtbot.waitSignal(job.ended):
        job.begin(work, "opening")
    assert shown == [0, 1, 2]
    assert max(ahead) <= 1


def test_at_the_end_of_the_window_nothing_more_is_added(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    for number in range(20):
        write_mrc(f"m{number}.mrc", noise)
    look(qtbot, dock, tmp_path)
    dock.all_button.click()
    ended: list[bool] = []
    dock.viewer.layers.events.inserted.connect(lambda _: ended.append(dock.opening.end()))
    dock.open_button.click()
    qtbot.waitUntil(lambda: not dock.opening.running)
    assert ended == [True]
    assert len(dock.viewer.layers) == 1


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


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_verdict_has_its_color_in_both_themes(
    qtbot: Any, dock: Any, write_pair: Any, tmp_path: Path, theme: str
) -> None:
    dock.viewer.theme = theme
    write_pair("m1", 1)
    look(qtbot, dock, tmp_path)
    dock.list.clearSelection()
    picture = dock.list.viewport().grab().toImage()
    green = {"dark": (0x2F, 0xD0, 0xA0), "light": (0x00, 0x79, 0x5A)}[theme]
    place = dock.list.visualItemRect(dock.list.item(0))
    seen = {
        picture.pixelColor(x, y).getRgb()[:3]
        for x in range(place.left(), place.left() + 20)
        for y in range(place.top(), place.bottom())
    }
    assert green in seen

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_cryoden.widgets.training_data import COUNTED, FOLDER, SUPERVISED
from tests.napari_cryoden.checking import checked


@pytest.fixture
def train(docked: Any) -> Any:
    return docked("Train a denoiser")[1]


def test_halves_in_a_folder_are_found_and_checked(
    qtbot: Any, train: Any, add_halves: Any, tmp_path: Any
) -> None:
    for layer in add_halves():
        layer.save(str(tmp_path / f"{layer.name}.mrc"), plugin="napari-cryoden")
    train.source.choice.setCurrentIndex(FOLDER)
    assert "folder" in train.train_button.toolTip()
    train.source.folder.path = tmp_path
    checked(qtbot, train)
    assert train.train_button.isEnabled()
    assert [pair.even.path.name for pair in train.source.material()()] == ["m1_EVN.mrc", "m2_EVN.mrc"]
    assert train.folder.path == tmp_path / "cryoden_runs" / "run_1"


def test_a_folder_is_searched_when_its_path_is_whole_and_not_at_each_letter(
    qtbot: Any, train: Any, add_halves: Any, tmp_path: Any
) -> None:
    for layer in add_halves():
        layer.save(str(tmp_path / f"{layer.name}.mrc"), plugin="napari-cryoden")
    train.source.choice.setCurrentIndex(FOLDER)
    line = train.source.folder.line
    line.setFocus()
    for letter in str(tmp_path):
        qtbot.keyClicks(line, letter)
        assert not train.source.pairs.checking
    assert "Press Enter" in train.train_button.toolTip()
    qtbot.keyClick(line, Qt.Key.Key_Return)
    checked(qtbot, train)
    assert train.train_button.isEnabled()
    qtbot.keyClicks(line, "x")
    assert train.source.pairs.verdicts() == []
    assert not train.train_button.isEnabled()
    qtbot.keyClick(line, Qt.Key.Key_Backspace)
    assert not train.source.pairs.checking
    line.editingFinished.emit()
    checked(qtbot, train)
    assert train.train_button.isEnabled()


def test_leaving_the_line_of_a_folder_searched_already_keeps_the_ticks(
    qtbot: Any, train: Any, add_halves: Any, tmp_path: Any
) -> None:
    for layer in add_halves():
        layer.save(str(tmp_path / f"{layer.name}.mrc"), plugin="napari-cryoden")
    train.source.choice.setCurrentIndex(FOLDER)
    train.source.folder.path = tmp_path
    checked(qtbot, train)
    train.source.pairs.item(0).setCheckState(Qt.CheckState.Unchecked)
    train.source.folder.line.editingFinished.emit()
    assert len(train.source.pairs.chosen()) == 1
    qtbot.keyClick(train.source.folder.line, Qt.Key.Key_Return)  # asked for: look again
    checked(qtbot, train)
    assert len(train.source.pairs.chosen()) == 2


def test_a_folder_without_halves_is_told_in_the_dock(qtbot: Any, train: Any, tmp_path: Any) -> None:
    train.source.choice.setCurrentIndex(FOLDER)
    train.source.folder.path = tmp_path
    qtbot.waitUntil(lambda: bool(train.source.pairs.trouble))
    assert train.source.note.text().startswith("D01")
    assert not train.train_button.isEnabled()


def test_supervised_training_needs_two_layers_of_one_size(train: Any, viewer: Any, noise: Any) -> None:
    train.source.choice.setCurrentIndex(SUPERVISED)
    assert "two different layers" in train.train_button.toolTip()
    noisy = viewer.add_image(noise, name="noisy")
    target = viewer.add_image(noise / 2, name="target")
    train.source.noisy.layer, train.source.target.layer = noisy, target
    assert train.train_button.isEnabled()
    ((first, second),) = train.source.material()()
    assert (first.name, second.name) == ("noisy", "target")
    train.source.target.layer = viewer.add_image(noise[:8], name="small")
    assert "96×128 and 8×128" in train.train_button.toolTip()


def test_one_counted_micrograph_is_trained_on_without_halves(train: Any, viewer: Any) -> None:
    train.source.choice.setCurrentIndex(COUNTED)
    assert "electron-counted micrograph" in train.train_button.toolTip()
    counts = np.random.default_rng(0).poisson(30, (512, 512)).astype(np.float32)
    layer = viewer.add_image(counts, name="sum")
    assert train.train_button.isEnabled()
    (pair,) = train.source.material()()
    assert np.array_equal(pair.even.data + pair.odd.data, counts)
    assert np.array_equal(layer.data, counts)


def test_a_micrograph_that_is_not_counted_is_refused_with_its_figure(
    qtbot: Any, train: Any, viewer: Any, notices: Any, tmp_path: Path
) -> None:
    train.source.choice.setCurrentIndex(COUNTED)
    blurred = np.random.default_rng(0).poisson(30, (512, 513)).astype(np.float32)
    viewer.add_image(blurred[:, 1:] + blurred[:, :-1], name="sum")
    train.folder.path = tmp_path / "m"
    with qtbot.waitSignal(train.run.ended):
        train.train()
    assert notices[0].startswith("D13  sum — ")
    assert not (tmp_path / "m").exists()


def test_a_list_that_leads_out_of_its_project_is_trained_with_and_that_is_said(
    qtbot: Any, train: Any, add_halves: Any, tmp_path: Path
) -> None:
    for layer in add_halves():
        layer.save(str(tmp_path / f"{layer.name}.mrc"), plugin="napari-cryoden")
    star = tmp_path / "project" / "list.star"
    star.parent.mkdir()
    names = "\n".join(f"../m{number}_EVN.mrc ../m{number}_ODD.mrc" for number in (1, 2))
    star.write_text(f"data_\nloop_\n_rlnMicrographNameEven #1\n_rlnMicrographNameOdd #2\n{names}\n")
    train.source.learn_from(star)
    checked(qtbot, train)
    assert train.train_button.isEnabled()
    assert train.source.note.text().startswith("D16: 4 of 4 files that list.star names lie outside its proj")
    train.source.learn_from(tmp_path)
    checked(qtbot, train)
    assert not train.source.note.isVisibleTo(train)

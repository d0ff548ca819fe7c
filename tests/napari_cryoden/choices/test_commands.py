"""What "Copy as command" copies, understood by the command line itself."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import tyro
from qtpy.QtWidgets import QApplication, QPushButton

from cryoden.cli.flags import Cryoden
from cryoden.cli.main import STYLE
from cryoden.model.general import GENERAL
from cryoden.settings.picking import PickingSettings
from cryoden.settings.reading import ReadingSettings
from napari_cryoden.contributions.reader import get_reader
from napari_cryoden.docks.movies import MoviesWidget
from napari_cryoden.jobs.opening import OpeningJob
from napari_cryoden.layers.layer_data import set_pixel_size
from napari_cryoden.widgets.training_data import SUPERVISED
from tests.napari_cryoden.checking import checked


def clipboard() -> Any:
    return QApplication.clipboard()


def copied(dock: Any) -> list[Any]:
    """The commands that a dock's button copies, as the program understands them."""
    clipboard().clear()
    (button,) = [one for one in dock.findChildren(QPushButton) if one.text() == "Copy as command"]
    button.click()
    lines = clipboard().text().split(" && ")
    assert all(shlex.split(line)[0] == "cryoden" for line in lines)
    return [tyro.cli(Cryoden, args=shlex.split(line)[1:], config=STYLE).command for line in lines]


def refused(dock: Any, notices: list[str]) -> str:
    clipboard().clear()
    (button,) = [one for one in dock.findChildren(QPushButton) if one.text() == "Copy as command"]
    button.click()
    assert clipboard().text() == ""
    return notices[-1]


def opened(viewer: Any, path: Path) -> Any:
    """A file as a layer."""
    read: Any = get_reader(str(path))
    return viewer.add_image(read(str(path))[0][0], **read(str(path))[0][1])


def test_a_batch(ready: Any, grids: Path, model: Path, tmp_path: Path) -> None:
    ready.form.fields["orientations"].value = 8
    ready.reading.fields["pixel_size"].value = 1.5
    ready.devices.setCurrentText("0,1")
    ready.replace.setChecked(True)
    (found,) = copied(ready)
    assert (found.paths, found.output) == ((grids,), tmp_path / "session_denoised")
    assert (found.model, found.overwrite) == (model, True)
    assert found.denoising == ready.form.settings()
    assert found.reading == ready.reading.settings()
    assert found.workers.devices == "0,1"
    ready.model.path = GENERAL
    assert copied(ready)[0].model is None


def test_a_batch_of_nothing_is_said(batch: Any, notices: list[str]) -> None:
    assert "no command can be copied yet: choose micrographs" in refused(batch, notices)


def test_a_layer_of_a_file_in_view(docked: Any, viewer: Any, grids: Path, notices: list[str]) -> None:
    layer = opened(viewer, grids / "grid0" / "m0.mrc")
    dock = docked("Denoise")[1]
    dock.layer.layer = layer
    dock.form.fields["ring_gains"].value = False
    (found,) = copied(dock)
    assert found.paths == (grids / "grid0" / "m0.mrc",)
    assert found.output == grids / "grid0" / "denoised"
    assert found.denoising == dock.form.settings()
    dock.layer.layer = viewer.add_image(layer.data.copy(), name="drawn")
    assert "'drawn' is not a file" in refused(dock, notices)


def test_a_layer_that_was_given_a_pixel_size_keeps_it_in_each_command(
    docked: Any, viewer: Any, write_pair: Any, tmp_path: Path, model: Path
) -> None:
    write_pair("m1", 1)
    even, odd = (opened(viewer, tmp_path / f"m1_{half}.mrc") for half in ("EVN", "ODD"))
    denoise, evaluate, train = (docked(name)[1] for name in ("Denoise", "Evaluate", "Train a denoiser"))
    denoise.layer.layer, evaluate.even.layer, evaluate.odd.layer = even, even, odd
    denoise.model.path = evaluate.model.path = model
    train.source.choice.setCurrentIndex(SUPERVISED)
    train.source.noisy.layer, train.source.target.layer = even, odd
    train.folder.path = tmp_path / "run"
    docks = (denoise, evaluate, train)
    assert [copied(dock)[0].reading for dock in docks] == [ReadingSettings()] * 3
    for half in (even, odd):
        set_pixel_size(half, 0.83)
    assert [copied(dock)[0].reading for dock in docks] == [ReadingSettings(pixel_size=0.83)] * 3


def test_halves_of_other_pixel_sizes_than_one_are_said(
    docked: Any, viewer: Any, write_pair: Any, tmp_path: Path, model: Path, notices: list[str]
) -> None:
    write_pair("m1", 1)
    even, odd = (opened(viewer, tmp_path / f"m1_{half}.mrc") for half in ("EVN", "ODD"))
    dock = docked("Evaluate")[1]
    dock.even.layer, dock.odd.layer, dock.model.path = even, odd, model
    set_pixel_size(odd, 0.83)
    assert "the layers differ in pixel size" in refused(dock, notices)


def test_a_layer_is_read_again_as_it_was_opened(
    qtbot: Any, docked: Any, viewer: Any, grids: Path, model: Path
) -> None:
    reading = ReadingSettings(pixel_size=1.7, nan="mean")
    opening = OpeningJob.of(viewer)
    with qtbot.waitSignal(opening.ended):
        opening.open([grids / "grid0" / "m0.mrc"], reading=reading)
    dock = docked("Denoise")[1]
    dock.layer.layer, dock.model.path = viewer.layers[0], model
    assert copied(dock)[0].reading == reading


def test_a_training_on_a_folder_and_the_batch_after_it(
    qtbot: Any, docked: Any, write_pair: Any, tmp_path: Path, model: Path, grids: Path
) -> None:
    for seed, name in enumerate(("m1", "m2")):
        write_pair(name, seed)
    dock = docked("Train a denoiser")[1]
    dock.source.learn_from(tmp_path)
    checked(qtbot, dock)
    dock.folder.path, dock.start_model.path = tmp_path / "runs" / "run 1", model
    dock.form.fields["epochs"].value = 3
    (found,) = copied(dock)
    assert (found.halves, found.run) == ((tmp_path,), tmp_path / "runs" / "run 1")
    assert (found.fine_tune_from, found.training) == (model, dock.form.settings())
    dock.source.pairs.item(0).setCheckState(type(dock.source.pairs.item(0).checkState()).Unchecked)
    assert [path.name for path in copied(dock)[0].halves] == ["m2_EVN.mrc", "m2_ODD.mrc"]
    dock.then.wanted.setChecked(True)
    dock.then.micrographs.path = grids
    docked("Batch")[1].halves.box.setCurrentIndex(1)
    training, batch = copied(dock)
    assert batch.halves == "each"
    assert batch.model == training.run / "model.safetensors"
    assert (batch.paths, batch.output) == ((grids,), tmp_path / "session_denoised")


def test_a_training_on_layers_that_are_no_files_is_said(
    qtbot: Any, docked: Any, add_halves: Any, notices: list[str], tmp_path: Path
) -> None:
    add_halves()
    dock = docked("Train a denoiser")[1]
    dock.folder.path = tmp_path / "run"
    checked(qtbot, dock)
    assert "'m1_EVN' is not a file" in refused(dock, notices)


def test_a_training_on_counts_splits_them_first(
    docked: Any, viewer: Any, grids: Path, tmp_path: Path
) -> None:
    layer = opened(viewer, grids / "grid0" / "m0.mrc")
    dock = docked("Train a denoiser")[1]
    dock.source.choice.setCurrentIndex(3)
    dock.source.counted.layer = layer
    dock.folder.path = tmp_path / "run"
    thin, training = copied(dock)
    assert (thin.paths, thin.out) == ((grids / "grid0" / "m0.mrc",), tmp_path / "run_halves")
    assert (training.halves, training.run) == ((thin.out,), tmp_path / "run")


def test_an_evaluation_of_layers_beside_a_model(
    docked: Any, viewer: Any, write_pair: Any, tmp_path: Path, model: Path
) -> None:
    write_pair("m1", 1)
    halves = [opened(viewer, tmp_path / f"m1_{half}.mrc") for half in ("EVN", "ODD")]
    dock = docked("Evaluate")[1]
    dock.even.layer, dock.odd.layer = halves
    dock.model.path = model
    (found,) = copied(dock)
    assert found.paths == (tmp_path / "m1_EVN.mrc", tmp_path / "m1_ODD.mrc")
    assert (found.model, found.other) == ((model,), ())
    dock.denoised_even.layer, dock.denoised_odd.layer = halves
    assert copied(dock)[0].other == (f"denoised={tmp_path / 'm1_EVN.mrc'}", str(tmp_path / "m1_ODD.mrc"))


def test_picking(docked: Any, viewer: Any, grids: Path) -> None:
    opened(viewer, grids / "grid0" / "m0.mrc")
    dock = docked("Picks")[1]
    dock.form.set(PickingSettings(diameter=120, most=40))
    (found,) = copied(dock)
    assert (found.paths, found.output) == ((grids / "grid0" / "m0.mrc",), grids / "grid0" / "picks")
    assert found.picking == PickingSettings(diameter=120, most=40)


def test_halves_from_movies(docked: Any, grids: Path, tmp_path: Path) -> None:
    dock: MoviesWidget = docked("From movies")[1]
    dock.movies.path, dock.gain.path = grids, tmp_path / "gain.mrc"
    dock.form.fields["dose"].value = 1.2
    (found,) = copied(dock)
    assert (found.paths, found.output) == ((grids,), tmp_path / "session_halves")
    assert (found.gain, found.movies) == (tmp_path / "gain.mrc", dock.form.settings())


def test_what_is_listed_and_runs(docked: Any, grids: Path, notices: list[str]) -> None:
    dock = docked("Open micrographs")[1]
    assert "choose a folder or files" in refused(dock, notices)
    dock.folder.path = grids
    assert copied(dock)[0].paths == (grids,)
    assert "there are no runs" in refused(docked("Runs")[1], notices)


@pytest.mark.parametrize("name", ["Compare", "Browse"])
def test_docks_that_only_show_something_have_no_command(docked: Any, add_halves: Any, name: str) -> None:
    add_halves()
    words = [button.text() for button in docked(name)[1].findChildren(QPushButton)]
    assert "Copy as command" not in words

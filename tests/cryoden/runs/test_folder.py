"""What a run leaves on disk, however it ends, and how it is read back."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from cryoden.cli import main
from cryoden.errors import OutputError, RunError
from cryoden.events.history import History
from cryoden.events.reference_lines import GAIN_REFERENCES, LINES, REFERENCES
from cryoden.events.snr_gain import gain_of, in_db, reference_gains
from cryoden.events.training import EpochFinished, TrainingEvent
from cryoden.micrograph import HalfPair
from cryoden.model import checkpoint
from cryoden.reporting import markdown
from cryoden.runs.folder import RunFolder
from cryoden.runs.keeper import kept_in
from cryoden.runs.loss_plot import draw
from cryoden.runs.record import found, read
from cryoden.settings.training import TrainingSettings
from cryoden.simulation import exposure
from cryoden.simulation.scene import Scene
from cryoden.workflows import train_model
from tests.napari_cryoden import runs

QUICK = TrainingSettings(device="cpu", epochs=3, steps_per_epoch=2, batch=1, patch=64, learning_rate=1e-4)


@pytest.fixture(scope="module")
def pairs() -> list[HalfPair]:
    return [exposure.simulated(Scene(edge=256, particles=8, seed=s), f"m{s}") for s in (1, 2)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: Any, pairs: list[HalfPair]) -> tuple[Path, History]:
    """A run that came to its end, as its folder and as it was seen."""
    path, history = tmp_path_factory.mktemp("runs") / "apo", History()
    for event in train_model.train_halves(pairs, RunFolder(path), QUICK):
        history.add(event)
    return path, history


def test_a_run_that_ended_leaves_everything(whole: tuple[Path, History]) -> None:
    path, _ = whole
    names = {"run.json", "metrics.csv", "model.safetensors", "loss.png", "report.html", "report.md"}
    names |= {"denoised.png"} if RunFolder(path).model.is_file() else set()
    assert {file.name for file in path.iterdir()} == names


def test_a_run_is_read_back_as_it_was_seen(whole: tuple[Path, History]) -> None:
    path, seen = whole
    back = read(path).history()
    assert (back.steps, back.losses) == (seen.steps, seen.losses)
    assert back.started == seen.started
    assert back.status_line() == seen.status_line()
    told = [(e.epoch, e.step, e.validation_loss, e.quality, e.verdict) for e in back.epochs]
    assert told == [(e.epoch, e.step, e.validation_loss, e.quality, e.verdict) for e in seen.epochs]
    assert (back.best and back.best.epoch) == (seen.best and seen.best.epoch)


def test_the_record_tells_the_model_and_the_figures_of_its_best_epoch(whole: tuple[Path, History]) -> None:
    path, seen = whole
    record = read(path)
    assert record.state == "completed"
    assert seen.best is not None
    assert record.figure("best", "validation_loss") == seen.best.validation_loss
    assert checkpoint.load(record.folder.model).provenance["best_epoch"] == seen.best.epoch


def test_the_picture_shows_the_held_out_curve(whole: tuple[Path, History]) -> None:
    pixels = imread(RunFolder(whole[0]).plot)[..., :3]
    blue = np.abs(pixels - np.array(to_rgb(LINES["validation"].on_white))).max(-1) < 0.02
    assert blue.sum() > 100


def test_the_report_stands_alone_and_names_what_needs_no_training(whole: tuple[Path, History]) -> None:
    folder = RunFolder(whole[0])
    page = folder.report.read_text()
    assert "data:image/png;base64," in page
    assert 'src="loss.png"' not in page
    assert "http" not in page
    assert seen_in(page, *(line.label for line in REFERENCES.values()))
    assert "![SNR gain in the particle band, and losses](loss.png)" in folder.text.read_text()


def test_the_report_of_a_run_on_halves_has_the_snr_gain_of_the_model_and_of_simple_filters(
    whole: tuple[Path, History],
) -> None:
    text, seen = RunFolder(whole[0]).text.read_text(), whole[1]
    assert seen.started is not None
    assert seen.best is not None
    known, best = seen.started.references, seen.best.quality
    gains = reference_gains(known)
    assert set(gains) == set(GAIN_REFERENCES)
    for name, gain in gains.items():
        assert f"| SNR gain, {GAIN_REFERENCES[name].label} | {in_db(gain)}" in text
    assert f"| SNR gain, saved model | **{in_db(gain_of(known, best))}** (CC {best.band:.4f}) |" in text


def test_the_snr_gain_stands_above_the_losses(tmp_path: Path) -> None:
    heights = []
    for banded in (False, True):
        draw(runs.history(banded=banded), tmp_path / "loss.png")
        heights.append(len(imread(tmp_path / "loss.png")))
    assert heights[1] == 2 * heights[0]
    upper = imread(tmp_path / "loss.png")[: heights[0], :, :3]
    blue = np.abs(upper - np.array(to_rgb(LINES["validation"].on_white))).max(-1) < 0.02
    columns = np.flatnonzero(blue[:, :600].any(0))
    first, last = (np.flatnonzero(blue[:, at]).mean() for at in (columns[5], columns[-5]))
    assert last < first - 100  # it rises


def seen_in(page: str, *words: str) -> bool:
    return all(one in page for one in words)


def test_markup_in_a_name_stays_text() -> None:
    text = "| <script>alert(1)</script> | a \\| b |"
    assert "<script>" not in markdown.html("Run", f"|  |  |\n|---|---|\n{text}")


def test_a_stopped_run_says_so_and_keeps_its_best(tmp_path: Path, pairs: list[HalfPair]) -> None:
    folder = RunFolder(tmp_path / "run")
    with closing(events(pairs, folder)) as walking:
        next(e for e in walking if isinstance(e, EpochFinished) and e.weights is not None)
    assert read(folder.path).state == "stopped"
    assert checkpoint.load(folder.model).network == "unet"
    assert folder.plot.is_file()


def events(pairs: list[HalfPair], folder: RunFolder) -> Any:
    return train_model.train_halves(pairs, folder, QUICK)


def test_a_failed_run_says_why(tmp_path: Path) -> None:
    def breaking() -> Iterator[TrainingEvent]:
        yield from list(runs.events(2))[:-1]
        raise RuntimeError("CUDA out of memory. Tried to allocate 20 GiB")

    with pytest.raises(RuntimeError):
        list(kept_in(RunFolder(tmp_path / "run"), breaking()))
    record = read(tmp_path / "run")
    assert (record.state, record.message[:3]) == ("failed", "T06")
    assert record.history().epochs[-1].epoch == 2


def test_a_run_that_never_starts_leaves_no_folder(tmp_path: Path) -> None:
    def broken() -> Iterator[TrainingEvent]:
        yield from list(runs.events())[:1]
        raise RuntimeError("no data")

    with pytest.raises(RuntimeError):
        list(kept_in(RunFolder(tmp_path / "run"), broken()))
    assert list(tmp_path.iterdir()) == []


def test_a_killed_run_is_told_from_one_under_way_and_its_report_can_be_made(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom tests.napari_cryoden import runs\n"
        "from cryoden.runs.folder import RunFolder\nfrom cryoden.runs.keeper import kept_in\n"
        "from cryoden.runs.record import read\n"
        "for event in kept_in(RunFolder(Path(sys.argv[1])), runs.endless()):\n"
        "    if getattr(event, 'step', 0) == 25:\n"
        "        print(read(Path(sys.argv[1])).state, flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "run"
    ended = subprocess.run(
        [sys.executable, "-c", program, str(path)], check=False, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stdout.strip()) == (-signal.SIGKILL, "running")
    assert read(path).state == "interrupted"
    assert len(read(path).history().steps) == 20  # those of whole epochs
    with RunFolder(path).metrics.open("a") as file:
        file.write("21,3,2.1,0.9")  # a row that was being written
    assert main.main(["report", str(path)]) == 0
    assert "Interrupted: no sign of life since" in RunFolder(path).text.read_text()


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_run_that_is_refused_a_folder_leaves_what_is_in_it(tmp_path: Path, pairs: list[HalfPair]) -> None:
    folder = RunFolder(tmp_path / "run")
    with closing(events(pairs, folder)) as walking:
        next(event for event in walking if isinstance(event, EpochFinished))
        (folder.path / "report.md").write_text("notes of the first run")
        before = contents(folder.path)
        with pytest.raises(OutputError, match="O05"):
            list(train_model.train_halves(pairs, folder, QUICK))
        assert contents(folder.path) == before


def test_a_disk_that_is_full_at_the_end_is_an_error_and_no_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path / "run")
    walking: Any = kept_in(folder, runs.events())
    next(event for event in walking if isinstance(event, EpochFinished) and event.weights is not None)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("cryoden.runs.save_best.write", full)
    with pytest.raises(OutputError, match="O02"):
        walking.close()
    monkeypatch.undo()
    assert (read(folder.path).state, read(folder.path).message[:3]) == ("failed", "O02")


def test_a_disk_that_takes_no_more_losses_is_said_of_their_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def full(self: Path, *how: Any, **more: Any) -> Any:
        if self.name == "metrics.csv" and self.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return opened(self, *how, **more)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OutputError, match=r"O02 .*metrics\.csv"):
        list(kept_in(RunFolder(tmp_path / "run"), runs.events()))


def test_removing_a_run_leaves_what_others_have_put_there(tmp_path: Path) -> None:
    list(kept_in(RunFolder(tmp_path / "run"), runs.events()))
    (tmp_path / "run" / "notes.txt").write_text("mine")
    RunFolder(tmp_path / "run").remove()
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["notes.txt"]


def test_runs_are_found_below_a_folder_the_latest_first(tmp_path: Path) -> None:
    for name in ("a", "deeper/b"):
        list(kept_in(RunFolder(tmp_path / name), runs.events()))
    record = RunFolder(tmp_path / "a").record
    record.write_text(record.read_text().replace('"began": "20', '"began": "19'))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    assert [run.name for run in found(tmp_path)] == ["b", "a"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda path: path.unlink(), "R01"),
        (lambda path: path.write_text("{"), "R02"),
        (lambda path: path.write_text(json.dumps([1])), "R02"),
        (lambda path: path.write_text(path.read_text().replace("cryoden-run-1", "cryoden-run-0")), "R03"),
    ],
)
def test_a_record_that_cannot_be_read_is_told_in_one_line(tmp_path: Path, change: Any, code: str) -> None:
    list(kept_in(RunFolder(tmp_path / "run"), runs.events()))
    change(RunFolder(tmp_path / "run").record)
    with pytest.raises(RunError, match=code):
        read(tmp_path / "run")


def test_the_command_line_makes_a_run_folder_or_a_model_file_and_not_both(
    capsys: Any, tmp_path: Path
) -> None:
    where = ["--model", str(tmp_path / "m.safetensors"), "--run", str(tmp_path / "run")]
    assert main.main(["train", "--halves", str(tmp_path), *where]) == 2
    assert "S03" in capsys.readouterr().err
    assert main.main(["train", "--halves", str(tmp_path)]) == 2

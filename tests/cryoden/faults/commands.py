"""Commands that write, as short as they can be, and what they are given."""

from __future__ import annotations

import contextlib
import io
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cryoden.cli.main import main
from cryoden.errors import CryodenError
from cryoden.io import mrc
from cryoden.model import checkpoint
from cryoden.runs.folder import RunFolder
from cryoden.runs.keeper import kept_in
from tests.cryoden.denoising.test_denoise import model
from tests.cryoden.movies.movies import write_mrc
from tests.cryoden.scenes import scene, write_halves
from tests.cryoden.workflows.test_thinning import RATE
from tests.napari_cryoden.runs import events

EDGE = 256
STAR = """
data_micrographs

loop_
_rlnMicrographName #1
_rlnMicrographPixelSize #2
in/m0.mrc 1.5
in/m1.mrc 1.5
"""


@dataclass(frozen=True)
class Command:
    """What is run again and again, each time with one call of the system that fails.

    Parameters
    ----------
    run : callable
        Runs it on the folder they all work in and returns its exit status; results go below ``out``.
    inputs : callable
        Writes what it reads into that folder.
    repeats : bool
        Whether the same command once more completes what an earlier one has left.
    unfinished : tuple of str
        Files that say how far an unfinished command has come.
    exact : bool
        Whether the same command writes the same bytes; else there are times in them.
    spared : tuple of str
        Patterns of files without which a command may end well, because it says so or they can be had again.
    into : bool
        Whether the folder of its results has to be there.
    """

    run: Callable[[Path], int]
    inputs: Callable[[Path], None]
    repeats: bool = True
    unfinished: tuple[str, ...] = ()
    exact: bool = True
    spared: tuple[str, ...] = ()
    into: bool = False


def micrographs(folder: Path) -> None:
    (folder / "in").mkdir()
    for number in range(2):
        pixels = scene(number, (EDGE, EDGE)).even.data
        mrc.write(folder / "in" / f"m{number}.mrc", pixels, pixel_size=1.5, label="made for a test")
    checkpoint.write(model("baseline"), folder / "model.safetensors")
    (folder / "list.star").write_text(STAR)


def counts(folder: Path) -> None:
    (folder / "in").mkdir()
    drawn = np.random.default_rng(0).poisson(RATE).astype(np.float32)
    mrc.write(folder / "in" / "m0.mrc", drawn, pixel_size=2.0, label="counts made for a test")


def movie(folder: Path) -> None:
    (folder / "in").mkdir()
    write_mrc(folder / "in" / "m0.mrcs", np.stack([scene(0, (64, 64)).even.data] * 4))


def halves(folder: Path) -> None:
    (folder / "in").mkdir()
    for number in range(2):
        write_halves(folder / "in", scene(number))


def evaluated(folder: Path) -> None:
    halves(folder)
    checkpoint.write(model("baseline"), folder / "model.safetensors")


def experiment(folder: Path) -> None:
    micrographs(folder)
    own = ["baseline", str(folder / "in"), "--run", str(folder / "run"), "--patch", "48", "--stride", "48"]
    with contextlib.redirect_stdout(io.StringIO()):
        assert not main([*own, "--validation-pairs", "2", "--epochs", "1", "--batch", "3", "--device", "cpu"])


def _denoise(folder: Path) -> int:
    own = ["denoise", str(folder / "in"), "--output", str(folder / "out"), "--device", "cpu", "--confidence"]
    return main([*own, "--model", str(folder / "model.safetensors")])


def _relion(folder: Path) -> int:
    own = ["relion", "--o", f"{folder}/out/", "--in_mics", str(folder / "list.star"), "--device", "cpu"]
    return main([*own, "--model", str(folder / "model.safetensors")])


def _patches(folder: Path) -> int:
    own = ["patches", "build", str(folder / "in"), "--out", str(folder / "out")]
    return main([*own, "--patch", "64", "--stride", "64", "--shard", "12"])


def _thin(folder: Path) -> int:
    return main(["thin", str(folder / "in"), "--out", str(folder / "out")])


def _halves(folder: Path) -> int:
    own = ["halves", str(folder / "in"), "--output", str(folder / "out"), "--device", "cpu"]
    return main([*own, "--pixel-size", "1.5"])


def _train(folder: Path) -> int:
    """Train, or resume what was left, with checkpoints."""
    own = ["train", "--halves", str(folder / "in"), "--run", str(folder / "out"), "--resume", "auto"]
    short = ["--network", "baseline", "--epochs", "1", "--steps-per-epoch", "12", "--learning-rate", "0.02"]
    same = ["--batch", "2", "--patch", "64", "--device", "cpu", "--precision", "float32"]
    return main([*own, *short, *same, "--checkpoint-minutes", "0.001"])


def _evaluate(folder: Path) -> int:
    own = ["evaluate", str(folder / "in"), "--model", str(folder / "model.safetensors"), "--device", "cpu"]
    results = ["--report", str(folder / "out" / "e.html"), "--figures", str(folder / "out" / "e.json")]
    return main([*own, *results, "--overwrite"])


def _export(folder: Path) -> int:
    own = ["export", str(folder / "run"), "--out", str(folder / "out" / "raw")]
    return main([*own, "--pairs", "2", "--edge", "32", "--batches", "1", "--steps", "2"])


def _run_folder(folder: Path) -> int:
    """Keep a run whose events are given: what it trains would take most of the time."""
    try:
        deque(kept_in(RunFolder(folder / "out"), events(epochs=2)), maxlen=0)
    except CryodenError as error:
        print(error, file=sys.stderr)  # noqa: T201  as the program does
        return 1
    return 0


def nothing(_: Path) -> None:
    """Read nothing."""


COMMANDS = {
    "denoise": Command(_denoise, micrographs),
    "relion": Command(
        _relion, micrographs, unfinished=("RELION_JOB_EXIT_FAILURE", "micrographs_denoised.star")
    ),
    "patches": Command(_patches, micrographs, unfinished=("plan.json",)),
    "thin": Command(_thin, counts),
    "halves": Command(_halves, movie),
    "run": Command(_run_folder, nothing, repeats=False, exact=False, unfinished=("heartbeat",)),
    "train": Command(
        _train,
        halves,
        exact=False,
        unfinished=("heartbeat",),
        # A checkpoint that finds no room is a warning, and `cryoden report` draws the rest again.
        spared=("checkpoints/step-*", "denoised.png*", "loss.png*", "report.*"),
    ),
    "evaluate": Command(_evaluate, evaluated, exact=False, into=True),
    "export": Command(_export, experiment),
}

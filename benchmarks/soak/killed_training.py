"""A training that is killed at random, again and again, and resumed: the same bits as one that never was.

    python benchmarks/soak/killed_training.py [--kills 50] [--command train] [--workers 1] [--seed 0]

The same command with --resume auto is started and killed (SIGKILL) at a random moment: while it loads,
prepares, computes, or writes one of its checkpoints, of which there is one after each step. Then it is let
run to its end, and compared with a run that nobody has killed: weights, average, optimizer, losses, and the
saved model. Exits with 1 where anything differs, or was left behind.
"""

from __future__ import annotations

import argparse
import csv
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from cryoden.checkpoints.keeping import RANDOM
from cryoden.checkpoints.kept_checkpoints import Checkpoints
from cryoden.io import mrc
from cryoden.model.checkpoint import load
from cryoden.runs.folder import RunFolder

STEPS_A_KILL, STEPS_AN_EPOCH = 6, 50
EDGE, PATCH, BLOCK = 256, 64, 8
LONGEST = 4.0  # s until a process is killed that is still loading
EARLY = 0.2  # of the kills
OF_TIME = {"elapsed", "seconds", "batches", "images", "megabytes"}


def make(folder: Path) -> None:
    """Write a few pairs of halves: blocks under independent noise."""
    folder.mkdir()
    for seed in range(3):
        draw = np.random.default_rng(seed)
        clean = np.kron(draw.normal(0, 1.0, (EDGE // BLOCK, EDGE // BLOCK)), np.ones((BLOCK, BLOCK)))
        for name in ("EVN", "ODD"):
            pixels = (100 + 10 * (clean + draw.normal(size=clean.shape))).astype(np.float32)
            mrc.write(folder / f"m{seed}_{name}.mrc", pixels, pixel_size=1.5, label="blocks and noise")


def command(asked: argparse.Namespace, data: Path, run: Path) -> list[str]:
    """Return the command that begins a run, or resumes it."""
    own = [sys.executable, "-m", "cryoden.cli.main", "--json", asked.command, "--run", str(run)]
    own += ["--resume", "auto", "--device", "cpu", "--patch", str(PATCH), "--checkpoint-minutes", "1e-6"]
    if asked.command == "baseline":
        of_an_epoch = (3 * 2 * (EDGE // PATCH) ** 2 - 16) // 2
        epochs = 1 + STEPS_A_KILL * asked.kills // of_an_epoch
        own += ["--epochs", str(epochs), "--batch", "2", "--stride", str(PATCH), "--validation-pairs", "4"]
        return [*own, *map(str, sorted(data.glob("*.mrc")))]
    epochs = 1 + STEPS_A_KILL * asked.kills // STEPS_AN_EPOCH
    own += [
        "--epochs",
        str(epochs),
        "--steps-per-epoch",
        str(STEPS_AN_EPOCH),
        "--batch",
        "2",
        "--patience",
        "0",
    ]
    own += ["--workers", str(asked.workers)] if asked.workers > 1 else []
    return [*own, "--network", asked.network, "--precision", "float32", "--halves", str(data)]


def killed(program: list[str], draw: random.Random) -> int:
    """Start a process and kill it at a random moment; return its exit status, 0 if it was faster."""
    left = draw.randrange(2 * STEPS_A_KILL)
    with subprocess.Popen(  # noqa: S603  our own program
        program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as started:
        if draw.random() < EARLY:
            threading.Timer(draw.uniform(0, LONGEST), started.kill).start()
        steps = (line for line in started.stdout or () if '"StepFinished"' in line)
        for _ in islice(steps, left, None):
            time.sleep(draw.uniform(0, 0.02))
            started.kill()
    return started.returncode


def finished(program: list[str]) -> None:
    """Let a run come to its end; it may be too short to learn anything (T01)."""
    ended = subprocess.run(  # noqa: S603  our own program
        program, capture_output=True, text=True, check=False
    )
    if ended.returncode and "T01" not in ended.stderr:
        raise SystemExit(f"ended with {ended.returncode}: {ended.stderr}")


def losses(run: RunFolder) -> list[dict[str, str]]:
    """Return all steps and epochs, without times."""
    with run.metrics.open() as file:
        return [{name: row[name] for name in row if name not in OF_TIME} for row in csv.DictReader(file)]


def differences(one: RunFolder, other: RunFolder) -> Iterator[str]:
    """Yield in what two runs differ, and what is there that should not be."""
    here, there = (Checkpoints(run.checkpoints).newest()[0] for run in (one, other))
    if here.step != there.step or here.arrays.keys() != there.arrays.keys():
        yield f"steps {here.step} and {there.step}"
        return
    own = [name for name in here.arrays if not name.startswith(RANDOM)]  # its own; those are the process's
    yield from (name for name in own if not np.array_equal(here.arrays[name], there.arrays[name]))
    if losses(one) != losses(other):
        yield "losses"
    if one.model.exists() != other.model.exists():
        yield "a saved model"
    elif one.model.exists():
        first, second = load(one.model).weights, load(other.model).weights
        yield from (f"saved {name}" for name in first if not np.array_equal(first[name], second[name]))
    yield from (f"{path.name} was left behind" for path in other.path.rglob(".*"))
    if len(list(other.checkpoints.iterdir())) > 2:
        yield "more than one checkpoint and the facts of its data"


def main(arguments: list[str] | None = None) -> int:
    """Run it and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--command", choices=("train", "baseline"), default="train")
    parser.add_argument("--network", choices=("baseline", "unet"), default="baseline", help="of train")
    parser.add_argument("--workers", type=int, default=1, help="processes that share each batch, of train")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    draw, began = random.Random(asked.seed), time.monotonic()  # noqa: S311  no secret
    with tempfile.TemporaryDirectory() as folder:
        data, one, other = (Path(folder) / name for name in ("halves", "one", "other"))
        make(data)
        finished(command(asked, data, one))
        kills = most = 0
        while kills < asked.kills and killed(command(asked, data, other), draw):
            kills += 1
            most = max(most, len(list((other / "checkpoints").glob("step-*"))))
        finished(command(asked, data, other))
        found = list(differences(RunFolder(one), RunFolder(other)))
        steps = Checkpoints(other / "checkpoints").newest()[0].step
    print(f"{asked.command}: killed {kills} times in {steps} steps, {time.monotonic() - began:.0f} s")
    print(f"at most {most} checkpoints at once")
    print("the same bits as a run that was not killed" if not found else "differs: " + ", ".join(found))
    return int(bool(found) or kills < asked.kills)


if __name__ == "__main__":
    sys.exit(main())

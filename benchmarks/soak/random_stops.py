"""A training that is told to stop at random moments, again and again: how soon it ends, and what it leaves.

    python benchmarks/soak/random_stops.py [--stops 200] [--seed 0]

The same command with --resume auto is started and stopped by Ctrl-C, SIGTERM, SIGHUP or SIGUSR1 at a random
moment, until it comes to its end; then it begins anew in another folder. After each stop every file is whole,
no input has changed, and nothing hidden is left; each run that comes to its end has the weights, bit for bit,
of one that nobody has stopped. Prints the seconds from signal to end, and exits with 1 where anything is
wrong, or one took more than five.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cryoden.checkpoints.kept_checkpoints import Checkpoints
from cryoden.cli.main import main as cryoden
from cryoden.runs.folder import RunFolder
from tests.cryoden.faults.walking import contents, hidden, readable, state
from tests.cryoden.scenes import scene, write_halves

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
LONGEST = 5.0  # s from the signal to the end of the process
OWN = ["--network", "baseline", "--epochs", "4", "--steps-per-epoch", "20", "--batch", "2", "--patch", "64"]
OWN += [
    "--learning-rate",
    "0.02",
    "--device",
    "cpu",
    "--precision",
    "float32",
    "--checkpoint-minutes",
    "0.002",
]
GROWING = {"heartbeat"}


@dataclass
class Stops:
    """One training in one folder."""

    folder: Path
    draw: random.Random
    seconds: list[float] = field(default_factory=list)
    ends: int = 0
    early: int = 0  # before the program could heed a signal
    found: list[str] = field(default_factory=list)

    @property
    def out(self) -> Path:
        """The run that is stopped."""
        return self.folder / "out"

    def run(self, stops: int) -> None:
        """Stop it so many times."""
        (self.folder / "in").mkdir()
        for number in range(3):
            write_halves(self.folder / "in", scene(number))
        self.inputs = state(self.folder)
        self._ended(None)  # what is imported is so in those that follow
        shutil.rmtree(self.out)
        self._length, _ = self._ended(None)
        self.whole = weights(self.out)
        shutil.rmtree(self.out)
        while len(self.seconds) < stops:
            self._stop()

    def _stop(self) -> None:
        number = self.draw.choice(SIGNALS)
        took, status = self._ended(number)
        if status == 0:
            self.ends += 1
            self._compare()
            shutil.rmtree(self.out)
        elif status < 0:
            self.early += 1
        else:
            self.seconds.append(took)
            self._check(f"stop {len(self.seconds)} by {number.name}", status - 128 - number)

    def _ended(self, number: signal.Signals | None) -> tuple[float, int]:
        """Run it in a process of its own; return the seconds from signal to end, and its status."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        began, child = time.monotonic(), os.fork()
        if not child:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # as of the others, until the program heeds it
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            self._run_here()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        if number is not None:
            time.sleep(self.draw.uniform(0, self._length))
            began = time.monotonic()
            os.kill(child, number)  # until it is waited for, its number is its own
        _, status = os.waitpid(child, 0)
        return time.monotonic() - began, os.waitstatus_to_exitcode(status)

    def _run_here(self) -> None:
        asked = [
            "train",
            "--halves",
            str(self.folder / "in"),
            "--run",
            str(self.out),
            "--resume",
            "auto",
            *OWN,
        ]
        with (self.folder / ".said").open("w") as said, contextlib.suppress(KeyboardInterrupt):
            for stream in (sys.stdout, sys.stderr):
                os.dup2(said.fileno(), stream.fileno())
            os._exit(cryoden(asked))
        os._exit(128 + signal.SIGINT)

    def _check(self, where: str, difference: int) -> None:
        """Look for what must not be after a stop."""
        said = (self.folder / ".said").read_text()
        if difference or "Traceback" in said or "G03" in said:
            self.found.append(f"{where}: exit status off by {difference}, said {said.strip()!r}")
        inputs = {name: facts for name, facts in state(self.folder).items() if not name.endswith("/.said")}
        if inputs != self.inputs:
            self.found.append(f"{where}: an input has changed")
        for name in contents(self.out):
            if name not in GROWING and not readable(self.out / name):
                self.found.append(f"{where}: {name} is not whole")
        self.found += [f"{where}: {name} was left behind" for name in hidden(self.out)]

    def _compare(self) -> None:
        now = weights(self.out)
        differ = [name for name in self.whole if not np.array_equal(self.whole[name], now[name])]
        self.found += [f"end {self.ends}: {name} has other bits" for name in differ]


def weights(run: Path) -> dict[str, Any]:
    """Return all arrays of the last checkpoint, but for the state of generators, which is the process's."""
    arrays = Checkpoints(RunFolder(run).checkpoints).newest()[0].arrays
    return {name: values for name, values in arrays.items() if not name.startswith("random/")}


def main(arguments: list[str] | None = None) -> int:
    """Run it and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--stops", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        soak = Stops(Path(folder), random.Random(asked.seed))  # noqa: S311  no secret
        soak.run(asked.stops)
    took = sorted(soak.seconds)
    print(f"stopped {len(took)} times, {soak.ends} ends, {soak.early} signals before the program began")
    print(f"from signal to end: median {statistics.median(took):.2f} s, 95 % within ", end="")
    print(f"{took[int(0.95 * (len(took) - 1))]:.2f} s, at most {took[-1]:.2f} s")
    print("\n".join(soak.found) or "all files whole, all ended runs the same bits", flush=True)
    return int(bool(soak.found) or took[-1] > LONGEST)


if __name__ == "__main__":
    sys.exit(main())

"""Commands that are killed at random, again and again: nothing half, nothing lost, nothing made twice.

    python benchmarks/soak/killed_commands.py [--kills 1000] [--command denoise ...] [--seed 0]
    python benchmarks/soak/killed_commands.py --kills 10 --files 5000 --lives 0.15

Each command is started and killed (SIGKILL) at a random moment, until it comes to its end; then it begins
anew in another folder. After each kill every file under a final name is compared with that of a run that
nobody has killed (what has times in it has to be a whole one of its kind), and with what was there
before: a result that was whole is never made again. Exits with 1 where anything differs, or was left
behind. With ``--files`` a batch of so many micrographs is denoised; ``--lives`` is how long a process lives
at most, as a share of the time that all of it takes.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cryoden.io import mrc
from tests.cryoden.faults.commands import COMMANDS, Command
from tests.cryoden.faults.walking import clear, contents, hidden, is_whole, state

GROWING = {"plan.json", "micrographs_denoised.star", "RELION_JOB_EXIT_FAILURE", "RELION_OUTPUT_NODES.star"}
REWRITTEN = {"index.json", "micrographs.star", "RELION_JOB_EXIT_SUCCESS"}  # by each call, with the same bytes
TOGETHER = ("_confidence", "_denoised"), ("_EVN", "_ODD"), ("_ODD", "_EVN")


@dataclass
class Soak:
    """One command in one folder."""

    command: Command
    folder: Path
    draw: random.Random
    lives: float = 1.0  # at most, of the time that all of it takes
    kills: int = 0
    ends: int = 0
    found: list[str] = field(default_factory=list)
    inputs: dict[str, Any] = field(default_factory=dict)  # as they were
    whole: dict[str, bytes] = field(default_factory=dict)  # results of a run that nobody has killed
    before: dict[Path, os.stat_result] = field(default_factory=dict)  # results before the last run

    @property
    def out(self) -> Path:
        """Where its results lie."""
        return self.folder / "out"

    def run(self, kills: int) -> None:
        """Kill the command so many times."""
        self.command.inputs(self.folder)
        clear(self.command, self.out)
        self.inputs = state(self.folder)
        self._run(None)  # what is imported is so in those that follow
        clear(self.command, self.out)
        self._seconds = self._run(None)
        self.whole = contents(self.out)
        while self.kills < kills:
            clear(self.command, self.out)
            while self.kills < kills and self._killed():
                self.check()
            self._end()

    def _run(self, kill_after: float | None) -> float:
        """Run it in a process of its own, and return its seconds, negative where it was killed."""
        began, child = time.monotonic(), os.fork()
        if not child:
            self._run_here()
        timer = threading.Timer(threading.TIMEOUT_MAX if kill_after is None else kill_after, _kill, (child,))
        timer.start()
        _, status = os.waitpid(child, 0)
        timer.cancel()
        timer.join()
        seconds = time.monotonic() - began
        return -seconds if os.WIFSIGNALED(status) else seconds

    def _run_here(self) -> None:
        """Run it in this process, and end it."""
        with Path(os.devnull).open("w") as nowhere, contextlib.suppress(BaseException):
            with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
                self.command.run(self.folder)
            os._exit(0)
        os._exit(1)

    def _killed(self) -> bool:
        self.before = {path: path.stat() for path in self.results()}
        was = self._run(self.draw.uniform(0, self.lives * self._seconds)) < 0
        self.kills += was
        return was

    def results(self) -> list[Path]:
        """Return the files that are there and whole."""
        return [self.out / name for name in contents(self.out) if not self._grows(name)]

    def check(self) -> None:
        """Look for what must not be after the last run."""
        where = f"kill {self.kills}: "
        if state(self.folder) != self.inputs:
            self.found.append(where + "an input has changed")
        for name, data in contents(self.out).items():
            expected = self.whole.get(name)
            if not (self._grows(name) or is_whole(self.command, self.out / name, data, expected)):
                self.found.append(where + f"{name} is not whole")
        for path, before in self.before.items():
            lost = not path.exists()
            if lost and path.parent.name != "checkpoints":  # of which only the last are kept
                self.found.append(where + f"{path.name} is lost")
            elif not lost and when(path.stat()) != when(before) and self._counted(path):
                self.found.append(where + f"{path.name} was made twice")

    def _grows(self, name: str) -> bool:
        return Path(name).name in GROWING or name in self.command.unfinished

    def _counted(self, path: Path) -> bool:
        """Whether a file need not be made again: of two made together it is, where one is not there yet."""
        if path.name in REWRITTEN or not self.command.exact:
            return False
        names = [path.stem.removesuffix(one) + two for one, two in TOGETHER if path.stem.endswith(one)]
        others = [path.with_name(name + path.suffix) for name in names]
        return all(other in self.before for other in others)

    def _end(self) -> None:
        """Let it come to its end, and compare."""
        self.before = {path: path.stat() for path in self.results()}
        self._run(None)
        self.ends += 1
        self.check()
        missing = self.whole.keys() - contents(self.out).keys()
        self.found += [f"after kill {self.kills}: {name} is missing" for name in missing]
        self.found += [f"after kill {self.kills}: {name} was left behind" for name in hidden(self.out)]


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        os.kill(process, signal.SIGKILL)


def many(files: int, folder: Path) -> None:
    """Write so many small micrographs, no two alike."""
    COMMANDS["denoise"].inputs(folder)
    draw = np.random.default_rng(0)
    for number in range(2, files):
        pixels = draw.standard_normal((64, 64), np.float32)
        mrc.write(folder / "in" / f"m{number}.mrc", pixels, pixel_size=1.5, label="made for a test")


def when(found: os.stat_result) -> tuple[int, int]:
    """Return what differs once a file was made again."""
    return found.st_ino, found.st_mtime_ns


def main(arguments: list[str] | None = None) -> int:
    """Run it and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000, help="of each command")
    repeated = [name for name in COMMANDS if COMMANDS[name].repeats]
    parser.add_argument("--command", choices=repeated, nargs="*", help="all of them by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", type=int, help="denoise so many micrographs")
    parser.add_argument("--lives", type=float, default=1.0)
    asked = parser.parse_args(arguments)
    status = 0
    for name in asked.command or (["denoise"] if asked.files else repeated):
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            inputs = partial(many, asked.files) if asked.files else COMMANDS[name].inputs
            command, draw = replace(COMMANDS[name], inputs=inputs), random.Random(asked.seed)  # noqa: S311  no secret
            soak = Soak(command, Path(folder), draw, asked.lives)
            os.chdir(folder)
            soak.run(asked.kills)
            os.chdir("/")
        print(f"{name}: killed {soak.kills} times, {soak.ends} ends, {time.monotonic() - began:.0f} s")
        print("\n".join(soak.found) or "nothing half-written, nothing lost, nothing made twice", flush=True)
        status |= bool(soak.found)
    return status


if __name__ == "__main__":
    sys.exit(main())

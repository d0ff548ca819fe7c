"""Ten processes, one output folder: one has it, or each file is made once, and the others say whose it is.

    python benchmarks/soak/ten_processes.py [--rounds 20] [--processes 10]

In each round all of them begin at the same moment: a training into one run folder; the same run, left,
resumed by all; a batch of denoising into one folder. One trains and the others refuse with process and host;
each micrograph is denoised by one. Exits with 1 where anything else happens, or is left behind.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cryoden.cli.main import main as cryoden
from cryoden.io import mrc
from cryoden.model import checkpoint
from cryoden.runs.record import read
from tests.cryoden.checkpoints.interrupted import begun, until
from tests.cryoden.denoising.test_denoise import model
from tests.cryoden.faults.walking import contents, hidden
from tests.cryoden.scenes import scene, write_halves

OWN = ["--network", "baseline", "--epochs", "2", "--steps-per-epoch", "20", "--batch", "2", "--patch", "64"]
OWN += ["--learning-rate", "0.02", "--device", "cpu", "--precision", "float32"]
WHOSE = re.compile(r"[OR]05  .*process \d+ on \S+")
FILES = 12
Ended = list[tuple[int, str, str]]  # status, output, errors


def together(folder: Path, asked: list[str], processes: int) -> Ended:
    """Run one command in so many processes that wait for each other; return how each ended."""
    gate, opened = os.pipe()
    children = [_child(folder, number, asked, gate) for number in range(processes)]
    time.sleep(0.2)  # all wait
    os.write(opened, bytes(processes))
    ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    for end in (gate, opened):
        os.close(end)
    said = [
        [(folder / f"{number}.{end}").read_text() for end in ("out", "err")] for number in range(processes)
    ]
    return [(status, *words) for status, words in zip(ended, said, strict=True)]  # type: ignore[misc]  # two of them


def _child(folder: Path, number: int, asked: list[str], gate: int) -> int:
    child = os.fork()
    if child:
        return child
    for end, stream in (("out", sys.stdout), ("err", sys.stderr)):
        os.dup2(os.open(folder / f"{number}.{end}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream.fileno())
    os.read(gate, 1)
    status = cryoden(asked)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def one_trains(ended: Ended, run: Path) -> Iterator[str]:
    """Yield what is wrong where one trains and the others refuse."""
    statuses = Counter(status for status, *_ in ended)
    if statuses != {0: 1, 1: len(ended) - 1}:
        yield f"ended with {dict(statuses)}"
    yield from (f"said {err.strip()!r}" for status, _, err in ended if status and not WHOSE.search(err))
    if read(run).state != "completed":
        yield f"the run is {read(run).state}"
    yield from (f"{name} was left behind" for name in hidden(run))


def each_is_made_once(ended: Ended, out: Path, whole: dict[str, bytes]) -> Iterator[str]:
    """Yield what is wrong where all work through the same micrographs."""
    events = [json.loads(line) for _, output, _ in ended for line in output.splitlines()]
    made = Counter(event["path"] for event in events if event["event"] == "FileFinished")
    if set(made.values()) != {1} or len(made) != FILES:
        yield f"made so often: {dict(made)}"
    yield from (event["message"] for event in events if event["event"] == "FileFailed")
    yield from (f"said {err.strip()!r}" for _, _, err in ended if "Traceback" in err or "G03" in err)
    if contents(out) != whole:
        yield "results differ from those of one process"
    yield from (f"{name} was left behind" for name in hidden(out))


def round_of(folder: Path, number: int, processes: int, whole: dict[str, bytes]) -> Iterator[str]:
    """Yield what is wrong in one round."""
    run = folder / f"run{number}"
    new = ["train", "--halves", str(folder / "halves"), "--run", str(run), *OWN]
    yield from (f"train: {one}" for one in one_trains(together(folder, new, processes), run))
    left = folder / f"left{number}"
    until(begun(folder / "halves", left, learning_rate=0.02), 3)
    again = together(folder, ["train", "--resume", str(left)], processes)
    yield from (f"resume: {one}" for one in one_trains(again, left))
    ended = together(folder, denoise(folder, folder / "out"), processes)
    yield from (f"denoise: {one}" for one in each_is_made_once(ended, folder / "out", whole))
    for path in (run, left, folder / "out"):
        shutil.rmtree(path)


def denoise(folder: Path, out: Path) -> list[str]:
    """Return the command that denoises all micrographs."""
    own = ["--json", "denoise", str(folder / "in"), "--output", str(out), "--device", "cpu"]
    return [*own, "--model", str(folder / "model.safetensors")]


def prepared(folder: Path) -> dict[str, bytes]:
    """Write what is read, load what is imported, and return the results of one process."""
    for name in ("halves", "in"):
        (folder / name).mkdir()
    for seed in range(3):
        write_halves(folder / "halves", scene(seed))
    for number in range(FILES):
        pixels = scene(number % 3, (256, 256)).even.data
        mrc.write(folder / "in" / f"m{number}.mrc", pixels, pixel_size=1.5, label="made for a test")
    checkpoint.write(model("baseline"), folder / "model.safetensors")
    together(folder, denoise(folder, folder / "alone"), 1)
    return contents(folder / "alone")


def main(arguments: list[str] | None = None) -> int:
    """Run it and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--processes", type=int, default=10)
    asked = parser.parse_args(arguments)
    found: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        whole = prepared(Path(name))
        for number in range(asked.rounds):
            found += (
                f"round {number}, {one}" for one in round_of(Path(name), number, asked.processes, whole)
            )
    print(f"{asked.rounds} rounds of {asked.processes} processes")
    print("\n".join(found) or "one trains, one resumes, each file is made once", flush=True)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())

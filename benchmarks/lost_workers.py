"""Thousands of small files on workers that are killed at random: every result right, none twice, none lost.

    python benchmarks/lost_workers.py [--files 5000] [--workers 4] [--kills 10] [--seed 0] [--edge 64]

Files of a few scenes, each the same for many files, are denoised by worker processes, of which one is killed
(SIGKILL) at a random moment, again and again. Then each result is compared with that of a process
that nobody has killed, and each file has to have been reported once. Exits with 1 otherwise.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
from batch import MEMORY, untrained

from cryoden.compute.hiring import hired
from cryoden.dataset.output_paths import results
from cryoden.events.batch import BatchEvent, BatchFinished, FileFailed, FileFinished, FileSkipped, FileStarted
from cryoden.formats import micrographs
from cryoden.io import mrc
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.workers import WorkerSettings
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files
from cryoden.workflows.denoise_on_workers import denoise_on

SCENES = 20


def make(folder: Path, files: int, edge: int) -> None:
    """Write files; those whose numbers differ by a multiple of `SCENES` have the same pixels."""
    folder.mkdir()
    draw = np.random.default_rng(0)
    scenes = draw.normal(50, 7, (SCENES, edge, edge)).astype(np.float32)
    for number in range(files):
        path = folder / f"m{number:05}.mrc"
        mrc.write(path, scenes[number % SCENES], pixel_size=1.0, label="random pixels")


def with_kills(events: Iterator[BatchEvent], at: set[int], draw: random.Random) -> Iterator[BatchEvent]:
    """Pass events on; shortly after some of the files one of the workers is killed."""
    for event in events:
        if isinstance(event, FileStarted) and event.index in at:
            threading.Timer(draw.uniform(0, 0.5), _kill, [draw]).start()
        yield event


def _kill(draw: random.Random) -> None:
    workers = [
        one for one in psutil.Process().children(recursive=True) if "spawn_main" in " ".join(one.cmdline())
    ]
    if workers:
        victim = draw.choice(workers)
        print(f"process {victim.pid} is killed", flush=True)
        victim.kill()


def problems(heard: list[BatchEvent], targets: dict[Path, Path], right: Path) -> list[str]:
    """Return what is wrong with a batch."""
    ends = Counter(e.path for e in heard if isinstance(e, FileFinished | FileSkipped | FileFailed))
    expected = {path.name: micrographs.read(path).data for path in right.iterdir()}
    found = [f"{path.name} was reported {ends[path]} times" for path in targets if ends[path] != 1]
    found += [e.message for e in heard if isinstance(e, FileFailed)]
    for number, target in enumerate(targets.values()):
        wanted = expected[f"m{number % SCENES:05}_denoised.mrc"]
        if not (target.is_file() and np.array_equal(micrographs.read(target).data, wanted)):
            found.append(f"{target.name} is missing or wrong")
    hidden = [path.name for path in next(iter(targets.values())).parent.iterdir() if path.name[0] == "."]
    return found + [f"{name} was left behind" for name in hidden if name.endswith(".part")]


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--edge", type=int, default=64)
    parser.add_argument("--folder", type=Path, default=MEMORY if MEMORY.is_dir() else None)
    return parser.parse_args()


def main() -> int:
    """Print what was found; return 1 when something is wrong."""
    asked = arguments()
    draw = random.Random(asked.seed)  # noqa: S311  nothing is secret
    at = set(draw.sample(range(1, asked.files * 9 // 10), asked.kills))
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder, out, right = (Path(name) / part for part in ("in", "out", "right"))
        make(folder, asked.files, asked.edge)
        model = untrained(Path(name), "baseline")
        request = BatchRequest(model, DenoisingSettings("cpu", ring_gains=False))
        targets, began = results([folder], out), time.monotonic()
        with hired(WorkerSettings(workers=asked.workers), "auto") as crew:
            heard = list(with_kills(denoise_on(crew, request, {}, targets), at, draw))
        seconds = time.monotonic() - began
        list(denoise_files(sorted(folder.iterdir())[:SCENES], right, request))
        wrong = problems(heard, targets, right)
    ended = heard[-1]
    assert isinstance(ended, BatchFinished)
    print(f"{ended.finished:,} made, {ended.skipped:,} made by workers that were killed, {seconds:.0f} s")
    good = f"{asked.files:,} results are right, none is missing, none was reported twice"
    print("\n".join(wrong[:20]) or good)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

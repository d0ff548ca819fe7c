"""What training reads from micrographs on disk, and how fast: in one run, so that ratios can be compared.

    python benchmarks/training_io.py [--micrographs 64] [--rows 1023] [--columns 5760] [--folder FOLDER]

First one window of a K3 micrograph (4092 × 5760 px, 0.83 Å/px), as a patch of 256 px of 3 Å needs it: bytes
asked for and time, by whole rows and by columns, from the page cache and after the system was asked to
drop the file. Then batches a second of pairs on disk, read ahead as training does, without a step:
nothing kept in memory, read by whole rows and by columns; a quarter of the pairs kept; all kept.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cryoden.formats import micrographs
from cryoden.image.resampling import Resampling
from cryoden.io import mrc
from cryoden.io.mrc_windows import MicrographFile, mrc_windows
from cryoden.sampling.holdout import Region, TrainingPair
from cryoden.sampling.patches import PatchSource
from cryoden.sampling.stream import Stream
from cryoden.settings.training import TrainingSettings
from cryoden.training import working_micrograph
from cryoden.training.working_micrograph import at_working_pixel

K3, PIXEL, EDGE = (4092, 5760), 0.83, 256
WAYS = {"whole rows": False, "columns": True}


@contextmanager
def reading(*, columns: bool) -> Iterator[list[int]]:
    """Read in one of two ways, and count the bytes of each call of the system."""
    known, real, counted = mrc_windows.COLUMNS, os.preadv, list[int]()

    def preadv(descriptor: int, buffers: Any, offset: int) -> int:
        counted.append(real(descriptor, buffers, offset))
        return counted[-1]

    mrc_windows.COLUMNS, os.preadv = columns and known, preadv
    try:
        yield counted
    finally:
        mrc_windows.COLUMNS, os.preadv = known, real


def written(path: Path, shape: tuple[int, int], seed: int) -> MicrographFile:
    """Write noise."""
    pixels = np.random.default_rng(seed).normal(100, 10, shape).astype(np.float32)
    mrc.write(path, pixels, pixel_size=PIXEL, label="noise")
    return micrographs.open_micrograph(path)


def dropped(path: Path) -> None:
    """Ask the system to forget a file, where it can be asked."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def timed(what: Callable[[], object]) -> float:
    """Return milliseconds."""
    began = time.perf_counter()
    what()
    return 1e3 * (time.perf_counter() - began)


def one_window(folder: Path, repeats: int) -> None:
    """Print bytes and times of windows in the two ways, taken in turns."""
    file, resampling = written(folder / "k3.mrc", K3, 0), Resampling(*K3, 3 / PIXEL)
    draw = np.random.default_rng(0)
    corners = [[int(draw.integers(side - EDGE + 1)) for side in resampling.shape] for _ in range(repeats)]
    windows = [resampling.window(*corner, EDGE, EDGE) for corner in corners]
    found = {
        name: np.median([read(file, window, columns=columns) for window in windows], axis=0)
        for name, columns in WAYS.items()
    }
    rows, columns = found.values()
    for name, (size, cold, warm) in found.items():
        print(f"{name:>24}  {size:6.2f} MB a window  {cold:7.2f} ms from disk  {warm:7.2f} ms from memory")
    size, cold, warm = columns / rows
    print(f"{'columns ÷ rows':>24}  {size:6.2f}              {cold:7.2f}               {warm:7.2f}")


def read(file: MicrographFile, window: tuple[int, int, int, int], *, columns: bool) -> list[float]:
    """Return megabytes, and milliseconds from disk and from the page cache."""
    dropped(file.facts.path)
    with reading(columns=columns) as counted:
        cold = timed(lambda: file.window(*window))
        return [sum(counted) / 1e6, cold, timed(lambda: file.window(*window))]


def batches_a_second(pairs: list[TrainingPair], share: float, asked: argparse.Namespace) -> float:
    """Return the speed of reading with so much of the pairs kept, once what is kept has been read."""
    seen = at_working_pixel(pairs, TrainingSettings()).pairs
    kept = round(share * len(seen))
    halves: Any = [half for pair in seen for half in (pair.noisy, pair.target)]
    for number, half in enumerate(halves):
        half.keep = number < 2 * kept
        half.window(0, 0, 1, 1)
    edge = min(EDGE, *seen[0].noisy.shape) // 16 * 16
    source = PatchSource(
        [Region(pair, 0, 0, *pair.noisy.shape) for pair in seen], edge, 0, swap=True, size=16
    )
    steps = ((1, step) for step in range(1, asked.batches + 1))
    took = timed(lambda: [None for _ in Stream(source, asked.threads, torch.device("cpu")).batches(steps)])
    return 1e3 * asked.batches / took


def many(folder: Path, asked: argparse.Namespace) -> None:
    """Print batches a second of pairs on disk, and what they are of those in memory."""
    shape = asked.rows, asked.columns
    files = [written(folder / f"{number}.mrc", shape, number) for number in range(2 * asked.micrographs)]
    pairs = [TrainingPair(*files[at : at + 2]) for at in range(0, len(files), 2)]
    working_micrograph.KEPT_SHARE = 0.0
    found = {}
    for name, columns, share in (
        ("none kept, whole rows", False, 0.0),
        ("none kept, columns", True, 0.0),
        ("a quarter kept", True, 0.25),
        ("all kept", True, 1.0),
    ):
        with reading(columns=columns):
            found[name] = batches_a_second(pairs, share, asked)
    for name, speed in found.items():
        print(f"{name:>24}  {speed:7.2f} batches/s  {speed / found['all kept']:6.2f} of all kept")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--micrographs", type=int, default=64, help="pairs of them")
    parser.add_argument("--rows", type=int, default=1023)
    parser.add_argument("--columns", type=int, default=5760)
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--folder", type=Path, help="a disk to write on, in place of the temporary one")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        one_window(Path(folder), asked.repeats)
        many(Path(folder), asked)


if __name__ == "__main__":
    main()

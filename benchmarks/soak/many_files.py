"""A batch of many small micrographs, some of them bad: memory, handles and threads must not grow.

    python benchmarks/soak/many_files.py [--files 20000] [--edge 64] [--bad 100]

One of every ``--bad`` files is truncated, the first and the last among them. Prints the slope of memory in
MB per 1,000 files, and exits with 1 where it is 1 or more, where handles or threads grow, or where anything
but the bad files is missing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import psutil

from cryoden.events.batch import BatchEvent, FileFailed, FileFinished, FileSkipped
from cryoden.io import mrc
from cryoden.model import checkpoint
from cryoden.settings.denoising import DenoisingSettings
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files
from tests.cryoden.denoising.test_denoise import model
from tests.cryoden.scenes import scene

MOST_SLOPE = 1.0  # MB per 1,000 files
EVERY, WARM = 100, 0.2  # files between two looks; the part of the batch that is not counted


def make(folder: Path, files: int, edge: int, bad: int) -> set[str]:
    """Write the micrographs, and return the names of those that are bad."""
    folder.mkdir()
    mrc.write(folder / "first.mrc", scene(0, (edge, edge)).even.data, pixel_size=1.5, label="made for a test")
    whole = (folder / "first.mrc").read_bytes()
    (folder / "first.mrc").unlink()
    broken = {*range(0, files, bad), files - 1}
    for number in range(files):
        (folder / f"m{number:06}.mrc").write_bytes(whole[: 2000 if number in broken else None])
    return {f"m{number:06}.mrc" for number in broken}


def looks(events: Iterable[BatchEvent]) -> Iterator[tuple[float, float, int, int, str]]:
    """Yield how many files have ended, memory in MB, handles, threads, and the name of one that failed."""
    process, kinds = psutil.Process(), (FileFinished, FileFailed, FileSkipped)
    for ended, event in enumerate((event for event in events if isinstance(event, kinds)), 1):
        failed = event.path.name if isinstance(event, FileFailed) else ""
        if failed or ended % EVERY == 0:
            used, handles = process.memory_info().rss / 1e6, process.num_fds()
            yield ended, used, handles, threading.active_count(), failed


def main(arguments: list[str] | None = None) -> int:
    """Run it and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--edge", type=int, default=64)
    parser.add_argument("--bad", type=int, default=100)
    asked, began = parser.parse_args(arguments), time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broken = make(folder / "in", asked.files, asked.edge, asked.bad)
        checkpoint.write(model("baseline"), folder / "model.safetensors")
        request = BatchRequest(folder / "model.safetensors", DenoisingSettings(device="cpu"))
        seen = list(looks(denoise_files([folder / "in"], folder / "out", request)))
        made = len(list((folder / "out").iterdir()))
    failed = {look[-1] for look in seen if look[-1]}
    rows = np.array([look[:-1] for look in seen], float)[int(WARM * len(seen)) :]
    slope, handles, threads = (1000 * np.polyfit(rows[:, 0], rows[:, column], 1)[0] for column in (1, 2, 3))
    print(f"{made:,} of {asked.files:,} files, {len(failed)} bad, {time.monotonic() - began:.0f} s")
    print(f"memory {slope:+.3f} MB per 1,000 files, at most {rows[:, 1].max():.0f} MB")
    print(f"handles at most {rows[:, 2].max():.0f}, threads at most {rows[:, 3].max():.0f}")
    good = slope < MOST_SLOPE and handles < 1 and threads < 1
    return int(not good or failed != broken or made != asked.files - len(broken))


if __name__ == "__main__":
    sys.exit(main())

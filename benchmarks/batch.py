"""How many files a second a batch denoises, beside the same batch with one file after the other.

    python benchmarks/batch.py [--files 24] [--edge 4096] [--model general] [--device auto] [--ahead 4] ...

Files of discs in noise in a folder in main memory (``/dev/shm``, where there is one), of which each is
read, denoised and written, forced to disk, as by ``cryoden denoise``. The two ways alternate; the
medians of their files per second are compared, and the ratio is that of one run. Seconds of a stage add
up over its threads. How busy the GPU is nvidia-smi says, ten times a second: the share of the time in which
any kernel runs. The slope of the resident memory is that of a line through its values in the
second half of a batch. With ``--results`` on a disk, what it takes is measured, too: files
of the same size, written and forced to it by as many threads.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import torch

from cryoden.compute import devices
from cryoden.events.batch import BatchFinished
from cryoden.io import mrc
from cryoden.micrograph import Pixels
from cryoden.model.checkpoint import Model, write
from cryoden.model.general import GENERAL
from cryoden.model.networks import build
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.training import NetworkName
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files
from cryoden.workflows.lanes import IN_LINE, Lanes, suiting

MEMORY = Path("/dev/shm")  # noqa: S108  not for secrets
APART = 128  # files of which no two are alike
COARSE = 16.0  # Å/px


@dataclass(frozen=True)
class Batch:
    """How one batch went; resident memory in MiB at each event."""

    ended: BatchFinished
    memory: list[float]
    busy: float | None  # percent of the time

    @property
    def rate(self) -> float:
        """Files per second."""
        return self.ended.finished / self.ended.seconds

    @property
    def slope(self) -> float:
        """MiB more per file, in the second half."""
        late = self.memory[len(self.memory) // 2 :]
        files = np.linspace(0, self.ended.finished / 2, len(late))
        return float(np.polyfit(files, late, 1)[0])

    def __str__(self) -> str:
        found = self.ended.stages
        assert found is not None
        stages = f"reading {found.reading:.2f}, denoising {found.denoising:.2f}, writing {found.writing:.2f}"
        return (
            f"{self.rate:.2f} files/s in {self.ended.seconds:.2f} s "
            f"({stages}, waiting {found.waiting:.2f} s), "
            f"{'' if self.busy is None else f'GPU busy {self.busy:.0f} %, '}"
            f"memory {max(self.memory):.0f} MiB at most, {self.slope:+.2f} MiB per file"
        )


def untrained(folder: Path, name: NetworkName) -> Path:
    """Write a model nobody has trained: the baseline, or a U-Net on pixels so coarse that it is quick."""
    torch.manual_seed(0)
    network = build(name, 0)
    for values in network.parameters():  # no layer is zero: a constant result is refused
        torch.nn.init.normal_(values, std=0.05)
    weights = {key: values.detach().numpy() for key, values in network.state_dict().items()}
    path = folder / f"{name}.safetensors"
    write(Model(name, weights, 1.0, working_pixel=None if name == "baseline" else COARSE), path)
    return path


def discs(edge: int) -> Pixels:
    """Return dark discs of 100 px in noise: a micrograph as most are, which noise alone is not."""
    numbers = np.random.default_rng(0)
    pixels = 50 + 7 * numbers.standard_normal((edge, edge), dtype=np.float32)
    disc = np.hypot(*np.ogrid[-50:50, -50:50]) < 50
    for top, left in numbers.integers(0, max(1, edge - 100), (edge**2 // 40_000, 2)):
        place = pixels[top : top + 100, left : left + 100]
        place -= 4 * disc[: place.shape[0], : place.shape[1]]
    return pixels


def make(folder: Path, files: int, edge: int) -> None:
    """Write files of `discs`; beyond ``APART`` they are names of those before."""
    folder.mkdir()
    pixels = discs(edge)

    def one(number: int) -> None:
        path = folder / f"m{number:04}.mrc"
        mrc.write(path, np.roll(pixels, 97 * number), pixel_size=1.0, label="discs in noise")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(one, range(min(files, APART))))
    for number in range(APART, files):
        (folder / f"m{number:04}.mrc").hardlink_to(folder / f"m{number % APART:04}.mrc")


@contextmanager
def watched(device: torch.device) -> Iterator[list[float]]:
    """Give a list that has, at the end, how busy the GPU was, in percent; it stays empty without one."""
    busy, smi = list[float](), shutil.which("nvidia-smi")
    if device.type != "cuda" or smi is None:
        yield busy
        return
    asked = [smi, f"--id={device.index or 0}", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    with subprocess.Popen([*asked, "-lms", "100"], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  nothing of it comes from outside
        yield busy
        process.terminate()
        told = process.communicate()[0].split()
    busy += [float(each) for each in told if each.isdecimal()]


def run(folder: Path, results: Path, request: BatchRequest, lanes: Lanes) -> Batch:
    """Denoise all files once."""
    memory, process = [], psutil.Process()
    out = results / "out"
    with watched(devices.resolve(request.settings.device)) as busy:
        for event in denoise_files([folder], out, request, lanes):
            memory.append(process.memory_info().rss / 2**20)
            ended = event
    shutil.rmtree(out)
    if not isinstance(ended, BatchFinished) or ended.failed:
        raise SystemExit(f"some files failed: {ended}")
    return Batch(ended, memory, statistics.mean(busy) if busy else None)


def taken(results: Path, files: int, nbytes: int, writers: int) -> float:
    """Return how many files a second a disk takes from so many threads."""
    out, data = results / "plain", np.random.default_rng(0).bytes(nbytes)
    out.mkdir()

    def write(number: int) -> None:
        with (out / f"{number}").open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    began = time.monotonic()
    with ThreadPoolExecutor(max(1, writers)) as threads:
        list(threads.map(write, range(files)))
    rate = files / (time.monotonic() - began)
    shutil.rmtree(out)
    return rate


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=24)
    parser.add_argument("--edge", type=int, default=4096)
    parser.add_argument("--model", default="general", help="general, baseline, tiny or a file")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--ahead", type=int, help="files read ahead; what suits the device by default")
    parser.add_argument("--writers", type=int, help="files written at once, the same")
    parser.add_argument("--at-work", type=int, help="micrographs denoised at once, the same")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=MEMORY if MEMORY.is_dir() else None)
    parser.add_argument("--results", type=Path, help="where results go; beside the files by default")
    return parser.parse_args()


def main() -> None:
    """Print the figures."""
    asked = arguments()
    device = devices.resolve(asked.device)
    usual = suiting(device.type)
    lanes = Lanes(
        usual.ahead if asked.ahead is None else asked.ahead,
        usual.writers if asked.writers is None else asked.writers,
        usual.at_work if asked.at_work is None else asked.at_work,
    )
    with (
        tempfile.TemporaryDirectory(dir=asked.folder) as name,
        tempfile.TemporaryDirectory(dir=asked.results or asked.folder) as results,
    ):
        folder, out = Path(name) / "in", Path(results)
        make(folder, asked.files, asked.edge)
        fresh: dict[str, NetworkName] = {"baseline": "baseline", "tiny": "unet"}
        known = {"general": GENERAL} | {one: untrained(Path(name), network) for one, network in fresh.items()}
        given = known.get(asked.model, Path(asked.model))
        request = BatchRequest(given, DenoisingSettings(asked.device, ring_gains=asked.model == "general"))
        run(folder, out, request, lanes)  # warms up
        pairs = [
            (run(folder, out, request, IN_LINE), run(folder, out, request, lanes))
            for _ in range(asked.repeats)
        ]
        disk = taken(out, asked.files, 4 * asked.edge**2, lanes.writers) if asked.results else None
    print(f"{devices.describe(device)}, {asked.files} files of {asked.edge}², {asked.model} model")
    for words, batches in zip(("one after the other", f"{lanes}"), zip(*pairs, strict=True), strict=True):
        print(f"{words}: {sorted(batches, key=lambda one: one.rate)[len(batches) // 2]}")
    ratio = statistics.median(overlapping.rate / in_line.rate for in_line, overlapping in pairs)
    print(f"{ratio:.2f} times as many files per second (median of {len(pairs)} pairs)")
    if disk is not None:
        print(f"the disk takes {disk:.2f} such files per second from {lanes.writers} threads")


if __name__ == "__main__":
    main()

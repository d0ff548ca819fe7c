"""How fast the experiment trains from disk, beside the disk alone and the step alone.

    python benchmarks/streaming.py [--edge 256] [--pairs 2000] [--device cpu] [--folder FOLDER] ...

Writes a data set of random pairs into a temporary folder, and measures in turns: (a) reading it
without a step, (b) steps on one batch in memory, (c) both together. Before (a) and (c) the
system is asked to drop the files from its page cache, unless --cached is given. Prints images a
second of the three, the median of the repeats, and the ratio c ÷ min(a, b), which is 1 when
neither waits for the other.

--wait MS takes, in place of the network, a step that keeps no processor busy for so long, as a GPU
does: with a wait near what a batch takes to read, reading and waiting have to go on at once.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from cryoden.compute import devices
from cryoden.experiment.index import INDEX, SHARDS, Layout, Source, index_text, plan_of, shard_name
from cryoden.experiment.store import PatchStore
from cryoden.experiment.training_pairs import TrainingPairs
from cryoden.model.networks import build
from cryoden.sampling.source import Batch
from cryoden.sampling.stream import Stream
from cryoden.settings.baseline import BaselineSettings, PatchSettings
from cryoden.training.engines import chosen

Step = Callable[[Batch], object]


def written(folder: Path, edge: int, pairs: int, dtype: Any) -> PatchStore:
    """Write random pairs; all files hold the same ones."""
    settings = PatchSettings(patch=edge, stride=edge, dtype=dtype)
    layout = Layout(pairs, settings.shard, edge, dtype)
    draw = np.random.default_rng(0)
    whole = draw.random((settings.shard, 2, edge, edge), np.float32).astype(layout.stored)
    sums = [zlib.crc32(pair.data) for pair in whole]
    for number in range(layout.shards):
        with (folder / shard_name(number)).open("wb") as file:
            file.write(whole[: len(layout.of_shard(number))].data)
            file.flush()
            os.fsync(file.fileno())  # only what is on disk can be dropped from memory
    sources = [vars(Source("random numbers", "target", 1, [edge, edge], 0))] * pairs
    more = {"kind": "noise added", "sources": sources, "versions": {}}
    about = plan_of(layout, settings, more) | {"crc32": [sums[i % settings.shard] for i in range(pairs)]}
    (folder / INDEX).write_text(index_text(about), encoding="utf-8")
    return PatchStore(folder)


def dropped(folder: Path) -> None:
    """Ask the system to forget the files, where it can be asked."""
    for path in folder.glob(SHARDS) if hasattr(os, "posix_fadvise") else ():
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def rate(batches: Any, step: Step, device: torch.device) -> float:
    """Return images a second."""
    began, images = time.perf_counter(), 0
    for batch in batches:
        step(batch)
        images += len(batch.noisy)
    devices.mark(device)()
    return images / (time.perf_counter() - began)


def engine_step(asked: argparse.Namespace) -> tuple[Step, str, torch.device]:
    """Return the step, its name, and where it is computed."""
    if asked.wait:
        return lambda _: time.sleep(asked.wait / 1e3), f"a wait of {asked.wait:g} ms", torch.device("cpu")
    settings = BaselineSettings(device=asked.device, engine=asked.engine, batch=asked.batch)
    engine, _ = chosen(build("baseline", 0), settings)
    device = engine.place.device

    def step(batch: Batch) -> None:
        engine.step(batch, 1, 1.0)

    return step, f"{engine.name} on {devices.describe(device)}", device


def measured(asked: argparse.Namespace, folder: Path) -> None:
    """Measure and print."""
    store = written(folder, asked.edge, asked.pairs, asked.dtype)
    step, name, device = engine_step(asked)
    source = TrainingPairs(store, range(len(store)), BaselineSettings(batch=asked.batch))
    stream = Stream(source, asked.threads, device)
    batch = in_memory(stream, device)
    rate([batch] * 5, step, device)  # warm up
    limit = int(asked.seconds * rate([batch] * 10, step, device))
    limit = min(len(store), max(8 * asked.batch, limit))

    def streamed(used: Step, where: torch.device, epoch: int) -> float:
        if not asked.cached:
            dropped(folder)
        steps = ((epoch + 1, step) for step in range(1, limit // asked.batch + 1))
        return rate(stream.batches(steps), used, where)

    ways: dict[str, Callable[[int], float]] = {
        "disk": lambda epoch: streamed(lambda _: None, torch.device("cpu"), epoch),
        "both": lambda epoch: streamed(step, device, epoch),
        "step": lambda _: rate([batch] * (limit // asked.batch), step, device),
    }
    found: dict[str, list[float]] = {"disk": [], "step": [], "both": []}
    for repeat in range(asked.repeats):  # what is compared lies side by side, now one first and now the other
        for way in list(ways)[:: 1 if repeat % 2 else -1]:
            found[way].append(ways[way](repeat))
    cache = "kept" if asked.cached or not hasattr(os, "posix_fadvise") else "dropped"
    told(asked, found, f"{name}; page cache {cache}; {limit:,} pairs a reading")


def in_memory(stream: Stream, device: torch.device) -> Batch:
    """Return a batch that stays, page-locked for a GPU."""
    first = next(stream.batches([(1, 1)]))
    parts = (torch.from_numpy(part).clone() for part in (first.noisy, first.target))
    return Batch(*((part.pin_memory() if device.type == "cuda" else part).numpy() for part in parts))


def told(asked: argparse.Namespace, found: dict[str, list[float]], how: str) -> None:
    """Print the figures."""
    process = psutil.Process()
    pair = 2 * asked.edge**2 * np.dtype(asked.dtype).itemsize
    print(f"{os.cpu_count()} processors, torch {torch.__version__}, {sys.platform}: {how}")
    print(f"pairs of {asked.edge}², {asked.dtype}; batches of {asked.batch}; {asked.threads} threads")
    for name, values in found.items():
        middle = statistics.median(values)
        print(f"{name:>6}  {middle:10,.1f} images/s  {middle * pair / 1e6:10,.1f} MB/s")
    ratios = [c / min(a, b) for a, b, c in zip(*found.values(), strict=True)]
    print(f" ratio  {statistics.median(ratios):10.2f}  ({min(ratios):.2f} to {max(ratios):.2f})")
    held = f"{process.memory_info().rss / 2**20:,.0f} MiB resident"
    print(f"{held}, {len(process.open_files())} files open, {process.num_threads()} threads")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edge", type=int, default=256)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--threads", type=int, default=BaselineSettings().threads)
    parser.add_argument("--dtype", choices=["float32", "float16"], default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--engine", choices=["auto", "torch", "fused"], default="auto")
    parser.add_argument("--wait", type=float, default=0.0, metavar="MS")
    parser.add_argument("--seconds", type=float, default=5.0, help="about so long is a reading")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cached", action="store_true", help="leave the page cache as it is")
    parser.add_argument("--folder", type=Path, help="a disk to write on, in place of the temporary one")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        measured(asked, Path(folder))


if __name__ == "__main__":
    main()

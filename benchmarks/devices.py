"""How many files a second several GPUs denoise, beside one of them.

    python benchmarks/devices.py [--files 160] [--edge 4096] [--model general] [--workers N] ...

One, two, four ... GPUs of this machine, a worker process each, or with ``--workers`` processes on the
processors, denoise the same files of discs in noise in a folder in main memory (``/dev/shm``, where there
is one), each read, and written and forced to disk, as by ``cryoden denoise --devices``; one alone is the
process itself. Models are loaded, and kernels compiled, by a batch before those that count, of which the
fastest is printed. All have to leave the same bytes. A GPU has as many processes as ``cryoden denoise``
gives it, or as ``--each`` says.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from batch import MEMORY, make, untrained

from cryoden.compute import devices
from cryoden.compute.hiring import hired, sharing_gpus
from cryoden.compute.memory import cores
from cryoden.dataset.output_paths import make_ready, results
from cryoden.events.batch import BatchEvent, BatchFinished, FileFailed
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.workers import WorkerSettings
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_targets, one_process
from cryoden.workflows.denoise_on_workers import denoise_on

WARM, SEEN = 96, 100  # files that are denoised before, and whose bytes are compared
Run = Callable[[dict[Path, Path]], Iterator[BatchEvent]]


def alone(request: BatchRequest) -> Run:
    """Return what denoises files in this process."""
    denoisers, lanes = one_process(request)
    return lambda targets: denoise_targets(targets, denoisers, request, {}, lanes)


def shared(request: BatchRequest, workers: WorkerSettings, held: ExitStack) -> Run:
    """Return what has workers denoise files."""
    return partial(denoise_on, held.enter_context(hired(workers, "auto")), request, {})


def timed(run: Run, folder: Path, out: Path, most: int | None = None) -> BatchFinished:
    """Denoise all files once, or so many of them."""
    shutil.rmtree(out, ignore_errors=True)
    targets = dict(list(results([folder], out).items())[:most])
    make_ready(targets)
    for event in run(targets):
        if isinstance(event, FileFailed):
            raise SystemExit(event.message)
        if isinstance(event, BatchFinished):
            ended = event
    return ended


def digests(folder: Path) -> dict[str, str]:
    """Return checksums of some files, evenly spread."""
    with ThreadPoolExecutor(cores()) as pool:
        paths = sorted(folder.iterdir())[:: max(1, len(list(folder.iterdir())) // SEEN)]
        sums = pool.map(lambda path: hashlib.sha256(path.read_bytes()).hexdigest(), paths)
        return dict(zip((path.name for path in paths), sums, strict=True))


def numbers(asked: argparse.Namespace) -> list[int]:
    """Return how many workers to measure: 1, 2, 4 ... and all."""
    if asked.gpus:
        return list(asked.gpus)
    most = asked.workers or len([name for name in devices.found() if name.startswith("cuda")])
    if most < 2:
        raise SystemExit("fewer than two GPUs are here: choose --workers")
    return sorted({1, most, *(2**power for power in range(1, most.bit_length()) if 2**power <= most)})


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=160)
    parser.add_argument("--edge", type=int, default=4096)
    parser.add_argument("--model", default="general", help="general, tiny or a file")
    parser.add_argument("--workers", type=int, help="processes on processors; GPUs by default")
    parser.add_argument("--gpus", type=int, nargs="+", help="numbers of them; 1, 2, 4 ... by default")
    parser.add_argument("--each", type=int, default=0, help="processes of a GPU")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=MEMORY if MEMORY.is_dir() else None)
    return parser.parse_args()


def measured(asked: argparse.Namespace, number: int, folder: Path, model: Path) -> BatchFinished:
    """Denoise all files with so many workers, again and again; return the fastest time."""
    settings = DenoisingSettings("cpu" if asked.workers else "cuda:0", ring_gains=asked.model == "general")
    gpus = ",".join(map(str, range(number)))
    on_gpus = WorkerSettings(devices=gpus, workers=asked.each)
    workers = WorkerSettings(workers=number) if asked.workers else sharing_gpus(on_gpus)
    request, out = BatchRequest(model, settings), folder.with_name("out")
    with ExitStack() as held:
        run = alone(request) if number == 1 and asked.each < 2 else shared(request, workers, held)
        timed(run, folder, out, WARM)  # models are loaded, and kernels compiled
        return min((timed(run, folder, out) for _ in range(asked.repeats)), key=lambda one: one.seconds)


def main() -> None:
    """Print the figures."""
    asked, expected, first = arguments(), None, 0.0
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name) / "in"
        make(folder, asked.files, asked.edge)
        known = {"general": GENERAL, "tiny": untrained(Path(name), "unet")}
        model = known.get(asked.model, Path(asked.model))
        print(f"{asked.files} files of {asked.edge}², {asked.model} model, {cores()} processors")
        for number in numbers(asked):
            ended = measured(asked, number, folder, model)
            rate, found = asked.files / ended.seconds, digests(folder.with_name("out"))
            first, expected = first or rate, expected or found
            same = "same bytes" if found == expected else "OTHER BYTES"
            print(
                f"{number}: {rate:.2f} files/s, {rate / first:.2f} × one, {same}; {ended.stages}", flush=True
            )


if __name__ == "__main__":
    main()

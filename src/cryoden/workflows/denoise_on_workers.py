"""Many files on several workers: small groups of them, reported in the order in which they end."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cryoden.dataset.half_names import HalfFiles
from cryoden.dataset.output_paths import Targets, make_ready
from cryoden.events.batch import (
    BatchEvent,
    BatchFinished,
    FileFailed,
    FileSkipped,
    FileStarted,
    FileWaiting,
    StageSeconds,
)
from cryoden.model.checkpoint import load
from cryoden.workflows.batch import WAIT, Tally
from cryoden.workflows.denoise_group import End, GroupDenoised, Item, Job, denoise_group
from cryoden.workflows.denoise_micrographs import BatchRequest

if TYPE_CHECKING:
    from cryoden.compute.crew import Crew, Done

FEW_FILES, MOST_FILES = 16, 64  # of a group at first, and at most: to begin and to end one takes time
CPU_BYTES, GPU_BYTES = 1 << 24, 1 << 32  # of a group at most
SECONDS = 2.0  # that a worker has a group: nothing is reported of it meanwhile
SHARES = 4  # groups at least of what is left for each worker, so that all of them end together


def denoise_on(
    crew: Crew, batch: BatchRequest, sizes: Mapping[Path, float], targets: Mapping[Path, Path]
) -> Generator[BatchEvent, None, None]:
    """Denoise files on workers.

    What fails, and what other processes make, is treated as by `cryoden.workflows.overlapped`. The files
    of a worker that is lost are given to others, who skip what it had done.

    Parameters
    ----------
    crew : Crew
        The workers.
    batch : BatchRequest
        What stays the same; its model has to lie under the same name for all workers.
    sizes : mapping of Path
        Å/px of files that a list says it of.
    targets : mapping of Path
        For each file, at least one, where its result goes: a place that all workers share.

    Raises
    ------
    CryodenError
        C03 and C05 for workers that are gone or have something else, and for a model that cannot be used.
    """
    job = Job(replace(batch, model=_absolute(batch.model)), load(batch.model).sha256)
    make_ready(targets, batch.settings.least_share)
    groups, report = _Groups(crew, targets, sizes), _Report(targets, crew.per_gpu)
    with closing(crew.unordered(partial(denoise_group, job), groups.following)) as found:
        for done in found:
            yield from report.events(done, crew.size)
            groups.adapt(report)
    make_ready(targets)  # once more, for what lost workers have left
    yield report.finished()


class _Groups:
    """Gives out what is to do: much at once to those who are quick, and less toward the end."""

    def __init__(self, crew: Crew, targets: Mapping[Path, Path], sizes: Mapping[Path, float]) -> None:
        self._crew, self._in_use, self._began = crew, list[Item](), time.monotonic()
        self._most = FEW_FILES
        known = Targets.of(targets)
        pairs, summed = known.pairs, known.summed
        self._left = deque(
            Item(
                _absolute(path),
                _absolute(target),
                sizes.get(path),
                _of_worker(pairs.get(path)),
                _of_worker(summed.get(path)),
                sizes.get(summed[path].even) if path in summed else None,
            )
            for path, target in targets.items()
        )

    def adapt(self, report: _Report) -> None:
        """Go by what was reported: kind and speed of workers, what is in use, and whether to end."""
        each = report.tally.tried / max(1, self._crew.size) / (time.monotonic() - self._began)
        self._most = min(MOST_FILES, max(1, round(SECONDS * each)))
        self._crew.on_gpus |= report.on_gpus
        self._in_use += report.in_use
        report.in_use.clear()
        if report.tally.ended_by:
            self._left.clear()
            self._in_use.clear()

    def following(self, workers: int) -> Sequence[Item]:
        most, nbytes = GPU_BYTES if self._crew.on_gpus else CPU_BYTES, 0
        count = max(1, min(self._most, len(self._left) // (SHARES * workers)))
        group: list[Item] = []
        if self._in_use and not self._left:
            time.sleep(WAIT)
            self._left.extend(self._in_use)
            self._in_use.clear()
        while self._left and len(group) < count:
            nbytes += _size(self._left[0].path)
            if group and nbytes > most:
                break
            group.append(self._left.popleft())
        return group


class _Report:
    """What is said of groups that are done, each file under the name it was given by."""

    def __init__(self, targets: Mapping[Path, Path], per_gpu: int) -> None:
        self.tally, self.on_gpus, self.in_use = Tally(len(targets)), False, list[Item]()
        self._per_gpu = per_gpu
        self._pairs = Targets.of(targets).pairs
        self._given = {_absolute(path): (path, target) for path, target in targets.items()}
        self._devices, self._stages = dict[str, str](), StageSeconds()

    def events(self, done: Done, workers: int) -> Iterator[BatchEvent]:
        if done.error is not None:
            (item,) = done.group
            path = self._given[item.path][0]
            yield FileStarted(path, self.tally.tried, self.tally.total)
            yield self.tally.fail(path, done.error)
            self.tally.tried += 1
            return
        found: GroupDenoised = done.result
        self._note(found)
        for end in found.ends:
            path, target = self._given[end.path]
            yield FileStarted(path, self.tally.tried, self.tally.total)
            self.tally.count(one := self._named(end, path, target, max(1, workers)))
            yield one
        for item in found.in_use:
            yield FileWaiting(self._given[item.path][0])

    def _note(self, found: GroupDenoised) -> None:
        self._devices[found.worker], self.on_gpus = found.device, found.kind != "cpu"
        self.in_use += found.in_use
        ended = found.finished
        if ended is not None:
            self._stages = self._stages.plus(ended.stages)
            self.tally.is_full |= ended.why_untried == "disk full"

    def _named(self, end: End, path: Path, target: Path, workers: int) -> End:
        """Return an end under the names it was given by; its seconds are the batch's, not the worker's."""
        if isinstance(end, FileFailed):
            return replace(end, path=path)
        odd = self._pairs[path].odd if path in self._pairs else None
        if isinstance(end, FileSkipped):
            return replace(end, path=path, output=target, odd=odd)
        return replace(end, path=path, output=target, odd=odd, seconds=end.seconds / workers)

    def finished(self) -> BatchFinished:
        processes = Counter(self._devices.values())
        counted = {name: -(-number // self._per_gpu) for name, number in processes.items()}
        where = ", ".join(f"{number} × {name}" if number > 1 else name for name, number in counted.items())
        where += f", {self._per_gpu} processes each" if self._per_gpu > 1 else ""
        return replace(self.tally.finished(), stages=self._stages, device=where)


def _of_worker(pair: HalfFiles | None) -> HalfFiles | None:
    return pair and HalfFiles(pair.name, _absolute(pair.even), _absolute(pair.odd))


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100  resolve() would follow links


def _size(path: Path) -> int:
    with suppress(OSError):  # whoever reads it will say so
        return path.stat().st_size
    return 0

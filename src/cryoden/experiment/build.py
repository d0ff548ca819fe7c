"""Writing a data set of patch pairs, shard by shard; what was stopped goes on where it was."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoden.dataset.half_checks import counted, sizes_of
from cryoden.dataset.output_paths import make_folder
from cryoden.errors import MicrographError, OutputError
from cryoden.experiment.build_lock import PLAN, agree, claimed, note, refuse_too_little_room
from cryoden.experiment.index import INDEX, Layout, index_text, origin, plan_of, shard_name
from cryoden.experiment.pairs import PatchPairs
from cryoden.io.atomic import atomic_write
from cryoden.io.provenance import versions

THREADS, AHEAD = 4, 8
NAMED = 5  # micrographs that are left out; the rest is counted
WAITING_BYTES = 1 << 28  # of pairs that wait to be written


@dataclass(frozen=True)
class MicrographMeasured:
    """A micrograph was read whole, and the scale of its pairs is known."""

    number: int
    total: int


@dataclass(frozen=True)
class PairWritten:
    """A pair was made, or read where an earlier build had left it."""

    number: int
    total: int


@dataclass(frozen=True)
class ShardFinished:
    """One file of pairs is whole; ``made`` is false when an earlier build had left it."""

    number: int
    total: int
    pairs: int
    made: bool


@dataclass(frozen=True)
class BuildFinished:
    """The data set is whole; ``made`` says how many of its files were not there before."""

    folder: Path
    pairs: int
    bytes: int
    files: int
    made: int
    warnings: tuple[str, ...]


BuildEvent = MicrographMeasured | PairWritten | ShardFinished | BuildFinished


def build(pairs: PatchPairs, folder: Path) -> Iterator[BuildEvent]:
    """Write all pairs into a folder.

    A build that was killed leaves whole files only, and the same call goes on; the bytes are the
    same as those of a build that was never stopped. Called once more on a finished data set it
    reads all of it, and makes what is missing or damaged again.

    Yields
    ------
    BuildEvent
        ``MicrographMeasured`` for each micrograph, before anything is written; for each file
        ``PairWritten`` and ``ShardFinished``; then ``BuildFinished``.

    Raises
    ------
    PatchFileError
        Q05 when the folder holds another data set, or the beginning of one, or is being built in;
        Q02 when what it holds cannot be read.
    OutputError
        O02 when the disk has too little room, O06 when the folder cannot be made, O13 for values
        that do not fit float16.
    MicrographError
        For a micrograph that cannot be read or scaled.
    """
    layout = Layout(len(pairs), pairs.settings.shard, pairs.edge, pairs.settings.dtype)
    make_folder(folder)
    with claimed(folder):
        plan = plan_of(layout, pairs.settings, origin(pairs))
        known = agree(folder, plan)
        refuse_too_little_room(layout, folder)
        yield from _measured(pairs)
        note(folder, plan)
        writer = _Writer(pairs, layout, folder, known)
        for number in range(layout.shards):
            yield from writer.shard(number)
        scales = [asdict(pairs.scale(which)) if count else None for which, count in enumerate(pairs.counts)]
        with atomic_write(folder / INDEX, overwrite=True) as temporary:
            more = {"pixel_size": pairs.pixel_size, "scales": scales, "versions": versions()}
            temporary.write_text(index_text(plan | more | {"crc32": writer.sums}), encoding="utf-8")
        (folder / PLAN).unlink(missing_ok=True)
    size = layout.pairs * layout.pair_bytes
    yield BuildFinished(folder, layout.pairs, size, layout.shards, writer.made, _left_out(pairs))


def _measured(pairs: PatchPairs) -> Iterator[MicrographMeasured]:
    """Read each micrograph whole: one that cannot be used is reported before hours of writing."""
    used = [which for which, count in enumerate(pairs.counts) if count]
    for number, which in enumerate(used):
        try:
            pairs.scale(which)
        except MicrographError as error:
            error.kept = "No pairs were written"
            raise
        yield MicrographMeasured(number, len(used))


def _left_out(pairs: PatchPairs) -> tuple[str, ...]:
    small = [one.name for one, count in zip(pairs.targets, pairs.counts, strict=True) if not count]
    number = f"{len(small):,} of {len(pairs.targets):,} micrographs"
    words = f"no pairs of {number}, smaller than a patch of {pairs.edge:,} px: "
    said = (words + ", ".join(small[:NAMED]) + " …" * (len(small) > NAMED),) if small else ()
    return said + _mixed(pairs)


def _mixed(pairs: PatchPairs) -> tuple[str, ...]:
    sizes = sizes_of(pairs.targets)
    words = f"micrographs of different pixel sizes ({counted(sizes)}): a model trained on them knows none"
    return (words,) if len(sizes) > 1 else ()


class _Writer:
    """Makes the files one after the other; knows the checksums of all pairs so far."""

    def __init__(self, pairs: PatchPairs, layout: Layout, folder: Path, known: Sequence[int] | None) -> None:
        self._pairs, self._layout, self._folder, self._known = pairs, layout, folder, known
        self.sums: list[int] = []
        self.made = 0

    def shard(self, number: int) -> Iterator[PairWritten | ShardFinished]:
        """Make a file of pairs, or keep the one that is there."""
        chosen = self._layout.of_shard(number)
        there = yield from self._kept(number, chosen)
        if not there:
            del self.sums[chosen.start :]
            yield from self._written(number, chosen)
        yield ShardFinished(number, self._layout.shards, len(chosen), not there)

    def _kept(self, number: int, chosen: range) -> Generator[PairWritten, None, bool]:
        """Read the file that is there; return whether it is whole and what it should be."""
        path = self._folder / shard_name(number)
        if not path.is_file() or path.stat().st_size != len(chosen) * self._layout.pair_bytes:
            return False
        for index, crc in zip(chosen, _sums(path, self._layout), strict=True):
            self.sums.append(crc)
            if self._known is not None and crc != self._known[index]:
                return False
            yield PairWritten(index, self._layout.pairs)
        return True

    def _written(self, number: int, chosen: range) -> Iterator[PairWritten]:
        path, made = self._folder / shard_name(number), self._made(chosen)
        with closing(made), atomic_write(path, overwrite=True) as temporary, temporary.open("wb") as file:
            for index, stored in zip(chosen, made, strict=True):
                self.sums.append(zlib.crc32(stored.data))
                file.write(stored.data)
                yield PairWritten(index, self._layout.pairs)
        self.made += 1

    def _made(self, chosen: range) -> Generator[NDArray[Any], None, None]:
        """Yield pairs in order, made by threads a few ahead."""
        ahead = max(1, min(AHEAD, WAITING_BYTES // self._layout.pair_bytes))
        with ThreadPoolExecutor(min(ahead, THREADS), thread_name_prefix="patches") as pool:
            waiting = deque(pool.submit(self._stored, index) for index in chosen[:ahead])
            for index in chosen[ahead:]:
                yield waiting.popleft().result()
                waiting.append(pool.submit(self._stored, index))
            yield from (future.result() for future in waiting)

    def _stored(self, index: int) -> NDArray[Any]:
        pair = np.stack(self._pairs.pair(index))
        with np.errstate(over="ignore"):  # said below, with the file
            stored = pair.astype(self._layout.stored)
        if self._layout.dtype == "float16" and not np.isfinite(stored).all():
            micrograph = self._pairs.targets[self._pairs.grid.place(index)[0]]
            problem = f"values up to {np.abs(pair).max():.3g} in pair {index:,} do not fit float16"
            file = micrograph.path or micrograph.name
            raise OutputError("O13", file, problem, kept="Whole files are kept", fix="Choose float32")
        return stored


def _sums(path: Path, layout: Layout) -> Iterator[int]:
    with path.open("rb") as file:
        while data := file.read(layout.pair_bytes):
            yield zlib.crc32(data)

"""Writing a data set of patch pairs, shard by shard; what was stopped goes on where it was."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cryoden.compute.memory import cores
from cryoden.dataset.half_checks import counted, sizes_of
from cryoden.dataset.output_paths import make_folder
from cryoden.errors import MicrographError, OutputError
from cryoden.experiment.build_lock import PLAN, agree, claimed, note, refuse_too_little_room
from cryoden.experiment.index import INDEX, Layout, index_text, origin, plan_of, shard_name
from cryoden.experiment.pairs import PatchPairs
from cryoden.io.atomic import atomic_write
from cryoden.io.provenance import versions

if TYPE_CHECKING:
    from cryoden.compute.crew import Crew

THREADS = 4  # in which pairs are made, at least
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


def build(pairs: PatchPairs, folder: Path, crew: Crew | None = None) -> Iterator[BuildEvent]:
    """Write all pairs into a folder; with a crew its workers do, each one file after the other.

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
        shards: list[_Shard] = []
        alone = _in_turn(shards, writer, range(layout.shards))
        yield from alone if crew is None else _shared(shards, writer, crew)
        scales = [asdict(pairs.scale(which)) if count else None for which, count in enumerate(pairs.counts)]
        with atomic_write(folder / INDEX, overwrite=True) as temporary:
            more = {"pixel_size": pairs.pixel_size, "scales": scales, "versions": versions()}
            sums = [crc for shard in shards for crc in shard.sums]
            temporary.write_text(index_text(plan | more | {"crc32": sums}), encoding="utf-8")
        (folder / PLAN).unlink(missing_ok=True)
    size, made = layout.pairs * layout.pair_bytes, sum(shard.made for shard in shards)
    yield BuildFinished(folder, layout.pairs, size, layout.shards, made, _left_out(pairs))


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


@dataclass(frozen=True)
class _Shard:
    """One file of pairs: their checksums, and whether it was not there before."""

    number: int
    sums: Sequence[int]
    made: bool


def _in_turn(shards: list[_Shard], writer: _Writer, numbers: Iterable[int]) -> Iterator[BuildEvent]:
    for number in numbers:
        shard = yield from writer.shard(number)
        shards.append(shard)


def _shared(shards: list[_Shard], writer: _Writer, crew: Crew) -> Iterator[BuildEvent]:
    """Have workers make the files, in any order, which does not matter to a file."""
    layout = writer.layout
    with closing(crew.each(partial(_make, writer), range(layout.shards))) as found:
        for shard in chain.from_iterable(found):
            shards.append(shard)
            yield PairWritten(sum(len(one.sums) for one in shards) - 1, layout.pairs)
            yield ShardFinished(shard.number, layout.shards, len(shard.sums), shard.made)
    shards.sort(key=lambda shard: shard.number)


def _make(writer: _Writer, run: str, numbers: Sequence[int]) -> list[_Shard]:
    """Make files on a worker, unless the run is stopped."""
    from cryoden.compute.worker_side import PLACE, is_stopped  # noqa: PLC0415  needs Dask

    writer.threads = max(THREADS, cores() // PLACE.share)
    shards: list[_Shard] = []
    events = _in_turn(shards, writer, numbers)
    deque(takewhile(lambda _: not is_stopped(run), events), maxlen=0)
    return shards


class _Writer:
    """Makes any of the files; may know the checksums of all pairs."""

    def __init__(self, pairs: PatchPairs, layout: Layout, folder: Path, known: Sequence[int] | None) -> None:
        self.layout, self._pairs, self._folder, self._known = layout, pairs, folder, known
        self.threads = max(THREADS, cores())

    def shard(self, number: int) -> Generator[PairWritten | ShardFinished, None, _Shard]:
        """Make a file of pairs, or keep the one that is there."""
        chosen = self.layout.of_shard(number)
        sums = yield from self._kept(number, chosen)
        made = sums is None
        if sums is None:
            sums = yield from self._written(number, chosen)
        yield ShardFinished(number, self.layout.shards, len(chosen), made)
        return _Shard(number, sums, made)

    def _kept(self, number: int, chosen: range) -> Generator[PairWritten, None, list[int] | None]:
        """Read the file that is there; return its checksums if it is whole and what it should be."""
        path, sums = self._folder / shard_name(number), list[int]()
        if not path.is_file() or path.stat().st_size != len(chosen) * self.layout.pair_bytes:
            return None
        for index, crc in zip(chosen, _sums(path, self.layout), strict=True):
            sums.append(crc)
            if self._known is not None and crc != self._known[index]:
                return None
            yield PairWritten(index, self.layout.pairs)
        return sums

    def _written(self, number: int, chosen: range) -> Generator[PairWritten, None, list[int]]:
        path, made, sums = self._folder / shard_name(number), self._made(chosen), list[int]()
        with closing(made), atomic_write(path, overwrite=True) as temporary, temporary.open("wb") as file:
            for index, stored in zip(chosen, made, strict=True):
                sums.append(zlib.crc32(stored.data))
                file.write(stored.data)
                yield PairWritten(index, self.layout.pairs)
        return sums

    def _made(self, chosen: range) -> Generator[NDArray[Any], None, None]:
        """Yield pairs in order, made by threads a few ahead."""
        ahead = max(1, min(2 * self.threads, WAITING_BYTES // self.layout.pair_bytes))
        with ThreadPoolExecutor(min(ahead, self.threads), thread_name_prefix="patches") as pool:
            waiting = deque(pool.submit(self._stored, index) for index in chosen[:ahead])
            for index in chosen[ahead:]:
                yield waiting.popleft().result()
                waiting.append(pool.submit(self._stored, index))
            yield from (future.result() for future in waiting)

    def _stored(self, index: int) -> NDArray[Any]:
        pair = np.stack(self._pairs.pair(index))
        with np.errstate(over="ignore"):  # said below, with the file
            stored = pair.astype(self.layout.stored)
        if self.layout.dtype == "float16" and not np.isfinite(stored).all():
            micrograph = self._pairs.targets[self._pairs.grid.place(index)[0]]
            problem = f"values up to {np.abs(pair).max():.3g} in pair {index:,} do not fit float16"
            file = micrograph.path or micrograph.name
            raise OutputError("O13", file, problem, kept="Whole files are kept", fix="Choose float32")
        return stored


def _sums(path: Path, layout: Layout) -> Iterator[int]:
    with path.open("rb") as file:
        while data := file.read(layout.pair_bytes):
            yield zlib.crc32(data)

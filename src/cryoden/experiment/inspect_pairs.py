"""Whether a data set can be trusted: checksums, alignment of pairs, range of values, changed sources."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoden.errors import printable
from cryoden.experiment.index import changed_sources
from cryoden.experiment.pair_grid import sample
from cryoden.experiment.store import PatchStore
from cryoden.image.patch_alignment import Alignment, alignment

THREADS, AHEAD = 4, 8
LOOKED_AT = 64  # pairs whose values are looked at, evenly spread, and the middle one of each micrograph


@dataclass(frozen=True)
class PairChecked:
    """The checksum of one pair is right, or not."""

    number: int
    total: int
    good: bool


@dataclass(frozen=True)
class Doubt:
    """A pair that something is wrong with.

    Parameters
    ----------
    pair : int
        Which one, from 0.
    file : str
        File it lies in.
    offset : int
        Byte at which it begins there.
    micrograph : str
        What it was cut from.
    down, right : int
        By how many px its noisy patch is moved, where that is what is wrong.
    """

    pair: int
    file: str
    offset: int
    micrograph: str
    down: int = 0
    right: int = 0

    def words(self) -> str:
        """Say which pair it is, and where."""
        moved = f", moved by {self.down:+} rows and {self.right:+} columns" if self.down or self.right else ""
        file, micrograph = printable(self.file), printable(self.micrograph)
        return f"pair {self.pair:,} in {file} at byte {self.offset:,}, of {micrograph}{moved}"


@dataclass(frozen=True)
class Findings:
    """What a data set is like.

    Parameters
    ----------
    pairs : int
        All of them.
    damaged : tuple of Doubt
        Pairs whose bytes have changed since they were written.
    looked_at : int
        Pairs whose values were looked at.
    shifted : tuple of Doubt
        Those of them whose two patches lie on each other only when one is moved.
    flat : tuple of Doubt
        Those whose noisy patch or target has no contrast.
    faint : int
        Those that show too little to tell whether they are aligned.
    low, high, mean : float or None
        Least, greatest and mean value of the targets looked at.
    changed : tuple of str
        Micrographs that are not what they were when the data set was made, or are gone.
    """

    pairs: int
    damaged: tuple[Doubt, ...]
    looked_at: int
    shifted: tuple[Doubt, ...]
    flat: tuple[Doubt, ...]
    faint: int
    low: float | None
    high: float | None
    mean: float | None
    changed: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether nothing speaks against training on it."""
        return not (self.damaged or self.shifted or self.flat)


@dataclass(frozen=True)
class _Look:
    """What the values of one pair are: range and mean of the target, contrast, alignment."""

    low: float
    high: float
    mean: float
    flat: bool
    found: Alignment


def inspect(store: PatchStore) -> Iterator[PairChecked | Findings]:
    """Read all of a data set once; yield each pair's checksum, then what was found.

    Raises
    ------
    PatchFileError
        Q04 for a file that is gone, cannot be read or has become shorter.
    """
    damaged, looks, chosen = list[int](), dict[int, _Look](), set(_chosen(store))
    for index, (crc, look) in enumerate(_read(store, chosen)):
        good = crc == store.sums[index]
        if not good:
            damaged.append(index)
        elif look:
            looks[index] = look
        yield PairChecked(index, len(store), good)
    yield _findings(store, damaged, looks)


def _chosen(store: PatchStore) -> Iterator[int]:
    """Yield pairs to look at; one of each micrograph, because micrographs are shifted one by one."""
    yield from sample(len(store), LOOKED_AT)
    for end, source in zip(store.ends, store.sources, strict=True):
        if source.pairs:
            yield end - 1 - source.pairs // 2


def _read(store: PatchStore, chosen: set[int]) -> Iterator[tuple[int, _Look | None]]:
    """Yield the checksum of each pair in order, and what those chosen are like; read by threads."""

    def one(index: int) -> tuple[int, _Look | None]:
        stored = store.stored(index)
        return zlib.crc32(stored.data), _look(stored) if index in chosen else None

    with ThreadPoolExecutor(THREADS, thread_name_prefix="patches") as pool:
        waiting = deque(pool.submit(one, index) for index in range(min(AHEAD, len(store))))
        for index in range(len(waiting), len(store)):
            yield waiting.popleft().result()
            waiting.append(pool.submit(one, index))
        yield from (future.result() for future in waiting)


def _look(stored: NDArray[Any]) -> _Look:
    noisy, target = stored.astype(np.float32)
    low, high = float(target.min()), float(target.max())
    flat = low == high or float(noisy.min()) == float(noisy.max())
    found = Alignment(0, 0, False) if flat else alignment(noisy, target)
    return _Look(low, high, float(target.mean()), flat, found)


def _findings(store: PatchStore, damaged: Sequence[int], looks: dict[int, _Look]) -> Findings:
    seen = list(looks.values())
    return Findings(
        pairs=len(store),
        damaged=tuple(_doubt(store, index) for index in damaged),
        looked_at=len(looks),
        shifted=tuple(_doubt(store, index, look) for index, look in looks.items() if look.found.shifted),
        flat=tuple(_doubt(store, index) for index, look in looks.items() if look.flat),
        faint=sum(not look.found.seen and not look.flat for look in seen),
        low=min((look.low for look in seen), default=None),
        high=max((look.high for look in seen), default=None),
        mean=float(np.mean([look.mean for look in seen])) if seen else None,
        changed=tuple(changed_sources(store.sources)),
    )


def _doubt(store: PatchStore, index: int, look: _Look | None = None) -> Doubt:
    path, offset = store.where(index)
    moved = (look.found.down, look.found.right) if look else (0, 0)
    return Doubt(index, str(path), offset, store.source(index).path, *moved)

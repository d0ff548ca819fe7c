"""Whether a data set can be trusted: checksums, alignment of pairs, range of values, changed sources."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cryoden.experiment.store import PatchStore
from cryoden.micrograph import Pixels

THREADS = 4
LOOKED_AT = 64  # pairs whose values are looked at, evenly spread
FAR = 32  # px a pair may be shifted by, at most, to be noticed


@dataclass(frozen=True)
class PairChecked:
    """The checksum of one pair is right, or not."""

    index: int
    total: int
    good: bool


@dataclass(frozen=True)
class Findings:
    """What a data set is like.

    Parameters
    ----------
    pairs : int
        All of them.
    damaged : tuple of int
        Pairs whose bytes have changed since they were written.
    shifted : tuple of int
        Pairs looked at whose two patches fit best when one is moved.
    flat : tuple of int
        Pairs looked at whose target has no contrast.
    low, high, mean : float
        Least, greatest and mean value of the targets looked at.
    looked_at : int
        How many that were.
    changed : tuple of str
        Micrographs that are not what they were when the data set was made, or are gone.
    """

    pairs: int
    damaged: tuple[int, ...]
    shifted: tuple[int, ...]
    flat: tuple[int, ...]
    low: float
    high: float
    mean: float
    looked_at: int
    changed: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether nothing speaks against training on it."""
        return not (self.damaged or self.shifted or self.flat)

    def lines(self) -> Iterator[str]:
        """Yield what was found, in words."""
        yield f"{self.pairs:,} pairs, {len(self.damaged):,} damaged{_first(self.damaged)}"
        yield (
            f"{self.looked_at:,} pairs looked at: {len(self.shifted):,} not aligned{_first(self.shifted)}, "
            f"{len(self.flat):,} without contrast{_first(self.flat)}"
        )
        yield f"targets from {self.low:.3g} to {self.high:.3g}, mean {self.mean:.3g}"
        if self.changed:
            yield f"{len(self.changed):,} micrographs have changed since or are gone: {self.changed[0]} …"


def inspect(store: PatchStore) -> Iterator[PairChecked | Findings]:
    """Read all of a data set once; yield each pair's checksum, then what was found."""
    damaged = []
    with ThreadPoolExecutor(THREADS, thread_name_prefix="patches") as pool:
        for index, found in enumerate(pool.map(store.crc32, range(len(store)))):
            good = found == store.sums[index]
            damaged += [] if good else [index]
            yield PairChecked(index, len(store), good)
    yield _looked_at(store, tuple(damaged))


def sample(count: int, most: int = LOOKED_AT) -> list[int]:
    """Return at most so many numbers below ``count``, evenly spread."""
    return sorted({int(at) for at in np.linspace(0, count - 1, min(count, most))})


def _looked_at(store: PatchStore, damaged: tuple[int, ...]) -> Findings:
    chosen, noisy, target = sample(len(store)), *_buffers(store.edge)
    shifted, flat, values = [], [], []
    for index in chosen:
        store.read(index, noisy, target)
        values.append((float(target.min()), float(target.max()), float(target.mean())))
        if values[-1][0] == values[-1][1]:
            flat.append(index)
        elif offset(noisy, target) != (0, 0):
            shifted.append(index)
    lows, highs, means = zip(*values, strict=True)
    return Findings(
        len(store), damaged, tuple(shifted), tuple(flat),
        min(lows), max(highs), float(np.mean(means)), len(chosen), tuple(_changed(store)),
    )  # fmt: skip


def offset(noisy: Pixels, target: Pixels) -> tuple[int, int]:
    """Return by how many px, down and right, ``noisy`` is moved against ``target``, at most 32.

    The place of the maximum of their cross-correlation.
    """
    spectra = [np.fft.rfft2(image - image.mean()) for image in (noisy, target)]
    correlation = np.fft.irfft2(spectra[0] * spectra[1].conj(), s=target.shape)
    reach = min(FAR, target.shape[0] // 4)
    near = np.roll(correlation, (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    down, right = np.unravel_index(int(np.argmax(near)), near.shape)
    return int(down) - reach, int(right) - reach


def _changed(store: PatchStore) -> Iterator[str]:
    for source in store.sources:
        path = Path(source["path"])
        stat = path.stat() if path.is_file() else None
        now = (stat.st_size, stat.st_mtime_ns) if stat else None
        if "size" in source and now != (source["size"], source["mtime_ns"]):
            yield str(path)


def _buffers(edge: int) -> tuple[Pixels, Pixels]:
    return np.empty((edge, edge), np.float32), np.empty((edge, edge), np.float32)


def _first(indices: tuple[int, ...]) -> str:
    return f" (the first is pair {indices[0]:,})" if indices else ""

"""Patch pairs read from disk, in any order and by any number of threads."""

from __future__ import annotations

import os
import sys
from bisect import bisect_right
from itertools import accumulate, compress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoden.errors import PatchFileError, SettingsError
from cryoden.experiment.index import INDEX, Index, Source, damaged, layout_of, read_index, shard_name
from cryoden.experiment.pair_grid import PairGrid
from cryoden.io.pixel_size import possible
from cryoden.io.retrying import retried
from cryoden.io.typed_json import as_type
from cryoden.micrograph import Pixels
from cryoden.settings.baseline import PatchSettings

MEND = "Repeat the command that built the data set: it writes what is missing"


class PatchStore:
    """Pairs of a finished data set, read one at a time into given buffers; safe to share by threads.

    Parameters
    ----------
    folder : Path
        What ``cryoden patches build`` wrote.

    Raises
    ------
    PatchFileError
        Q01 when there is no index, Q02 when it is damaged, Q03 of another version, Q04 when a file
        has not the size the index says.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.about = read_index(folder)
        try:
            index = as_type(Index, self.about)
            self._settings = PatchSettings(**index.settings)
            self.layout = layout_of(self.about, self._settings)
            self.sums = np.array(self.about.pop("crc32"), np.uint32)  # an eighth of a list's memory
            self.sources = index.sources
            shapes = [(rows, columns) for rows, columns in (source.shape for source in self.sources)]
            self.ends = list(accumulate(source.pairs for source in self.sources))
        except (KeyError, TypeError, ValueError, OverflowError, SettingsError) as error:
            raise damaged(folder / INDEX, str(error)) from None
        if self.sums.shape != (self.layout.pairs,):
            raise damaged(folder / INDEX, f"{self.sums.size:,} checksums of {self.layout.pairs:,} pairs")
        is_target = [source.role == "target" for source in self.sources]
        self.grid = PairGrid(list(compress(shapes, is_target)), self._settings)
        counts = [source.pairs for source in compress(self.sources, is_target)]
        if self.ends[-1:] != [self.layout.pairs] or self.grid.counts != counts:
            raise damaged(folder / INDEX, f"{self.layout.pairs:,} pairs, other than of its micrographs")
        for number in range(self.layout.shards):
            self._check_size(number)

    @property
    def settings(self) -> PatchSettings:
        """How they were made."""
        return self._settings

    @property
    def kind(self) -> str:
        """Whether noise was added, or both sides were given."""
        return str(self.about["kind"])

    @property
    def edge(self) -> int:
        """Edge of a patch in px."""
        return self.layout.edge

    @property
    def pixel_size(self) -> float | None:
        """Å/px of the targets; ``None`` where the data set does not say."""
        found = self.about.get("pixel_size")
        return possible(found) if isinstance(found, float | int) else None

    def __len__(self) -> int:
        return self.layout.pairs

    def read(self, index: int, noisy: Pixels, target: Pixels) -> None:
        """Read pair ``index`` into two contiguous ``(p, p)`` float32 buffers.

        Raises
        ------
        PatchFileError
            Q04 when the file has become shorter, is gone or cannot be read.
        """
        if self.layout.dtype == "float32" and sys.byteorder == "little":
            self._fill(index, (noisy, target))
            return
        noisy[...], target[...] = self.stored(index)

    def stored(self, index: int) -> NDArray[Any]:
        """Return a pair as it lies on disk, ``(2, p, p)``: noisy, target; errors as of `read`."""
        pair = np.empty((2, self.edge, self.edge), self.layout.stored)
        self._fill(index, (pair,))
        return pair

    def where(self, index: int) -> tuple[Path, int]:
        """Return the file of a pair, and the byte where it begins."""
        number, offset = self.layout.place(index)
        return self.folder / shard_name(number), offset

    def source(self, index: int) -> Source:
        """Return the micrograph of a pair's target."""
        return self.sources[bisect_right(self.ends, index)]

    @retried
    def _fill(self, index: int, buffers: tuple[NDArray[Any], ...]) -> None:
        path, offset = self.where(index)
        views = [buffer.view(np.uint8).data.cast("B") for buffer in buffers]  # refuses what is not contiguous
        try:
            file = _open(path)
            try:
                done = _read_all(file, views, offset)
            finally:
                os.close(file)
        except OSError as error:
            raise _unreadable(path, error.strerror or str(error)) from error
        if done < self.layout.pair_bytes:
            raise _short(path, offset + done, self._bytes_of(index // self.layout.shard))

    def _bytes_of(self, number: int) -> int:
        return len(self.layout.of_shard(number)) * self.layout.pair_bytes

    def _check_size(self, number: int) -> None:
        path = self.folder / shard_name(number)
        if not path.is_file():
            raise _unreadable(path, "no such file")
        size, wanted = path.stat().st_size, self._bytes_of(number)
        if size != wanted:
            raise _short(path, size, wanted)


def _unreadable(path: Path, why: str) -> PatchFileError:
    return PatchFileError("Q04", path, f"cannot be read: {why}", fix=MEND)


def _short(path: Path, size: int, wanted: int) -> PatchFileError:
    return PatchFileError("Q04", path, f"is incomplete: {size:,} of {wanted:,} bytes", fix=MEND)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))


def _read_all(file: int, views: list[memoryview], offset: int) -> int:
    """Fill the views one after the other; return the bytes that were there."""
    done, wanted = 0, sum(map(len, views))
    while done < wanted:
        got = _read_some(file, views, offset + done)
        if not got:
            break
        done += got
        while views and got >= len(views[0]):
            got -= len(views.pop(0))
        if got:
            views[0] = views[0][got:]
    return done


if sys.platform == "win32":

    def _read_some(file: int, views: list[memoryview], offset: int) -> int:
        os.lseek(file, offset, os.SEEK_SET)
        data = os.read(file, len(views[0]))
        views[0][: len(data)] = data
        return len(data)

else:
    _read_some = os.preadv

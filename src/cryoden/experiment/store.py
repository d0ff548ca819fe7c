"""Patch pairs on disk: flat little-endian files and a JSON index.

A folder holds ``index.json`` and shards ``pairs_00000.bin`` …; a shard is so many pairs one
after the other, a pair is the noisy patch and then the target, row by row. The index has a
CRC-32 of each pair. Any program can read them with a seek and a read.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoden.errors import PatchFileError
from cryoden.experiment_settings import PatchSettings
from cryoden.header import open_regular
from cryoden.micrograph import Pixels

FORMAT = "cryoden-patches-1"
INDEX = "index.json"


@dataclass(frozen=True)
class Layout:
    """How pairs lie in shards.

    Parameters
    ----------
    pairs, shard : int
        All pairs, and those in one file; the last file may have fewer.
    edge : int
        Edge of a patch in px.
    dtype : str
        ``"float32"`` or ``"float16"``.
    """

    pairs: int
    shard: int
    edge: int
    dtype: str

    @property
    def stored(self) -> np.dtype[Any]:
        """The number format on disk."""
        return np.dtype(self.dtype).newbyteorder("<")

    @property
    def pair_bytes(self) -> int:
        """Bytes of one pair."""
        return 2 * self.edge**2 * self.stored.itemsize

    @property
    def shards(self) -> int:
        """Number of files."""
        return -(-self.pairs // self.shard)

    def of_shard(self, number: int) -> range:
        """Return the pairs of one file."""
        return range(number * self.shard, min(self.pairs, (number + 1) * self.shard))

    def place(self, index: int) -> tuple[int, int]:
        """Return in which file a pair lies, and at which byte."""
        number, within = divmod(index, self.shard)
        return number, within * self.pair_bytes


def shard_name(number: int) -> str:
    """Return the name of a file of pairs."""
    return f"pairs_{number:05}.bin"


class PatchStore:
    """Pairs of a finished data set, read one at a time into given buffers; safe to share by threads.

    Parameters
    ----------
    folder : Path
        What ``cryoden patches build`` wrote.

    Raises
    ------
    PatchFileError
        P01 when there is no index, P02 when it is damaged, P03 of another version, P04 when a file
        has not the size the index says.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.about = _read_index(folder)
        try:
            self.layout = Layout(*(self.about[name] for name in ("pairs", "shard", "edge", "dtype")))
            self._settings = PatchSettings(**self.about["settings"])
            self.sums: list[int] = self.about["crc32"]
        except (KeyError, TypeError) as error:
            raise _damaged(folder / INDEX, str(error)) from None
        for number in range(self.layout.shards):
            self._check_size(number)

    @property
    def settings(self) -> PatchSettings:
        """How they were made."""
        return self._settings

    @property
    def edge(self) -> int:
        """Edge of a patch in px."""
        return self.layout.edge

    def __len__(self) -> int:
        return self.layout.pairs

    def read(self, index: int, noisy: Pixels, target: Pixels) -> None:
        """Read pair ``index`` into two contiguous ``(p, p)`` float32 buffers.

        Raises
        ------
        PatchFileError
            P04 when the file has become shorter.
        """
        if self.layout.dtype == "float32" and sys.byteorder == "little":
            self._fill(index, (noisy, target))
            return
        stored = np.empty((2, self.edge, self.edge), self.layout.stored)
        self._fill(index, (stored,))
        noisy[...], target[...] = stored

    def crc32(self, index: int) -> int:
        """Return the checksum of a pair as it lies on disk."""
        stored = np.empty(self.layout.pair_bytes, np.uint8)
        self._fill(index, (stored,))
        return zlib.crc32(stored.data)

    def _fill(self, index: int, buffers: tuple[NDArray[Any], ...]) -> None:
        number, offset = self.layout.place(index)
        path = self.folder / shard_name(number)
        file = open_regular(path)
        try:
            views = [buffer.data.cast("B") for buffer in buffers]
            done = _read_all(file, views, offset)
        finally:
            os.close(file)
        if done < self.layout.pair_bytes:
            raise self._short(path, offset + done)

    def _check_size(self, number: int) -> None:
        path = self.folder / shard_name(number)
        wanted = len(self.layout.of_shard(number)) * self.layout.pair_bytes
        size = path.stat().st_size if path.is_file() else -1
        if size != wanted:
            raise self._short(path, max(0, size), wanted)

    def _short(self, path: Path, size: int, wanted: int = 0) -> PatchFileError:
        expected = f" of {wanted:,}" if wanted else ""
        problem = f"is not whole: {size:,}{expected} bytes"
        return PatchFileError(
            "P04", path, problem, fix="Run cryoden patches build again: it makes what is missing"
        )

    @cached_property
    def sources(self) -> list[Mapping[str, Any]]:
        """The micrographs it was made of, with size and time."""
        return list(self.about.get("sources", []))


def index_text(layout: Layout, settings: PatchSettings, more: Mapping[str, Any]) -> str:
    """Return an index as it is written."""
    about = {"format": FORMAT, "byte_order": "little", "order": "noisy, target", **asdict(layout), **more}
    return json.dumps(about | {"settings": asdict(settings)}, indent=1)


def _read_index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        found = about["format"]
    except OSError:
        fix = "Give a folder written by cryoden patches build, or repeat that command: it goes on"
        raise PatchFileError("P01", folder, f"holds no finished data set: no {INDEX}", fix=fix) from None
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, str(error)) from None
    if found != FORMAT:
        problem = f"of another version (found {found}, expected {FORMAT})"
        raise PatchFileError("P03", path, problem, fix="Build it again")
    return dict(about)


def _damaged(path: Path, why: str) -> PatchFileError:
    return PatchFileError("P02", path, f"damaged: {why}", fix="Build the data set again")


def _read_all(file: int, views: list[memoryview], offset: int) -> int:
    """Fill the views one after the other; return the bytes that were there."""
    done = 0
    while views:
        got = (
            os.preadv(file, views, offset + done)
            if hasattr(os, "preadv")
            else _read_one(file, views, offset + done)
        )
        if not got:
            break
        done += got
        while views and got >= len(views[0]):
            got -= len(views.pop(0))
        if got:
            views[0] = views[0][got:]
    return done


def _read_one(file: int, views: list[memoryview], offset: int) -> int:
    os.lseek(file, offset, os.SEEK_SET)
    data = os.read(file, len(views[0]))
    views[0][: len(data)] = data
    return len(data)

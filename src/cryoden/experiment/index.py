"""What a data set of patch pairs is and was made from, as its JSON index says: flat little-endian files.

A folder holds ``index.json`` and shards ``pairs_00000.bin`` …; a shard is so many pairs one
after the other, a pair is the noisy patch and then the target, row by row. The index has a
CRC-32 of each pair, and of each micrograph, so that another, or a changed one, is noticed. Any
program can read them with a seek and a read; see ``docs/patch-files.md``.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cryoden.errors import CryodenError, PatchFileError, printable
from cryoden.experiment.pairs import PatchPairs
from cryoden.io import typed_json
from cryoden.io.mrc_header import open_regular, unreadable
from cryoden.io.mrc_windows import MicrographFile, finite_window
from cryoden.micrograph import Windowed
from cryoden.settings.baseline import PatchSettings

FORMAT = "cryoden-patches-1"
INDEX = "index.json"
SHARDS = "pairs_*.bin"
NOISE = 2  # which way of drawing noise; data sets of the first do not say it
BLOCK, BLOCKS = 1 << 16, 16  # bytes of a file that are looked at: 1 MiB, evenly spread


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
    return SHARDS.replace("*", f"{number:05}")


@dataclass(frozen=True)
class Index:
    """What is looked at of an index, with its types."""

    kind: str
    pairs: int
    shard: int
    edge: int
    dtype: str
    settings: dict[str, Any]
    sources: list[Source]
    crc32: list[int]
    versions: dict[str, str]


@dataclass(frozen=True)
class Source:
    """A micrograph pairs were cut from.

    Parameters
    ----------
    path : str
        Its file, or its name where it was in memory.
    role : str
        ``"target"`` or ``"noisy"``.
    pairs : int
        How many pairs its targets are of; pairs lie in the order of the sources.
    shape : list of int
        Rows and columns.
    crc32 : int
        Of 16 blocks of the file, or of all pixels in memory.
    bytes : int or None
        Size of the file.
    pixels : str
        How its pixels are stored.
    """

    path: str
    role: str
    pairs: int
    shape: list[int]
    crc32: int
    bytes: int | None = None
    pixels: str = ""


def plan_of(layout: Layout, settings: PatchSettings, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of a data set before it is built; equal plans make equal bytes."""
    form = {"format": FORMAT, "byte_order": "little", "order": "noisy, target", **asdict(layout)}
    return {**form, "settings": asdict(settings), **more}


def index_text(about: Mapping[str, Any]) -> str:
    """Return an index as it is written: one number a line, so that any program can read it."""
    return json.dumps(about, indent=1)


def read_index(folder: Path) -> dict[str, Any]:
    """Return the index of a finished data set, its version known and the rest not looked at.

    Raises
    ------
    PatchFileError
        Q01 when there is none, Q02 when it is damaged, Q03 of another version.
    """
    path = folder / INDEX
    try:
        about = typed_json.read(path)
    except (FileNotFoundError, NotADirectoryError):
        fix = "Give a folder written by cryoden patches build, or repeat that command to resume it"
        raise PatchFileError("Q01", folder, f"is not a finished data set: no {INDEX}", fix=fix) from None
    except ValueError as error:
        raise damaged(path, str(error)) from None
    found = about.get("format")
    if found != FORMAT:
        problem = f"is of another version (found {found}, expected {FORMAT})"
        raise PatchFileError("Q03", path, problem, fix="Build the data set again, in another folder")
    return about


def layout_of(about: Mapping[str, Any], settings: PatchSettings) -> Layout:
    """Return the layout an index tells; raises ``ValueError`` where it contradicts itself."""
    pairs, bounds = about["pairs"], (settings.shard, settings.patch, settings.dtype)
    found = tuple(about[name] for name in ("shard", "edge", "dtype"))
    if type(pairs) is not int or pairs < 1 or found != bounds:
        raise ValueError(f"{pairs} pairs of {found}, built with {bounds}")
    return Layout(pairs, *bounds)


def damaged(path: Path, why: str) -> PatchFileError:
    """Return Q02 for an index that cannot be used."""
    return PatchFileError("Q02", path, f"damaged: {why}", fix="Build the data set again, in another folder")


def origin(pairs: PatchPairs) -> dict[str, Any]:
    """Return the micrographs and how they are cut, as the index has it; reads 1 MiB of each file.

    Raises
    ------
    MicrographError
        For a file that cannot be read.
    """
    counts = [*pairs.counts, *([0] * (len(pairs.micrographs) - len(pairs.counts)))]
    roles = ["target" if place < len(pairs.targets) else "noisy" for place in range(len(counts))]
    found = map(_source, pairs.micrographs, roles, counts)
    drawn = {"noise": NOISE} if pairs.kind == "noise added" else {}
    return {"kind": pairs.kind, **drawn, "sources": [asdict(source) for source in found]}


def same_plan(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two plans make the same bytes: all is equal but for folders of the micrographs."""
    return _comparable(one) == _comparable(other)


def changed_sources(sources: Sequence[Source]) -> Iterator[str]:
    """Yield what is no longer as it was, in words: gone, another size, other bytes."""
    for source in sources:
        what = "" if source.bytes is None else _change(source)
        if what:
            yield what


def _comparable(plan: Mapping[str, Any]) -> dict[str, Any]:
    sources = [source | {"path": Path(str(source["path"])).name} for source in plan["sources"]]
    return {**plan, "sources": sources}


def _source(micrograph: Windowed, role: str, count: int) -> Source:
    rows, columns = micrograph.shape
    if micrograph.path is None:
        pixels = np.ascontiguousarray(finite_window(micrograph, 0, 0, rows, columns))
        return Source(micrograph.name, role, count, [rows, columns], zlib.crc32(pixels.data))
    size, crc = _fingerprint(micrograph.path)
    path, stored = str(micrograph.path.absolute()), ""
    if isinstance(micrograph, MicrographFile):  # the same bytes can be read in more than one way
        facts = micrograph.facts
        stored = f"{facts.dtype} from byte {facts.data_offset}" + facts.transposed * ", transposed"
    return Source(path, role, count, [rows, columns], crc, size, stored)


def _fingerprint(path: Path) -> tuple[int, int]:
    """Return the size of a file and a CRC-32 of 16 blocks of it."""
    descriptor = open_regular(path)
    try:
        size, crc = os.fstat(descriptor).st_size, 0
        for offset in np.linspace(0, max(0, size - BLOCK), BLOCKS).astype(int):
            os.lseek(descriptor, int(offset), os.SEEK_SET)
            crc = zlib.crc32(os.read(descriptor, BLOCK), crc)
    except OSError as error:
        raise unreadable(path, error) from error
    finally:
        os.close(descriptor)
    return size, crc


def _change(source: Source) -> str:
    name = printable(source.path)
    try:
        size, crc = _fingerprint(Path(source.path))
    except CryodenError:
        return f"{name} is missing or unreadable"
    if size != source.bytes:
        return f"{name} has {size:,} bytes, it had {source.bytes:,}"
    return "" if crc == source.crc32 else f"{name} has other pixels, or another header"

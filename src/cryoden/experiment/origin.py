"""What a data set was made from, so that other micrographs, or changed ones, are noticed."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cryoden.errors import CryodenError, printable
from cryoden.experiment.index import Source
from cryoden.experiment.pairs import PatchPairs
from cryoden.io.mrc_header import open_regular
from cryoden.io.mrc_windows import MicrographFile, finite_window
from cryoden.micrograph import Windowed

BLOCK, BLOCKS = 1 << 16, 16  # bytes of a file that are looked at: 1 MiB, evenly spread


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
    return {"kind": pairs.kind, "sources": [asdict(source) for source in found]}


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two plans make the same bytes: all is equal but for folders of the micrographs."""
    return _comparable(one) == _comparable(other)


def changed(sources: Sequence[Source]) -> Iterator[str]:
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
    finally:
        os.close(descriptor)
    return size, crc


def _change(source: Source) -> str:
    name = printable(source.path)
    try:
        size, crc = _fingerprint(Path(source.path))
    except (CryodenError, OSError):
        return f"{name} is missing or unreadable"
    if size != source.bytes:
        return f"{name} has {size:,} bytes, it had {source.bytes:,}"
    return "" if crc == source.crc32 else f"{name} has other pixels, or another header"

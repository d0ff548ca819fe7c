"""MRC files compressed by gzip or bzip2, unpacked no further than their headers promise.

A header may promise anything. What it promises is compared with the size of the compressed file first: noise
cannot be compressed a thousand times, and what is, is no micrograph.
"""

from __future__ import annotations

import bz2
import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from cryoden.errors import MicrographError
from cryoden.formats.names import packing_of, unpacked_name
from cryoden.io.mrc_header import HEADER_BYTES, in_byte_order, open_regular
from cryoden.io.mrc_header_copy import Original
from cryoden.io.mrc_probe import HeaderFacts, Mode0, facts_of

MOST_TIMES, SMALL = 1032, 1 << 20  # gzip compresses nothing further than so many times
NAMES = {".gz": "gzip", ".bz2": "bzip2"}
COPY_AGAIN = "Copy it again"


def probe(path: Path, *, mode0: Mode0 = "auto", assume_no_extended_header: bool = False) -> HeaderFacts:
    """Return the facts of a compressed MRC file from the first 1,024 bytes that are unpacked.

    Raises
    ------
    MicrographError
        As `cryoden.io.mrc_probe.probe`; ``F60`` for a file that ends early, ``F61`` for one that is
        damaged, or not compressed, ``F62`` for one that cannot hold what its header promises.
    """
    with unpacked(path) as file:
        raw = file.read(HEADER_BYTES)
    facts = facts_of(
        path,
        raw,
        None,
        name=unpacked_name(path),
        mode0=mode0,
        assume_no_extended_header=assume_no_extended_header,
    )
    size, promised = path.stat().st_size, facts.data_offset + facts.nz * facts.section_bytes
    if promised > MOST_TIMES * size + SMALL:
        what = f"impossible size: {size:,} compressed bytes cannot hold the {promised:,} its header promises"
        raise MicrographError("F62", path, what, kept="Skipped", fix=COPY_AGAIN)
    return facts


def section(facts: HeaderFacts) -> bytes:
    """Return the bytes of the pixels that begin at ``facts.data_offset``, one section of them.

    Raises
    ------
    MicrographError
        ``F03`` where there are fewer, ``F60`` and ``F61`` as `probe`.
    """
    with unpacked(facts.path) as file:
        file.seek(facts.data_offset)
        data = file.read(facts.section_bytes)
        if len(data) == facts.section_bytes:
            file.read(1)  # beyond the last byte stands the checksum, which is compared
            return data
    what = f"truncated: {len(data):,} of {facts.section_bytes:,} bytes of pixels once unpacked"
    raise MicrographError("F03", facts.path, what, kept="Skipped", fix=COPY_AGAIN)


def original(path: Path) -> Original:
    """Return header and extended header, to be copied."""
    with unpacked(path) as file:
        raw = file.read(HEADER_BYTES)
        header, _ = in_byte_order(raw, -1)
        return Original(raw, header, file.read(max(0, header.extended)))


@contextmanager
def unpacked(path: Path) -> Iterator[BinaryIO]:
    """Open a compressed file for reading what it holds, and say in one line what is wrong with it."""
    with ExitStack() as stack:
        raw = stack.enter_context(os.fdopen(open_regular(path), "rb"))
        packed = gzip.GzipFile(fileobj=raw) if packing_of(path) == ".gz" else bz2.BZ2File(raw)
        try:
            yield cast("BinaryIO", stack.enter_context(packed))
        except EOFError as error:
            what = "ends early: the compressed file is not complete"
            raise MicrographError("F60", path, what, kept="Skipped", fix=COPY_AGAIN) from error
        except (OSError, zlib.error, ValueError) as error:
            what = f"cannot be unpacked as {NAMES[packing_of(path)]}: {error}"
            raise MicrographError("F61", path, what, kept="Skipped", fix=COPY_AGAIN) from error

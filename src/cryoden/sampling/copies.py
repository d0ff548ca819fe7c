"""The same micrograph under two names: a link, a copy, a second list of the same files.

Trained on and held out at once it would make a validation loss too good. A few rows of pixels tell:
no two exposures have the same noise.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from cryoden.errors import printable
from cryoden.micrograph import Windowed

T = TypeVar("T")
ROWS = (0.21, 0.43, 0.59, 0.83)  # of the height; borders may be blank
SHOWN = 5

Fingerprint = tuple[int, ...]


def without_copies(
    items: Sequence[T], of: Sequence[tuple[Windowed, Windowed]]
) -> tuple[list[T], tuple[str, ...]]:
    """Return the items of which no earlier one shows the same micrograph, and what to say of the others.

    Parameters
    ----------
    items : sequence
        Pairs of any kind.
    of : sequence of (Windowed, Windowed)
        The two micrographs of each, in either order.

    Raises
    ------
    MicrographError
        For a file that cannot be read.
    """
    first: dict[frozenset[Fingerprint], str] = {}
    kept, copies = [], []
    for item, pair in zip(items, of, strict=True):
        key, name = frozenset(map(_fingerprint, pair)), pair[0].name
        if key in first:
            copies.append(f"{printable(name)} (as {printable(first[key])})")
            continue
        first[key] = name
        kept.append(item)
    shown = ", ".join(copies[:SHOWN]) + (f" and {len(copies) - SHOWN:,} more" if len(copies) > SHOWN else "")
    words = f"D14: {len(copies):,} of {len(items):,} pairs show a micrograph that is there already: {shown}"
    return kept, (f"{words}. Each micrograph is used once",) if copies else ()


def _fingerprint(micrograph: Windowed) -> Fingerprint:
    height, width = micrograph.shape
    rows = [micrograph.window(int(share * height), 0, 1, width) for share in ROWS]
    return (height, width, *(zlib.crc32(np.ascontiguousarray(row).tobytes()) for row in rows))

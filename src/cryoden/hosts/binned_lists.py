"""What a STAR file of binned results says, so that what is picked in them comes to lie where it was seen.

RELION goes by the Å/px in the optics table: where results take the place of micrographs, theirs stands there.
Each row says how large its pixels are, and the first lines say how coordinates are carried over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryoden.dataset.opening import facts
from cryoden.dataset.star_columns import with_columns
from cryoden.dataset.star_files import GROUP, Listing, pixel_sizes
from cryoden.errors import MicrographError
from cryoden.formats.micrographs import probe
from cryoden.io.mrc_probe import HeaderFacts
from cryoden.io.star import StarTable, having, read_tables

SIZE, BY = "cryodenPixelSizeDenoised", "cryodenBinning"
RELION_SIZE = "rlnMicrographPixelSize"
UNKNOWN = "0"  # of a row without a result
ROOM = 2e-3  # px by which a side may be rounded
Sizes = Sequence[tuple[float | None, float] | None]


def binned_sizes(found: Listing, done: Mapping[Path, Path]) -> Sizes:
    """Return for each row Å/px of its result and by how much it is binned; nothing at all where none is.

    ``None`` for a row without a result.
    """
    listed = pixel_sizes([found.table.path])
    sizes = [_size(file, done[file], listed.get(file)) if file in done else None for file in found.files]
    return sizes if any(one and one[1] != 1.0 for one in sizes) else []


def columns_of(sizes: Sizes) -> dict[str, list[str]]:
    """Return the columns that say so in each row."""
    texts = [(f"{one[0] or 0:.6g}", f"{one[1]:.6g}") if one else (UNKNOWN, UNKNOWN) for one in sizes]
    return {label: [text[at] for text in texts] for at, label in enumerate((SIZE, BY))} if texts else {}


def head_of(sizes: Sizes) -> str:
    """Return the lines of a STAR file that say it to people."""
    known = sorted({round(one[1], 4) for one in sizes if one})
    if not known:
        return ""
    times = f"{known[0]:g}" if len(known) == 1 else f"{BY} of the row"
    return (
        f"# The results are binned: coordinates picked in them, times {times}, are coordinates in the\n"
        f"# micrographs that they were made from. {SIZE} is their pixel size in Å.\n"
    )


def with_optics(found: Listing, sizes: Sizes) -> list[str] | None:
    """Return the lines of a list whose optics groups have the Å/px of their results; ``None`` for no change.

    They are as many as they were: a table that was read from the file still says where its rows are.
    """
    tables = read_tables(found.table.path)
    others = (one for one in tables if one.labels != found.table.labels and RELION_SIZE in one.labels)
    optics = having(others, [GROUP])
    if optics is None or not sizes:
        return None
    stated = optics.columns([GROUP, RELION_SIZE])
    known = _of_groups(found.table, sizes)
    new = [known.get(group, known.get("", size)) for group, size in stated]
    return with_columns(optics, {RELION_SIZE: new}).split("\n")


def own_size(table: StarTable, sizes: Sizes) -> dict[str, list[str]]:
    """Return the Å/px of results for a list that has those of its micrographs in their rows."""
    if RELION_SIZE not in table.labels or not sizes:
        return {}
    stated = [size for (size,) in table.columns([RELION_SIZE])]
    return {RELION_SIZE: [_text(one) or size for one, size in zip(sizes, stated, strict=True)]}


def _of_groups(table: StarTable, sizes: Sizes) -> dict[str, str]:
    """Return the Å/px of the results of each optics group; under no name, where rows have no group."""
    has_groups = GROUP in table.labels
    groups = [group for (group,) in table.columns([GROUP])] if has_groups else [""] * len(sizes)
    return {group: text for group, one in zip(groups, sizes, strict=True) if (text := _text(one))}


def _text(one: tuple[float | None, float] | None) -> str:
    return f"{one[0]:.6g}" if one and one[0] else ""


def _size(file: Path, result: Path, listed: float | None) -> tuple[float | None, float] | None:
    """Return Å/px of a result, and how many times wider its pixels are; ``None`` where one cannot be read."""
    try:
        raw, made = facts(file, listed=listed), probe(result)
    except MicrographError:
        return None
    return made.pixel_size, _times(raw, made)


def _times(raw: HeaderFacts, made: HeaderFacts) -> float:
    """Return how many times wider the pixels of a result are.

    Its shape says so to less than a pixel, because what is left at the end of a side is cut off. Pixel sizes
    say it exactly, but only where they agree with that: ``--pixel-size`` may have been another.
    """
    if raw.shape == made.shape:
        return 1.0
    sides = list(zip(raw.shape, made.shape, strict=True))
    least = max(side / (small + 1 - ROOM) for side, small in sides)
    most = min(side / (small - ROOM) for side, small in sides)
    if raw.pixel_size and made.pixel_size and least < made.pixel_size / raw.pixel_size <= most:
        return made.pixel_size / raw.pixel_size
    whole = math.floor(most)
    return float(whole) if whole > least else (least + most) / 2

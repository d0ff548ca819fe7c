"""What a STAR file of binned results says, so that what is picked in them comes to lie where it was seen.

RELION goes by the Å/px in the optics table: where results take the place of micrographs, theirs stands there.
Each row says how large its pixels are, and the first lines say how coordinates are carried over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cryoden.dataset.star_columns import with_columns
from cryoden.dataset.star_files import GROUP, Listing
from cryoden.errors import MicrographError
from cryoden.formats.micrographs import probe
from cryoden.io.star import StarTable, having, read_tables

SIZE, BY = "cryodenPixelSizeDenoised", "cryodenBinning"
RELION_SIZE = "rlnMicrographPixelSize"
UNKNOWN = "0"  # of a row without a result
Sizes = Sequence[tuple[float | None, float] | None]


def binned_sizes(found: Listing, done: Mapping[Path, Path]) -> Sizes:
    """Return for each row Å/px of its result and by how much it is binned; nothing at all where none is.

    ``None`` for a row without a result.
    """
    first = next((file for file in found.files if file in done), None)
    if first is None or (_size(first, done[first]) or (None, 1.0))[1] == 1.0:
        return []
    return [_size(file, done[file]) if file in done else None for file in found.files]


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


def _size(file: Path, result: Path) -> tuple[float | None, float] | None:
    """Return Å/px of a result, and how many times wider its pixels are; ``None`` where one cannot be read."""
    try:
        raw, made = probe(file), probe(result)
    except MicrographError:
        return None
    factor = raw.shape[1] // made.shape[1] if raw.shape != made.shape else 1
    by_size = raw.pixel_size and made.pixel_size and made.pixel_size / raw.pixel_size
    return made.pixel_size, float(by_size if by_size and factor > 1 else factor)

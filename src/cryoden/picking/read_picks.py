"""Coordinates from files of RELION, cryoSPARC, EMAN, crYOLO and Topaz.

All of them count rows from the first one that is stored in a micrograph's MRC file, which its authors draw
at the bottom. RELION and Topaz give centers; EMAN and crYOLO the corner of a box that is nearest to the first
pixel, and its edges; cryoSPARC parts of the image's width and height (slot ``location`` of cryosparc-tools
5.0, and csparc2star of pyem, doi:10.5281/zenodo.3576630).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from cryoden.dataset.cs_tables import CsTable, read_table, with_passthrough
from cryoden.errors import CryodenError, printable
from cryoden.io.mrc_header import open_regular
from cryoden.io.star import having, read_tables
from cryoden.micrograph import Array
from cryoden.picking import star_picks
from cryoden.picking.picks import Picks, PicksError
from cryoden.picking.star_picks import numbers

SUFFIXES = (".star", ".cs", ".csg", ".cbox", ".box", ".txt")
MOST_BYTES = 2**28
TOPAZ = ("image_name", "x_coord", "y_coord")
NEEDED = (
    "location/micrograph_path",
    "location/micrograph_shape",
    "location/center_x_frac",
    "location/center_y_frac",
)
MERITS = ("pick_stats/ncc_score", "pick_stats/power")  # of templates and blobs; the first that is there
PIXEL_SIZE = "location/micrograph_psize_A"
ONE_OF = "Give a STAR, .cs, .box, .cbox or Topaz .txt file of coordinates"


def is_picks_name(path: Path) -> bool:
    """Tell whether a file's name ends like one of coordinates; other files may, too."""
    return path.suffix.lower() in SUFFIXES


def read_picks(path: Path) -> list[Picks]:
    """Return the picks of each micrograph, or image of a stack, that a file of coordinates has.

    Raises
    ------
    PicksError
        ``K01`` for a file that has no coordinates, ``K02`` for one that is no number.
    HalvesError
        ``D01`` for a row of a STAR file that has more or fewer values than labels.
    MicrographError
        ``F49``, ``F50``, ``F58`` when the file cannot be read.
    """
    readers: dict[str, Callable[[Path], list[Picks]]] = {
        ".star": star_picks.read_star, ".cbox": star_picks.read_cbox, ".cs": _read_cs, ".csg": _read_cs,
        ".box": _read_box, ".txt": _read_topaz,
    }  # fmt: skip
    reader = readers.get(path.suffix.lower())
    if reader is None:
        problem = f"is no file of coordinates by its name (expected {', '.join(SUFFIXES)})"
        raise PicksError("K01", path, problem, fix=ONE_OF)
    return reader(path)


def read_all(paths: Iterable[Path]) -> list[Picks]:
    """Return the picks of several files, and of the files of coordinates in folders; see `read_picks`."""
    return [one for path in paths for file in _files(path) for one in read_picks(file)]


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if is_picks_name(file) and not file.name.startswith("."))
    if not found:
        raise PicksError("K01", path, "0 files of coordinates in the folder", fix=ONE_OF)
    return found


def _read_cs(path: Path) -> list[Picks]:
    """Read picks or particles of a ``.cs`` or ``.csg`` file, with what the job passed through beside it."""
    table = read_table(path)
    if not _has_places(table):
        table = with_passthrough(table)
    if not _has_places(table):
        problem = f"no slot location, which says where particles are (slots found: {', '.join(table.slots)})"
        raise PicksError("K01", path, problem, fix="Give picks, or particles with their passthrough file")
    names = table.texts(NEEDED[0])
    shapes = table.numbers(NEEDED[1], 2)
    parts = np.column_stack([table.numbers(NEEDED[3]), table.numbers(NEEDED[2])])
    _refuse_beside(path, parts, shapes)
    merits = _scores(table)
    places: dict[tuple[str, tuple[float, ...]], list[int]] = {}
    for place, (name, shape) in enumerate(zip(names, shapes.tolist(), strict=True)):
        places.setdefault((name, tuple(shape)), []).append(place)
    return [
        Picks(
            name.removeprefix(">"),
            parts[at] * shape,
            merits[at],
            np.array(at),
            path,
            _first_size(table, PIXEL_SIZE, at),
            (int(shape[0]), int(shape[1])),
        )
        for (name, shape), at in places.items()
    ]


def _has_places(table: CsTable) -> bool:
    return set(NEEDED) <= set(table.columns)


def _scores(table: CsTable) -> Array:
    known = next((name for name in MERITS if name in table.columns), None)
    if known is None:
        return np.full(len(table.rows), np.nan)
    return table.numbers(known)


def _first_size(table: CsTable, column: str, at: list[int]) -> float | None:
    if column not in table.columns:
        return None
    value = float(table.numbers(column)[at[0]])
    return value if 0 < value < float("inf") else None


def _refuse_beside(path: Path, parts: Array, shapes: Array) -> None:
    if not np.isfinite(parts).all() or (shapes < 1).any():
        bad = int(np.argmin(np.isfinite(parts).all(axis=1) & (shapes >= 1).all(axis=1)))
        problem = f"row {bad}: {parts[bad].tolist()} of {shapes[bad].tolist()} px is no place on a micrograph"
        raise PicksError("K02", path, problem, kept="Nothing was read", fix="Save it again in cryoSPARC")


def _read_box(path: Path) -> list[Picks]:
    """Read EMAN's boxes: x and y of a corner, width and height, and what may follow."""
    lines = _lines(path)
    rows = [line.split() for _, line in lines]
    _refuse_short(path, lines, rows, 4, "x y width height")
    values = numbers(path, [row[:4] for row in rows], [number for number, _ in lines])
    return [star_picks.of_boxes(path, values, np.full(len(rows), np.nan))]


def _read_topaz(path: Path) -> list[Picks]:
    """Read Topaz's table of image names, x and y of centers, and mostly scores."""
    lines = _lines(path)
    head = lines[0][1].split("\t") if lines else []
    if tuple(name.strip().lower() for name in head[:3]) != TOPAZ:
        found = printable(lines[0][1][:60]) if lines else "nothing"
        problem = f"is no file of Topaz: it begins with {found} (expected {' '.join(TOPAZ)} score)"
        raise PicksError("K01", path, problem, fix=ONE_OF)
    rows = [line.split("\t") for _, line in lines[1:]]
    _refuse_short(path, lines[1:], rows, len(head), "\t".join(head))
    scored = len(head) > 3 and head[3].strip().lower() in {"score", "confidence"}
    at = [number for number, _ in lines[1:]]
    values = numbers(path, [row[1:3] for row in rows], at)
    merits = np.full(len(rows), np.nan)
    if scored:
        merits = numbers(path, [row[3:4] for row in rows], at, missing=True)[:, 0]
    return star_picks.by_micrograph(path, [row[0] for row in rows], values[:, :2], merits)


def _lines(path: Path) -> list[tuple[int, str]]:
    """Return number and text of the lines that have one."""
    with os.fdopen(open_regular(path), encoding="utf-8-sig", errors="surrogateescape") as file:
        text = file.read(MOST_BYTES)
    return [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]


def _refuse_short(
    path: Path, lines: Sequence[tuple[int, str]], rows: Sequence[Sequence[str]], least: int, expected: str
) -> None:
    for (number, _), row in zip(lines, rows, strict=True):
        if len(row) < least:
            problem = f"line {number} has {len(row)} values (expected {expected})"
            raise PicksError("K02", path, problem, kept="Nothing was read", fix="Copy the file again")


def ambiguous(path: Path) -> bool:
    """Tell whether files of such a name often have no coordinates."""
    return path.suffix.lower() in {".star", ".txt", ".cs", ".csg"}


def has_picks(path: Path) -> bool:
    """Tell whether a file has coordinates, or lists files that have; one that is damaged has not."""
    try:
        if path.suffix.lower() == ".star":
            tables = read_tables(path)
            return any(having(tables, names) for names in ((star_picks.X, star_picks.Y), star_picks.LIST))
        return bool(read_picks(path))
    except CryodenError:
        return False

"""Coordinates in tables of STAR files: RELION's particles and picks, lists of such files, crYOLO's boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cryoden.dataset.star_files import GROUP, MICROGRAPH, project_of
from cryoden.errors import printable
from cryoden.io.star import StarTable, having, read_tables
from cryoden.micrograph import Array
from cryoden.picking.picks import Picks, PicksError

X, Y, MERIT = "rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit"
LIST = ("rlnMicrographName", "rlnMicrographCoordinates")
PIXEL_SIZE = "rlnMicrographPixelSize"  # others are of movies, or of particles that may have been binned
BOXES = ("CoordinateX", "CoordinateY", "Width", "Height")
UNKNOWN = -999.0  # RELION's word for a figure nobody knows
ENDINGS = ("_autopick", "_manualpick", "_topazpick", "_picks", "_coords", "_extract")
NONE = {"<na>", "nan", "none", "na"}


def read_star(path: Path) -> list[Picks]:
    """Read RELION's particles or picks, or what all the files in a list of them have."""
    tables = read_tables(path)
    listed = having(tables, LIST)
    if listed is not None:
        return _listed(path, listed)
    table = having(tables, (X, Y))
    if table is None:
        problem = f"no table with the columns {X} and {Y}"
        raise PicksError("K01", path, problem, fix="Give particles, or picks of one micrograph")
    at = [number for number, _ in table.rows]
    values = numbers(path, table.columns((X, Y)), at)
    merits = np.full(len(values), np.nan)
    if MERIT in table.labels:
        merits = numbers(path, table.columns((MERIT,)), at, missing=True)[:, 0]
        merits[merits == UNKNOWN] = np.nan
    named = MICROGRAPH[0] in table.labels
    names = [name for (name,) in table.columns(MICROGRAPH)] if named else [own_name(path)] * len(values)
    sizes = _pixel_sizes(tables, table)
    found = by_micrograph(path, names, values, merits, sizes)
    return found or [Picks(own_name(path), np.zeros((0, 2)), np.zeros(0), np.zeros(0, np.int64), path)]


def read_cbox(path: Path) -> list[Picks]:
    """Read crYOLO's boxes with their confidence; those of a stack by its images."""
    table = having(read_tables(path), BOXES)
    if table is None:
        problem = f"no table with the columns {', '.join(BOXES)}"
        raise PicksError("K01", path, problem, fix="Give a .cbox file of crYOLO")
    at = [number for number, _ in table.rows]
    values = numbers(path, table.columns(BOXES), at)
    merits = np.full(len(values), np.nan)
    if "Confidence" in table.labels:
        merits = numbers(path, table.columns(("Confidence",)), at, missing=True)[:, 0]
    planes = np.full(len(values), np.nan)
    if "CoordinateZ" in table.labels:
        planes = numbers(path, table.columns(("CoordinateZ",)), at, missing=True)[:, 0]
    picks = of_boxes(path, values, merits)
    if not np.isfinite(planes).any():
        return [picks]
    return [_in_plane(picks, planes, plane) for plane in np.unique(planes[np.isfinite(planes)])]


def of_boxes(path: Path, boxes: Array, merits: Array) -> Picks:
    """Return picks of ``(n, 4)`` boxes: x and y of the corner at the first pixel, width and height."""
    corners, edges = boxes[:, :2], boxes[:, 2:]
    centers = (corners + edges / 2)[:, ::-1]
    edge = float(np.median(edges)) if len(edges) else None
    return Picks(own_name(path), centers, merits, np.arange(len(boxes)), path, diameter=edge)


def by_micrograph(
    path: Path, names: Sequence[str], positions: Array, merits: Array, sizes: Sequence[float | None] = ()
) -> list[Picks]:
    """Return picks of each name, from ``(n, 2)`` x and y."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(name, []).append(place)
    return [
        Picks(
            name,
            positions[at, ::-1],
            merits[at],
            np.array(at),
            path,
            pixel_size=sizes[at[0]] if sizes else None,
        )
        for name, at in places.items()
    ]


def numbers(
    path: Path, rows: Sequence[Sequence[str]], lines: Sequence[int], *, missing: bool = False
) -> Array:
    """Return texts as numbers, ``(rows, columns)``; where some may be missing, ``<NA>`` as NaN.

    Raises
    ------
    PicksError
        ``K02`` for the first that is none.
    """
    if not rows:
        return np.zeros((0, len(BOXES)))
    found = np.array([[_number(value) for value in row] for row in rows], np.float64)
    bad = np.argwhere(np.isinf(found) if missing else ~np.isfinite(found))
    if len(bad):
        place, column = bad[0]
        problem = f"line {lines[place]}: {printable(rows[place][column][:40])!r} is no coordinate"
        raise PicksError("K02", path, problem, kept="Nothing was read", fix="Copy the file again")
    return found


def own_name(path: Path) -> str:
    """Return the name of the micrograph that a file of coordinates is named for."""
    ending = next((one for one in ENDINGS if path.stem.endswith(one)), "")
    return path.stem.removesuffix(ending)


def _number(value: str) -> float:
    """Return a number, NaN for none, infinity for what is no number."""
    try:
        number = float(value)
    except ValueError:
        return math.nan if value.strip().lower() in NONE else math.inf
    return number


def _in_plane(picks: Picks, planes: Array, plane: float) -> Picks:
    return replace(picks.chosen(planes == plane), section=int(plane))


def _listed(path: Path, table: StarTable) -> list[Picks]:
    """Return the picks in all the files a list names, under the micrographs' names in it."""
    rows = table.columns(LIST)
    project = project_of(path, [file for _, file in rows])
    return [
        replace(picks, micrograph=name)
        for name, file in rows
        if (project / file).is_file()  # RELION leaves away files of micrographs without picks
        for picks in read_star(project / file)
    ]


def _pixel_sizes(tables: Sequence[StarTable], table: StarTable) -> list[float | None]:
    """Return Å/px of the micrograph for each row: its own, else that of its optics group."""
    if PIXEL_SIZE in table.labels:
        return [_size(value) for (value,) in table.columns((PIXEL_SIZE,))]
    optics = having((one for one in tables if one is not table), (GROUP, PIXEL_SIZE))
    if optics is None:
        return [None] * len(table.rows)
    known = {group: _size(size) for group, size in optics.columns((GROUP, PIXEL_SIZE))}
    if GROUP in table.labels:
        return [known.get(group) for (group,) in table.columns((GROUP,))]
    return [next(iter(known.values())) if len(known) == 1 else None] * len(table.rows)


def _size(value: str) -> float | None:
    size = _number(value)
    return size if 0 < size < math.inf else None

"""Coordinates in tables of cryoSPARC: parts of the width and height of each particle's micrograph.

Source: cryosparc-tools 5.0 (slot ``location``), and csparc2star of pyem (doi:10.5281/zenodo.3576630).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cryoden.dataset.cs_tables import CsTable, read_table, with_passthrough
from cryoden.micrograph import Array
from cryoden.picking.picks import Picks, PicksError

NEEDED = (
    "location/micrograph_path",
    "location/micrograph_shape",
    "location/center_x_frac",
    "location/center_y_frac",
)
MERITS = ("pick_stats/ncc_score", "pick_stats/power")  # of templates and blobs; the first that is there
PIXEL_SIZE, APART = "location/micrograph_psize_A", "location/min_dist_A"


def read_cs(path: Path) -> list[Picks]:
    """Read picks or particles of a ``.cs`` or ``.csg`` file, with what the job passed through beside it."""
    table = read_table(path)
    if not _has_places(table):
        table = with_passthrough(table)
    if not _has_places(table):
        problem = f"no slot location, which says where particles are (slots found: {', '.join(table.slots)})"
        raise PicksError("K01", path, problem, fix="Give picks, or particles with their passthrough file")
    names = table.texts(NEEDED[0])
    shapes = np.asarray(table.rows[NEEDED[1]], np.float64)
    parts = np.column_stack([table.rows[NEEDED[3]], table.rows[NEEDED[2]]]).astype(np.float64)
    _refuse_odd(path, parts, shapes)
    merits = _merits(table)
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
            _first(table, PIXEL_SIZE, at),
            (int(shape[0]), int(shape[1])),
        )
        for (name, shape), at in places.items()
    ]


def _has_places(table: CsTable) -> bool:
    return set(NEEDED) <= set(table.columns)


def _merits(table: CsTable) -> Array:
    known = next((name for name in MERITS if name in table.columns), None)
    if known is None:
        return np.full(len(table.rows), np.nan)
    return np.asarray(table.rows[known], np.float64)


def _first(table: CsTable, column: str, at: list[int]) -> float | None:
    if column not in table.columns:
        return None
    value = float(table.rows[column][at[0]])
    return value if 0 < value < float("inf") else None


def _refuse_odd(path: Path, parts: Array, shapes: Array) -> None:
    if not np.isfinite(parts).all() or (shapes < 1).any():
        bad = int(np.argmin(np.isfinite(parts).all(axis=1) & (shapes >= 1).all(axis=1)))
        problem = f"row {bad}: {parts[bad].tolist()} of {shapes[bad].tolist()} px is no place on a micrograph"
        raise PicksError("K02", path, problem, kept="Nothing was read", fix="Save it again in cryoSPARC")

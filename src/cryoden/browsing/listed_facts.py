"""What lists say of micrographs: pixel size, defocus, CTF fit and ice."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cryoden.dataset.cs_tables import CsTable, with_passthrough
from cryoden.errors import CryodenError
from cryoden.io.star import StarTable

MICROMETER = 1e4  # Å
Column = list[float | None]
# RELION's columns; ice as the power in the ring of ice (RELION 4.1), or the thickness that others add.
DEFOCUS = ("rlnDefocusU", "rlnDefocusV")
FIT = "rlnCtfMaxResolution"
ICE = ("rlnCtfIceRingDensity", "rlnIceThickness", "rlnMicrographIceThickness")
# cryoSPARC's (cryosparc-tools 5.0, models/exposure.py).
CS_DEFOCUS = ("ctf/df1_A", "ctf/df2_A")
CS_FIT = ("ctf_stats/ctf_fit_to_A", "ctf/ctf_fit_to_A")
CS_ICE = ("ctf_stats/ice_thickness_rel",)


@dataclass(frozen=True)
class ListedFacts:
    """What a list says of one micrograph, ``None`` where it does not.

    Parameters
    ----------
    pixel_size : float or None
        Å/px.
    defocus : float or None
        µm, the mean of both axes, underfocus positive.
    ctf_fit : float or None
        Å, to which the CTF fits.
    ice : float or None
        As the list has it: RELION's power in the ring of ice, cryoSPARC's relative thickness.
    """

    pixel_size: float | None = None
    defocus: float | None = None
    ctf_fit: float | None = None
    ice: float | None = None


def of_star(table: StarTable, pixel_sizes: Sequence[float | None]) -> list[ListedFacts]:
    """Return the facts of each row of a STAR file; its pixel sizes may be those of optics groups.

    Raises
    ------
    StarRowError
        D01 for a row of more or fewer values than there are columns.
    """

    def values(name: str) -> Column | None:
        if name not in table.labels:
            return None
        return [_number(value) for (value,) in table.columns([name])]

    return _facts(values, DEFOCUS, (FIT,), ICE, pixel_sizes)


def of_cs(table: CsTable, pixel_sizes: Sequence[float | None]) -> list[ListedFacts]:
    """Return the facts of each row of a list of cryoSPARC, or of what its job passed through."""
    full = table
    if not set(CS_DEFOCUS) <= set(table.columns):
        with suppress(CryodenError):
            wider = with_passthrough(table)
            full = wider if len(wider.rows) == len(table.rows) else table

    def values(name: str) -> Column | None:
        if name not in full.columns:
            return None
        return [_number(value) for value in full.numbers(name).tolist()]

    return _facts(values, CS_DEFOCUS, CS_FIT, CS_ICE, pixel_sizes)


def _facts(
    values: Callable[[str], Column | None],
    defocus: Sequence[str],
    fit: Sequence[str],
    ice: Sequence[str],
    pixel_sizes: Sequence[float | None],
) -> list[ListedFacts]:
    none: Column = [None] * len(pixel_sizes)
    one, other = (values(name) or none for name in defocus)
    fits, ices = (next(filter(None, map(values, names)), none) for names in (fit, ice))
    means = [_mean(*both) for both in zip(one, other, strict=True)]
    return [ListedFacts(*row) for row in zip(pixel_sizes, means, fits, ices, strict=True)]


def _mean(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return sum(known) / len(known) / MICROMETER if known else None


def _number(value: Any) -> float | None:
    with suppress(ValueError):
        number = float(value)
        return number if math.isfinite(number) else None
    return None

"""Which pixel sizes can be a micrograph's, whoever says them: a header, a list, a layer, a model.

Cells in nanometers or meters, cells of 1 Å, and cells without a grid give sizes that no microscope has.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from cryoden.errors import Remark
from cryoden.io.mrc_header import Header
from cryoden.settings.reading import LARGEST_PIXEL, SMALLEST_PIXEL

SAME = 0.01
ODD = "F28"
USUAL = (0.4, 10.0)  # Å/px
ROUNDING = 1e-5  # headers have single precision
ASK = "pass --pixel-size"
IMPOSSIBLE = f"cannot be that of a micrograph ({SMALLEST_PIXEL:g} to {LARGEST_PIXEL:g} Å)"


def possible(size: float | None) -> float | None:
    """Return a pixel size in Å/px where it can be one, else ``None``."""
    if size is None or not SMALLEST_PIXEL * (1 - ROUNDING) <= size <= LARGEST_PIXEL * (1 + ROUNDING):
        return None
    return size


def doubted(size: float) -> str:
    """Return why a possible pixel size in Å/px may be a mistake; empty where nothing says so."""
    if math.isclose(size, 1.0, abs_tol=1e-6):
        return "is exactly 1 Å, often a placeholder"
    low, high = USUAL
    if low * (1 - ROUNDING) <= size <= high * (1 + ROUNDING):
        return ""
    return f"is {size:g} Å, unusual for a micrograph, perhaps a mistake of units"


def of_header(header: Header, axes: tuple[int, int, int]) -> tuple[float | None, tuple[Remark, ...]]:
    """Return cell over grid in the plane, in Å/px, when both directions say the same, and what is odd."""
    first, second = (_spacing(header, axis) for axis in sorted(axes[:2]))
    return of_spacings(first, second)


def of_spacings(first: float | None, second: float | None) -> tuple[float | None, tuple[Remark, ...]]:
    """Return the size of a pixel in Å/px that has these sides, and what is odd; see `of_header`."""
    if first is None or second is None:
        return None, (Remark(ODD, f"no pixel size in the header: {ASK}"),)
    if abs(first - second) > SAME * first:
        return None, (Remark(ODD, f"pixel sizes differ: x {first:g} Å, y {second:g} Å; {ASK}"),)
    if possible(first) is None:
        return None, (Remark(ODD, f"no pixel size in the header: {first:g} Å {IMPOSSIBLE}; {ASK}"),)
    doubt = doubted(first)
    return first, (Remark(ODD, f"pixel size {doubt}; {ASK} if it is"),) if doubt else ()


def of_both(
    stated: float | None, listed: float, where: str = "in the list of micrographs"
) -> tuple[float | None, tuple[Remark, ...]] | None:
    """Return which of two sizes counts, the header's or that of another file, and what is odd about it.

    The header's counts, but for one that is doubted; ``None`` where the header's counts with what
    is odd about that.
    """
    if possible(listed) is None:
        return stated, (Remark(ODD, f"{listed:g} Å {where} {IMPOSSIBLE} and is not used; {ASK}"),)
    if stated is None:
        return listed, _of_another(listed, where)
    if abs(listed - stated) <= SAME * listed:
        return None
    doubt = doubted(stated)
    used = listed if doubt and not doubted(listed) else stated
    why = ", often a placeholder" if stated == 1.0 else ""
    both = f"{stated:g} Å in the header{why}, {listed:g} Å {where}"
    found = f"pixel size {both}: {used:g} Å is used"
    return used, (Remark(ODD, f"{found}; --pixel-size overrides"),)


def without_odd(warnings: Iterable[Remark]) -> tuple[Remark, ...]:
    """Return warnings but those about a pixel size, for where another one is used."""
    return tuple(warning for warning in warnings if warning.code != ODD)


def _of_another(listed: float, where: str) -> tuple[Remark, ...]:
    doubt = doubted(listed)
    return (Remark(ODD, f"pixel size {doubt}, {where}; {ASK} if it is"),) if doubt else ()


def _spacing(header: Header, axis: int) -> float | None:
    grid, cell = header.integer(7 + axis), header.real(10 + axis)
    if grid <= 0 or not math.isfinite(cell) or cell <= 0:
        return None
    return cell / grid

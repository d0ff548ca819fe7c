"""Finding the two halves of each exposure by name, and checking that they are halves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cryoden.dataset.half_names import HalfFiles, find_pairs
from cryoden.errors import HalvesError
from cryoden.image.half_agreement import Agreement, agreement
from cryoden.io.mrc_windows import MicrographFile, finite_center
from cryoden.micrograph import HalfPair, Windowed

__all__ = ["HalfCheck", "HalfFiles", "check_pairs", "find_pairs", "inspect"]

Kind = Literal[
    "ready", "identical", "correlated", "black", "mismatched", "uncorrelated", "unreadable", "unchecked"
]

WINDOW = 2048  # pixels; the center says enough and keeps the check fast
SAME_PIXEL = 0.01
SHARED_NOISE = 0.65  # a half against the sum of both has 0.71
COPIED = 0.9
UNEQUAL = 2.0  # noise variances of halves; 21 frames and 20 give 1.05
FIXES = {
    "D03": "Check which micrograph each half belongs to",
    "D04": "Sum even and odd frames separately and give the two sums",
    "D05": "Give two halves of the same micrograph, made with the same settings",
    "D06": "Correct the header, or give two halves made with the same settings",
    "F25": "Repeat the processing step that wrote it",
}


@dataclass(frozen=True)
class HalfCheck:
    """What the check of one pair found.

    Parameters
    ----------
    ready : bool
        Whether the pair can train a network.
    kind : str
        ``"ready"``, or what is wrong: ``"identical"`` pixels, ``"correlated"`` noise,
        a ``"black"`` half, ``"mismatched"`` size or pixel size, ``"uncorrelated"`` scenes.
    correlation : float
        Pearson correlation of the halves averaged over 8 × 8 pixels; 0 where not measured.
    message : str
        One sentence for people.
    code : str
        Entry of ``docs/messages.md``; empty when ready.
    warning : str
        What is odd about a pair that is ready.
    """

    ready: bool
    kind: Kind
    correlation: float
    message: str
    code: str = ""
    warning: str = ""


def inspect(pair: HalfPair) -> HalfCheck:
    """Check that two halves have one size, one scene and independent noise.

    At most the central 2048 × 2048 pixels are read.

    Parameters
    ----------
    pair : HalfPair
        Open files or micrographs in memory.

    Returns
    -------
    HalfCheck
        Never raises for what is wrong with the pair as a pair.

    Raises
    ------
    MicrographError
        When a half cannot be read, or has pixels that are not numbers (``F24``).
    """
    mismatch = _mismatch(pair)
    if mismatch:
        return mismatch
    if _same_file(pair):
        return _identical("both halves are the same file")
    even, odd = finite_center(pair.even, WINDOW), finite_center(pair.odd, WINDOW)
    if np.array_equal(even, odd) and even.std() > 0:
        return _identical("both halves have the same pixels")
    black = [half.name for half, pixels in ((pair.even, even), (pair.odd, odd)) if pixels.std() == 0]
    if black:
        return HalfCheck(False, "black", 0.0, f"no contrast: std = 0 in {' and '.join(black)}", "F25")
    return _assessed(agreement(even, odd))


def check_pairs(pairs: Sequence[HalfPair]) -> list[HalfCheck]:
    """Check all pairs, and that they have one pixel size.

    Parameters
    ----------
    pairs : sequence of HalfPair
        What training shall use.

    Returns
    -------
    list of Verdict
        One for each pair, all of them ready.

    Raises
    ------
    HalvesError
        For the first pair that is not ready: ``D03`` another scene, ``D04`` identical or
        shared noise, ``D05`` sizes, ``D06`` pixel sizes, ``F25`` no contrast.
    """
    refuse_mixed_pixel_sizes(pairs)
    return [_checked(pair) for pair in pairs]


def problem_of(pair: HalfPair, verdict: HalfCheck) -> HalvesError:
    """Return the error for a pair that is not ready."""
    file = pair.even.path or pair.even.name
    problem = f"{verdict.message} (other half: {pair.odd.path or pair.odd.name})"
    return HalvesError(verdict.code, file, problem, kept="Nothing was computed", fix=FIXES[verdict.code])


def refuse_mismatched(pair: HalfPair) -> None:
    """Raise ``D05`` or ``D06`` for halves of different size or pixel size, by what their headers say."""
    mismatch = _mismatch(pair)
    if mismatch is not None:
        raise problem_of(pair, mismatch)


def _checked(pair: HalfPair) -> HalfCheck:
    verdict = inspect(pair)
    if not verdict.ready:
        raise problem_of(pair, verdict)
    return verdict


def _unequal(noise_ratio: float) -> str:
    more = max(noise_ratio, 1 / max(noise_ratio, 1e-9))
    half = "even" if noise_ratio > 1 else "odd"
    words = (
        f"the {half} half has {more:.3g} times the noise variance of the other: unequal numbers of frames?"
    )
    return words if more > UNEQUAL else ""


def _mismatch(pair: HalfPair) -> HalfCheck | None:
    even, odd = pair.even, pair.odd
    if even.shape != odd.shape:
        sizes = " and ".join(f"{half.name} {_size(half)}" for half in (even, odd))
        return HalfCheck(False, "mismatched", 0.0, f"halves differ in size: {sizes}", "D05")
    if even.pixel_size and odd.pixel_size and not _same(even.pixel_size, odd.pixel_size):
        sizes = " and ".join(f"{half.name} {half.pixel_size:.4g} Å/px" for half in (even, odd))
        return HalfCheck(False, "mismatched", 0.0, f"halves differ in pixel size: {sizes}", "D06")
    return None


def _size(half: Windowed) -> str:
    height, width = half.shape
    return f"{height:,} × {width:,} px"


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= SAME_PIXEL * min(one, other)


def _same_file(pair: HalfPair) -> bool:
    if pair.even is pair.odd:
        return True
    if (
        len({half.facts.data_offset for half in (pair.even, pair.odd) if isinstance(half, MicrographFile)})
        > 1
    ):
        return False  # two images of one file, as cryoSPARC has them
    with suppress(OSError):
        return bool(pair.even.path and pair.odd.path and pair.even.path.samefile(pair.odd.path))
    return False


def _identical(what: str) -> HalfCheck:
    return HalfCheck(False, "identical", 1.0, f"{what}: Noise2Noise would learn to copy", "D04")


def _assessed(found: Agreement) -> HalfCheck:
    r = found.correlation
    if found.fine > SHARED_NOISE or found.detail > COPIED:
        shared = max(found.fine, found.detail)
        message = f"halves not independent: CC near Nyquist {shared:z.2f}, expected about 0"
        return HalfCheck(False, "correlated", r, message, "D04")
    if found.same_scene:
        match = f"halves match: CC {r:z.3f} (8 × 8 binned)"
        return HalfCheck(True, "ready", r, match, warning=_unequal(found.noise_ratio))
    message = (
        f"halves do not match: CC {r:z.3f}, correlation peak {found.peak:.1f} of {found.enough:.1f} needed"
    )
    if found.shift:
        message += "; they match after a shift of {:+,} rows and {:+,} columns".format(*found.shift)
    return HalfCheck(False, "uncorrelated", r, message, "D03")


def refuse_mixed_pixel_sizes(pairs: Sequence[HalfPair]) -> None:
    """Raise ``D06`` when pairs differ in pixel size, with how many there are of each."""
    sizes = sizes_of([pair.even for pair in pairs])
    if len(sizes) > 1:
        raise HalvesError(
            "D06",
            None,
            f"pairs of different pixel sizes: {counted(sizes)}",
            kept="Nothing was computed",
            fix="Train one model for each pixel size",
        )


def sizes_of(micrographs: Iterable[Windowed]) -> Mapping[float, int]:
    """Return the Å/px that micrographs say, with how many say each; one where all are the same."""
    sizes = Counter(round(one.pixel_size, 3) for one in micrographs if one.pixel_size)
    return sizes if sizes and not _same(min(sizes), max(sizes)) else Counter(list(sizes)[:1])


def counted(sizes: Mapping[float, int]) -> str:
    """Return in words how many micrographs have which Å/px."""
    return "; ".join(f"{count:,} at {size:g} Å/px" for size, count in sorted(sizes.items()))

"""Opening what the user named: the only place where reading settings meet files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cryoden.dataset.chosen_pairs import ChosenPairs, choose
from cryoden.dataset.half_checks import inspect, refuse_mismatched
from cryoden.dataset.half_names import HalfFiles, pairs_and_unmatched
from cryoden.dataset.listed_files import pixel_sizes
from cryoden.dataset.supervised_names import matched
from cryoden.errors import HalvesError, MicrographError, printable
from cryoden.formats import micrographs
from cryoden.formats.beside import with_beside, with_listed
from cryoden.formats.micrographs import probe
from cryoden.io import mrc
from cryoden.io.mrc_probe import HeaderFacts
from cryoden.io.mrc_windows import MicrographFile
from cryoden.io.pixel_size import without_odd
from cryoden.micrograph import HalfPair, Micrograph, Pixels, Windowed
from cryoden.settings.reading import ReadingSettings


def open_halves(
    paths: Sequence[Path], reading: ReadingSettings | None = None, *, skip_bad: bool = False
) -> ChosenPairs:
    """Find, open and check the pairs of halves among files and folders.

    With ``skip_bad`` pairs that cannot be used, see `cryoden.dataset.chosen_pairs.choose`, and halves
    without a partner are left out, as long as one pair is there.

    Raises
    ------
    HalvesError
        D01 to D07: nothing found, partners missing, or pairs that are not halves, all of them named.
    MicrographError
        For a half that cannot be read.
    """
    sizes = pixel_sizes(paths)
    pairs, unmatched = pairs_and_unmatched(paths)
    if unmatched is not None and not (skip_bad and pairs):
        raise unmatched
    openers = [(files.name, partial(open_pair, files, reading, sizes)) for files in pairs]
    chosen = choose(openers, skip_bad=skip_bad)
    left_out = () if unmatched is None else (f"left out: {unmatched.problem}",)
    return ChosenPairs(chosen, (*left_out, *chosen.warnings))


def open_pair(files: HalfFiles, reading: ReadingSettings | None, listed: Mapping[Path, float]) -> HalfPair:
    """Open two halves; ``listed`` are the Å/px of lists."""
    return HalfPair(*open_both(files, reading, listed))


def open_both(
    files: HalfFiles,
    reading: ReadingSettings | None,
    listed: Mapping[Path, float],
    section: int | None = None,
) -> tuple[MicrographFile, MicrographFile]:
    """Open the files of two halves, or one image of two stacks; see `open_pair`."""
    if files.sections[0] is not None and (images := facts(files.even, reading).nz) > len(files.sections):
        what = f"{images:,} images, expected the two halves A and B"
        raise HalvesError("D01", files.even, what, kept="No pair was made", fix="Give another list")
    even, odd = (section, section) if files.sections[0] is None else files.sections
    return (
        open_micrograph(files.even, reading, listed.get(files.even), even),
        open_micrograph(files.odd, reading, listed.get(files.odd), odd),
    )


def added(even: Micrograph, odd: Micrograph, name: str) -> Micrograph:
    """Return the sum of two halves, with the warnings of both; it takes the place of the even one's pixels.

    Raises
    ------
    HalvesError
        D05 or D06 when they differ in size or pixel size, D04 when they do not differ at all.
    """
    refuse_mismatched(HalfPair(even, odd))
    if np.array_equal(even.data, odd.data):
        what = f"both halves have the same pixels, as {printable(odd.path or odd.name)} has"
        raise HalvesError("D04", even.path, what, fix="Make the halves again, or pass --halves each")
    warnings = dict.fromkeys((*even.warnings, *odd.warnings))
    total: Pixels = np.add(even.data, odd.data, out=even.data)
    return Micrograph(total, even.pixel_size or odd.pixel_size, name, even.path, tuple(warnings))


def open_supervised(
    noisy: Sequence[Path], target: Sequence[Path], reading: ReadingSettings | None = None
) -> list[tuple[Windowed, Windowed]]:
    """Match two sets of files by name and open them for supervised training.

    Raises
    ------
    HalvesError
        D01 to D03 and D07 from `cryoden.dataset.supervised_names.matched`, D03 for two scenes, D04 for a file
        that is its own target, D05 when sizes differ.
    MicrographError
        For a file that cannot be read.
    """
    sizes = pixel_sizes([*noisy, *target])
    return [
        _supervised(
            open_micrograph(one, reading, sizes.get(one)), open_micrograph(other, reading, sizes.get(other))
        )
        for one, other in matched(noisy, target)
    ]


def _supervised(one: MicrographFile, other: MicrographFile) -> tuple[Windowed, Windowed]:
    pair, noisy, target = (one, other), one.facts.path, other.facts.path
    if pair[0].shape != pair[1].shape:
        sizes = " and ".join("×".join(map(str, micrograph.shape)) for micrograph in pair)
        raise HalvesError(
            "D05",
            noisy,
            f"its target {target.name} has another size ({sizes} px)",
            kept="Nothing was trained",
        )
    verdict = inspect(HalfPair(*pair))
    if verdict.kind in {"identical", "black", "uncorrelated"}:  # shared noise is no fault here
        problem = f"{verdict.message} (target: {printable(target)})"
        raise HalvesError(verdict.code, noisy, problem, kept="Nothing was trained", fix="Check the pair")
    return pair


def open_micrograph(
    path: Path,
    reading: ReadingSettings | None = None,
    listed: float | None = None,
    section: int | None = None,
) -> MicrographFile:
    """Open one micrograph, or one image of a stack, for reading; see `cryoden.formats.micrographs`."""
    return micrographs.open_micrograph(path, listed=listed, section=section, **_options(reading))


def whole(file: MicrographFile, reading: ReadingSettings | None = None, **options: Any) -> Micrograph:
    """Read all of a micrograph that is open, and close it; see `cryoden.io.mrc.whole`."""
    return mrc.whole(file, (reading or ReadingSettings()).nan, **options)


def read_micrograph(
    path: Path,
    reading: ReadingSettings | None = None,
    listed: float | None = None,
    section: int | None = None,
) -> Micrograph:
    """Open one micrograph, or one image of a stack, and read all of it."""
    return whole(open_micrograph(path, reading, listed, section), reading)


def facts(path: Path, reading: ReadingSettings | None = None, listed: float | None = None) -> HeaderFacts:
    """Return what the header says, the Å/px as `cryoden.formats.micrographs.open_micrograph` finds it."""
    found = probe(path, **_probing(reading))
    if reading is not None and reading.pixel_size:
        return replace(found, pixel_size=reading.pixel_size, warnings=without_odd(found.warnings))
    return with_listed(found, listed) if listed else with_beside(found)


def size_from_beside(path: Path, reading: ReadingSettings | None = None) -> float | None:
    """Return the Å/px of a micrograph that is taken from a file beside it, see `cryoden.formats.beside`."""
    if reading is not None and reading.pixel_size:
        return None
    with suppress(MicrographError):  # its reading will say so
        stated = probe(path, **_probing(reading))
        used = with_beside(stated).pixel_size
        return None if used == stated.pixel_size else used
    return None


def _options(reading: ReadingSettings | None) -> dict[str, Any]:
    chosen = reading or ReadingSettings()
    return _probing(chosen) | {"pixel_size": chosen.pixel_size or None}


def _probing(reading: ReadingSettings | None) -> dict[str, Any]:
    chosen = reading or ReadingSettings()
    return {"mode0": chosen.mode0, "assume_no_extended_header": chosen.assume_no_ext_header}

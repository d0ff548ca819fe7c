"""What an evaluation looks at: a pair of halves, and what belongs to it, on one gray scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cryoden.dataset.companions import companions
from cryoden.dataset.half_checks import check_pairs
from cryoden.dataset.half_names import HalfFiles, find_pairs
from cryoden.dataset.listed_files import pixel_sizes
from cryoden.dataset.opening import open_micrograph, open_pair
from cryoden.errors import HalvesError
from cryoden.evaluation.half_metrics import CENTER
from cryoden.formats.names import stem_of
from cryoden.image.normalization import Normalization, measure
from cryoden.io.mrc_windows import finite_center
from cryoden.micrograph import HalfPair, Pixels, Windowed
from cryoden.settings.reading import ReadingSettings


@dataclass(frozen=True)
class Subject:
    """One pair of halves with what belongs to it, open but not read.

    Parameters
    ----------
    name : str
        Name of the pair for people.
    halves : HalfPair
        The raw halves.
    truth : Windowed or None
        The clean micrograph, in any gray scale.
    others : mapping of str to HalfPair
        The halves as other programs denoised them, by the program's name.
    """

    name: str
    halves: HalfPair
    truth: Windowed | None = None
    others: Mapping[str, HalfPair] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Exposure:
    """The pixels of a subject: ``(h, w)`` float32, each half z-scored on its own gray scale.

    Parameters
    ----------
    name : str
        Name of the pair.
    even, odd : ndarray
        The raw halves, outliers brought to ±6 standard deviations: a hot pixel shared by the
        halves would pass for signal.
    pixel_size : float
        Å/px, or 1 where it is not known.
    unit : str
        ``"Å"``, or ``"px"`` where the pixel size is not known.
    truth : ndarray or None
        The clean micrograph in its own gray scale.
    others : mapping of str to (ndarray, ndarray)
        Even and odd as other programs denoised them, on the gray scale of the raw halves.
    """

    name: str
    even: Pixels
    odd: Pixels
    pixel_size: float
    unit: str
    truth: Pixels | None = None
    others: Mapping[str, tuple[Pixels, Pixels]] = field(default_factory=dict)


def together(name: str, halves: HalfPair, others: Mapping[str, HalfPair]) -> Subject:
    """Return micrographs in memory as a subject, once they are known to belong together.

    Raises
    ------
    HalvesError
        D03 to D06 for halves that are none, D05 for denoised halves of another size.
    """
    check_pairs([halves])
    for pair in others.values():
        for denoised, raw in ((pair.even, halves.even), (pair.odd, halves.odd)):
            _refuse_other_size(denoised, raw)
    return Subject(name, halves, None, others)


def open_subjects(
    paths: Sequence[Path],
    *,
    truth: Sequence[Path] = (),
    others: Mapping[str, Sequence[Path]] | None = None,
    reading: ReadingSettings | None = None,
) -> list[Subject]:
    """Find and open pairs of halves and, by name, what belongs to each.

    Raises
    ------
    HalvesError
        D01 to D07 of `cryoden.dataset.half_names.find_pairs`, `cryoden.dataset.half_checks.check_pairs` and
        `cryoden.dataset.companions.companions`, D05 for a companion of another size.
    MicrographError
        For a file that cannot be read.
    """
    found, sizes = find_pairs(paths), pixel_sizes(paths)
    pairs = [open_pair(one, reading, sizes) for one in found]
    check_pairs(pairs)
    _refuse_one_file(found, others or {})
    names = {path: stem_of(path) for pair in found for path in (pair.even, pair.odd)}
    done = {name: companions(names, files, name) for name, files in (others or {}).items()}
    known = companions({pair.even: Path(pair.name).name for pair in found}, truth, "truth") if truth else {}
    return [
        Subject(
            files.name,
            halves,
            _opened(known[files.even], halves.even, reading) if known else None,
            {name: _denoised(halves, by_half, reading) for name, by_half in done.items()},
        )
        for files, halves in zip(found, pairs, strict=True)
    ]


def _refuse_one_file(pairs: Sequence[HalfFiles], others: Mapping[str, Sequence[Path]]) -> None:
    """Refuse results of other programs where names cannot say of which half they are."""
    if both := next((pair.even for pair in pairs if others and pair.even == pair.odd), None):
        problem = f"both halves are in one file, so that results of {next(iter(others))} have no name of one"
        raise HalvesError(
            "D01", both, problem, kept="Nothing was evaluated", fix="Give halves in files of their own"
        )


def _denoised(halves: HalfPair, files: Mapping[Path, Path], reading: ReadingSettings | None) -> HalfPair:
    even, odd = (
        _opened(files[half.path], half, reading)
        for half in (halves.even, halves.odd)
        if half.path is not None
    )
    return HalfPair(even, odd)


def _opened(path: Path, raw: Windowed, reading: ReadingSettings | None) -> Windowed:
    opened = open_micrograph(path, reading)
    _refuse_other_size(opened, raw)
    return opened


def _refuse_other_size(denoised: Windowed, raw: Windowed) -> None:
    if denoised.shape != raw.shape:
        sizes = " and ".join("×".join(map(str, one.shape)) for one in (denoised, raw))
        problem = f"has another size than {raw.name} ({sizes} px)"
        file = denoised.path or denoised.name
        raise HalvesError(
            "D05", file, problem, kept="Nothing was evaluated", fix="Give the result uncropped and unbinned"
        )


def read(subject: Subject, *, center: bool) -> Exposure:
    """Read the pixels of a subject, whole or its central 1024 × 1024 px.

    Raises
    ------
    MicrographError
        F24 for pixels that are not numbers, F25 for a half without contrast.
    """
    even, odd = subject.halves.even, subject.halves.odd
    scales = measure(even), measure(odd)
    edge = CENTER if center else max(even.shape)
    others = {
        name: (_scored(pair.even, scales[0], edge), _scored(pair.odd, scales[1], edge))
        for name, pair in subject.others.items()
    }
    return Exposure(
        subject.name,
        scales[0].apply(finite_center(even, edge)),
        scales[1].apply(finite_center(odd, edge)),
        even.pixel_size or 1.0,
        "Å" if even.pixel_size else "px",
        None if subject.truth is None else finite_center(subject.truth, edge),
        others,
    )


def _scored(denoised: Windowed, scale: Normalization, edge: int) -> Pixels:
    """Return another program's pixels on the raw half's scale; nothing is clipped."""
    return (finite_center(denoised, edge) - np.float32(scale.mean)) * np.float32(1 / scale.std)

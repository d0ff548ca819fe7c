"""Which micrographs a batch has where two halves stand for one: their full sum, or what they add up to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from cryoden.dataset.half_names import HalfFiles, claim_of, gathered, half_of
from cryoden.dataset.listed_files import halves_of, micrographs_of
from cryoden.errors import HalvesError, StarRowError
from cryoden.formats.names import stem_of

Halves = Literal["sum", "each"]


@dataclass(frozen=True)
class Planned:
    """One micrograph of a batch.

    Parameters
    ----------
    file : Path
        Its file, or that of the even half.
    folder : Path
        Where it lies below what the user named.
    pair : HalfFiles or None
        The halves it is the sum of.
    is_alone : bool
        Whether it is a half whose partner is not there.
    """

    file: Path
    folder: Path
    pair: HalfFiles | None = None
    is_alone: bool = False

    @property
    def stem(self) -> str:
        """Its name without suffix; of a sum, without what says which half."""
        return self.pair.name if self.pair else stem_of(self.file)


@dataclass(frozen=True)
class PlannedFiles:
    """The micrographs of a batch; ``summed`` are halves left out, by their full sum that is there."""

    planned: Sequence[Planned]
    summed: Mapping[Path, HalfFiles] = field(default_factory=dict)


def each(found: Iterable[tuple[Path, Path]]) -> PlannedFiles:
    """Return a batch of every file, halves as well; with each file comes where it lies."""
    return PlannedFiles([Planned(file, folder) for file, folder in found])


def added_up(found: Iterable[tuple[Path, Path]]) -> PlannedFiles:
    """Return a batch in which two halves are one micrograph, and none where their full sum is there, too.

    Raises
    ------
    HalvesError
        ``D07`` when two files claim to be the same half.
    """
    places = dict(found)
    claims = {file: claim for file in places if (claim := claim_of(file))}
    halves = gathered((*claim, file) for file, claim in claims.items())
    sums = {(_folder(file), stem_of(file)): file for file in places if file not in claims}
    whole = {key for key, pair in halves.items() if len(pair) == 2}
    planned, summed = list[Planned](), dict[Path, HalfFiles]()
    for file, folder in places.items():
        key, half = claims.get(file, ((Path(), ""), ""))
        if key not in whole:
            planned.append(Planned(file, folder, is_alone=file in claims))
        elif key in sums:
            summed[sums[key]] = HalfFiles(key[1], **halves[key])
        elif half == "even":
            planned.append(Planned(file, without_half(folder), HalfFiles(key[1], **halves[key])))
    return PlannedFiles(planned, summed)


def of_list(path: Path) -> PlannedFiles:
    """Return the micrographs of a list of RELION or cryoSPARC, or sums where it has halves alone.

    Raises
    ------
    HalvesError, MicrographError
        See `cryoden.dataset.listed_files.micrographs_of`.
    """
    try:
        return each(in_common_folder(micrographs_of(path)))
    except StarRowError:
        raise
    except HalvesError as error:
        if error.code != "D01":
            raise
        pairs = _pairs_of(path, error)
    placed = in_common_folder(list(pairs))
    return PlannedFiles([Planned(file, without_half(folder), pairs[file]) for file, folder in placed])


def without_half(folder: Path) -> Path:
    """Return a folder, or the one above it where it is that of one half."""
    return folder.parent if half_of(folder.name) else folder


def in_common_folder(files: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """Yield each file with where it lies below the folder that all have in common."""
    folders = [file.parent for file in files]
    common = os.path.commonpath(set(folders)) if files else ""
    below = cache(lambda folder: folder.relative_to(common))
    yield from zip(files, map(below, folders), strict=True)


def _pairs_of(path: Path, error: HalvesError) -> dict[Path, HalfFiles]:
    """Return the pairs of a list without micrographs, by the even half, or raise what was wrong with that."""
    try:
        rows = halves_of(path)
    except HalvesError as other:
        raise (other if isinstance(other, StarRowError) or other.code != "D01" else error) from None
    return {row.files[0]: HalfFiles(exposure_name(row.files[0]), *row.files) for row in rows}


def exposure_name(half: Path) -> str:
    """Return what the exposure is called that a file is a half of."""
    claim = claim_of(half)
    return claim[0][1] if claim else stem_of(half)


def _folder(path: Path) -> Path:
    return Path(os.path.abspath(path)).parent  # noqa: PTH100  resolve() would follow links

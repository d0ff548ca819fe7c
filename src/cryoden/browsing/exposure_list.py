"""The exposures of a folder, a list of RELION or cryoSPARC, or the results of a batch; no file is opened."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryoden.browsing.listed_facts import ListedFacts, of_cs, of_star
from cryoden.dataset.browse import listing as browsed
from cryoden.dataset.cs_tables import CsTable
from cryoden.dataset.folder_walk import RESULTS, micrographs_below, natural
from cryoden.dataset.half_names import HalfFiles
from cryoden.dataset.listed_files import AB, cs_listing, is_list
from cryoden.dataset.output_paths import results
from cryoden.dataset.star_files import HALVES, MICROGRAPH, is_star, listed, listing
from cryoden.errors import CryodenError, HalvesError
from cryoden.hosts.cryosparc_lists import DENOISED as CS_DENOISED
from cryoden.hosts.listed_results import DENOISED, MISSING, RAW
from cryoden.io.star import StarTable

RESULT = "_denoised"


@dataclass(frozen=True)
class Exposure:
    """One exposure, and the files that are known of it; none has been opened.

    Parameters
    ----------
    name : str
        As its list has it, or its path below the folder; what decisions are kept by.
    micrograph : Path or None
        The raw one.
    halves : HalfFiles or None
        Its two halves.
    denoised : Path or None
        A result that is there.
    facts : ListedFacts
        What the list says.
    """

    name: str
    micrograph: Path | None = None
    halves: HalfFiles | None = None
    denoised: Path | None = None
    facts: ListedFacts = field(default_factory=ListedFacts)

    @property
    def label(self) -> str:
        """Name without folders and suffix."""
        return Path(self.name).stem or self.name

    @property
    def file(self) -> Path | None:
        """The file that speaks for the exposure: the micrograph, else a half, else the result."""
        half = self.halves.even if self.halves else None
        return self.micrograph or half or self.denoised


@dataclass(frozen=True)
class ExposureList:
    """What was found in one place.

    Parameters
    ----------
    source : Path
        Folder or list.
    exposures : tuple of Exposure
        Of a list, one for each row, in its order.
    table : StarTable or CsTable or None
        The rows of a list, as they were read.
    """

    source: Path
    exposures: tuple[Exposure, ...]
    table: StarTable | CsTable | None = None


def exposures_in(source: Path, denoised: Path | None = None) -> ExposureList:
    """Return the exposures of a folder, a STAR file, or a ``.cs`` or ``.csg`` file.

    Parameters
    ----------
    source : Path
        Folders are searched to their depth. Of a list that a batch wrote each row has its result.
    denoised : Path, optional
        Folder of the results of a batch on the same source.

    Raises
    ------
    HalvesError
        D01 where there is no micrograph, a row cannot be used, or a list has tilt series; D02 when
        none of the files of a list is where the project can be.
    MicrographError
        When a list cannot be read.
    """
    found = _of_list(source) if is_list(source) else _of_folder(source)
    if denoised is None:
        return found
    return replace(found, exposures=_with_results(found.exposures, source, denoised))


def _of_list(source: Path) -> ExposureList:
    return _of_star(source) if is_star(source) else _of_cs(source)


def _of_star(star: Path) -> ExposureList:
    found = listing(star)
    if found is None:
        fix = "Give the STAR file of a motion correction or of a CTF estimation"
        raise HalvesError("D01", star, "lists tilt series, not micrographs", fix=fix)
    names = [name for (name,) in found.table.columns(MICROGRAPH)]
    sizes = [row.pixel_size for row in listed(star, MICROGRAPH)]
    raw, made = _raw_and_denoised(found.table, found.files, found.project)
    halves = _halves(star, found.table)
    facts = of_star(found.table, sizes)
    rows = zip(names, raw, halves, made, facts, strict=True)
    return ExposureList(star, tuple(Exposure(*row) for row in rows), found.table)


def _raw_and_denoised(
    table: StarTable, files: Sequence[Path], project: Path
) -> tuple[Sequence[Path | None], Sequence[Path | None]]:
    """Return raw micrographs and results of a list, in which either may stand in a column of its own."""
    known = [label for label in (RAW, DENOISED) if label in table.labels]
    if not known:
        return files, [None] * len(files)
    others = [_file(project, name) for (name,) in table.columns(known[:1])]
    return (others, files) if known[0] == RAW else (files, others)


def _halves(star: Path, table: StarTable) -> list[HalfFiles | None]:
    if not set(HALVES) <= set(table.labels):
        return [None] * len(table.rows)
    with suppress(HalvesError):  # their files need not be there
        rows = [row.files for row in listed(star, HALVES)]
        return [HalfFiles(even.stem, even, odd) for even, odd in rows]
    return [None] * len(table.rows)


def _of_cs(path: Path) -> ExposureList:
    found = cs_listing(path)
    names = found.table.texts(f"{found.slot}/path")
    made = _slot_files(found.table, CS_DENOISED, found.project)
    rows = zip(
        names, found.files, _both(path, len(names)), made, of_cs(found.table, found.sizes), strict=True
    )
    return ExposureList(path, tuple(Exposure(*row) for row in rows), found.table)


def _both(path: Path, rows: int) -> list[HalfFiles | None]:
    """Return the halves of cryoSPARC's patch motion correction, two images of one file."""
    with suppress(CryodenError):
        files = cs_listing(path, AB).files
        if len(files) == rows:
            return [HalfFiles(file.stem, file, file) if file else None for file in files]
    return [None] * rows


def _slot_files(table: CsTable, slot: str, project: Path) -> list[Path | None]:
    if f"{slot}/path" not in table.columns:
        return [None] * len(table.rows)
    begin = table.path.absolute().parent
    names = table.texts(f"{slot}/path")
    return [_file(begin if name.startswith(">") else project, name.removeprefix(">")) for name in names]


def _file(folder: Path, name: str) -> Path | None:
    return None if name in {"", MISSING} else Path(os.path.normpath(folder / name))


def _of_folder(folder: Path) -> ExposureList:
    """Return pairs of halves with their sum and their result, and all other micrographs with theirs."""
    found = browsed([folder])
    pairs = {(pair.even.parent, Path(pair.name).name): pair for pair in found.pairs}
    halves = {_place(half) for pair in found.pairs for half in (pair.even, pair.odd)}
    raw = {_place(file): file for file in found.others if not file.stem.endswith(RESULTS)}
    made = {_place(file): file for file in found.others if file.stem.endswith(RESULT)}
    made = {place: file for place, file in made.items() if place not in halves}
    places = dict.fromkeys([*pairs, *raw, *made])
    if not places:
        fix = "Give a folder with MRC files, a STAR file or a .cs file"
        raise HalvesError("D01", folder, "0 micrographs in this folder", fix=fix)
    base = os.path.abspath(folder)  # noqa: PTH100  resolve() would follow links
    order = sorted(places, key=lambda place: natural(str(place[0] / place[1])))
    exposures = [_exposure(base, raw.get(place), pairs.get(place), made.get(place)) for place in order]
    return ExposureList(folder, tuple(exposures))


def _exposure(base: str, raw: Path | None, halves: HalfFiles | None, made: Path | None) -> Exposure:
    """Return one exposure of a folder, named for its file; at least one of them is there."""
    found = Exposure("", raw, halves, made)
    return replace(found, name=Path(os.path.relpath(found.file or base, base)).as_posix())


def _place(file: Path) -> tuple[Path, str]:
    """Return the folder and the name of the micrograph a file is, or was made of."""
    return file.parent, file.stem.removesuffix(RESULT)


def _with_results(exposures: Iterable[Exposure], source: Path, folder: Path) -> tuple[Exposure, ...]:
    """Return exposures with the results that a batch on their source has left in a folder."""
    there = set(map(os.path.abspath, micrographs_below(folder))) if folder.is_dir() else set()
    targets: Mapping[Path, Path] = {}
    with suppress(CryodenError):  # two of one name: no batch made them
        targets = results([source], folder, halves="sum")
    return tuple(_with_result(exposure, targets, there) for exposure in exposures)


def _with_result(exposure: Exposure, targets: Mapping[Path, Path], there: set[str]) -> Exposure:
    raw = exposure.file
    target = targets.get(Path(os.path.abspath(raw))) or targets.get(raw) if raw else None  # noqa: PTH100
    made = target is not None and os.path.abspath(target) in there  # noqa: PTH100
    return replace(exposure, denoised=target) if made else exposure

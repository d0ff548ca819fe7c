"""What files are, before anything is done with them, and which lists lead out of their projects."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from cryoden.dataset.browse import listing
from cryoden.dataset.half_checks import HalfCheck, find_pairs, inspect
from cryoden.dataset.half_names import HalfFiles
from cryoden.dataset.listed_files import cs_listing, halves_of, is_list, pixel_sizes
from cryoden.dataset.opening import facts, open_pair
from cryoden.dataset.output_paths import micrographs_in, real_path
from cryoden.dataset.star_files import FORMAT, HALVES, MICROGRAPH, SERIES, is_star, project_of
from cryoden.errors import HalvesError, MicrographError, Remark, in_words, printable
from cryoden.formats.beside import IN_HEADER, dose_of
from cryoden.io.mrc_probe import HeaderFacts
from cryoden.io.mrc_sections import one_section
from cryoden.io.star import having, read_tables
from cryoden.settings.reading import ReadingSettings

FILE_COLUMNS = ("file", "kind", "size", "pixels", "Å/px", "e⁻/Å²", "extended")
PAIR_COLUMNS = ("half-set pair", "verdict", "CC (8×8 binned)", "warnings")
MOST = 500  # pairs whose pixels are looked at; a training looks at all
UNCHECKED = HalfCheck(True, "unchecked", 0.0, "not looked at")
THREADS = 4


@dataclass(frozen=True)
class Surveyed:
    """One file: what its header says, or why it was refused; ``halves`` where its two images are A and B.

    ``dose`` in e⁻/Å² comes with what says it: the header, or a file beside it.
    """

    path: Path
    facts: HeaderFacts | None
    problem: str = ""
    halves: bool = False
    dose: tuple[float, str] | None = None

    def row(self) -> tuple[str, ...]:
        """Return the file as a table row: name, kind, size, pixels, Å/px, dose, extended header."""
        if self.facts is None:
            return (printable(self.path.name), "refused", "", "", "", "", "")
        found = self.facts
        height, width = found.shape
        size = f"{width}×{height}" + (f"×{found.nz}" if found.nz > 1 else "")
        angstrom = "?" if found.pixel_size is None else f"{found.pixel_size:.4g}"
        extended = f"{found.extended_bytes:,} bytes" if found.extended_bytes else "–"
        return (
            printable(self.path.name),
            "halves" if self.halves else found.kind,
            size,
            np.dtype(found.dtype).name,
            angstrom,
            "" if self.dose is None else f"{self.dose[0]:.4g}",
            extended,
        )

    def remarks(self) -> tuple[str, ...]:
        """Return what is odd about the file, or why it was refused."""
        if self.facts is None:
            return (self.problem,)
        said = tuple(f"{printable(self.path)}: {warning}" for warning in self.facts.warnings)
        if self.dose is not None and self.dose[1] != IN_HEADER:
            said += (f"{printable(self.path)}: F67: dose {self.dose[0]:.4g} e⁻/Å² from {self.dose[1]}",)
        try:
            one_section(self.facts, 0 if self.halves else None)
        except MicrographError as error:
            return (*said, str(error))
        return said


@dataclass(frozen=True)
class Pairing:
    """One pair of halves and the verdict on it."""

    name: str
    even: Path
    odd: Path
    verdict: HalfCheck

    def row(self) -> tuple[str, ...]:
        """Return the pair as a table row: name, verdict, correlation, remarks."""
        remarks = self.verdict.warning if self.verdict.ready else self.verdict.message
        return (printable(self.name), self.verdict.kind, f"{self.verdict.correlation:z.3f}", remarks)


def files(paths: Sequence[Path], reading: ReadingSettings) -> Iterator[Surveyed]:
    """Yield what each file is, folders searched to their depth and lists followed.

    Raises
    ------
    HalvesError
        D01, D02 for a list that has no micrographs, or none that are there.
    MicrographError
        F49, F50 when a list cannot be read.
    """
    sizes = pixel_sizes(paths)
    for path, halves in _named(paths):
        try:
            found = facts(path, reading, sizes.get(path))
            yield Surveyed(path, found, halves=halves, dose=dose_of(found))
        except Exception as error:  # noqa: BLE001  whatever it is, the others are shown
            yield Surveyed(path, None, in_words(error, path))


def pairs(paths: Sequence[Path], reading: ReadingSettings) -> Iterator[Pairing]:
    """Yield the pairs of halves among the files, each with a verdict; none where there is none.

    Of more than `MOST` pairs the pixels of so many are looked at, spread evenly.

    Raises
    ------
    HalvesError
        D02 when halves lack their partner, D07 when two files claim to be the same half.
    """
    try:
        found = find_pairs([path for path in paths if not is_list(path) or _lists_halves(path)])
    except HalvesError as error:
        if error.code == "D01":  # micrographs need not be halves
            return
        raise
    sizes = pixel_sizes(paths)
    looked_at = evenly_spread(len(found))
    with ThreadPoolExecutor(THREADS, thread_name_prefix="pairs") as pool:
        verdicts = pool.map(lambda at: _verdict(found[at], reading, sizes), looked_at)
        for at, one in enumerate(found):
            verdict = next(verdicts) if at in looked_at else UNCHECKED
            yield Pairing(one.name, one.even, one.odd, verdict)


def evenly_spread(pairs: int) -> dict[int, None]:
    """Return in their order the numbers of those pairs whose pixels are looked at; all of a few."""
    return (
        dict.fromkeys(round(at * (pairs - 1) / (MOST - 1)) for at in range(MOST))
        if pairs > MOST
        else dict.fromkeys(range(pairs))
    )


def _named(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """Yield the files, and whether one holds both halves of an exposure."""
    yield from ((path, False) for path in micrographs_in([path for path in paths if not is_list(path)]))
    for one in filter(is_list, paths):
        found = listing([one])
        halves = ((half, pair.even == pair.odd) for pair in found.pairs for half in (pair.even, pair.odd))
        yield from dict.fromkeys(halves)
        yield from ((path, False) for path in found.others)


def _lists_halves(path: Path) -> bool:
    with suppress(HalvesError):
        return bool(halves_of(path))
    return False


def _verdict(files: HalfFiles, reading: ReadingSettings, sizes: Mapping[Path, float]) -> HalfCheck:
    try:
        return inspect(open_pair(files, reading, sizes))
    except Exception as error:  # noqa: BLE001  as above
        words, code = in_words(error, files.even), getattr(error, "code", "G03")
        return HalfCheck(False, "unreadable", 0.0, words, code)


def outside_projects(paths: Iterable[Path]) -> list[Remark]:
    """Return a warning for each list among paths that names files outside its project.

    They are used all the same: many a project has links to where its movies were recorded. But who
    gets a list from others should know what it reads.
    """
    found = []
    for path in filter(is_list, paths):
        with suppress(HalvesError, MicrographError):  # whoever uses the list says what is wrong with it
            found += _said(path, dict(_files_in(path)))
    return found


def _files_in(path: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the files that a list names, those of tilt series among them, each with its project."""
    if is_star(path):
        yield from _in_star(path)
        return
    found = cs_listing(path)
    yield from ((file, found.project) for file in found.files if file)


def _in_star(star: Path, *, followed: bool = True) -> Iterator[tuple[Path, Path]]:
    tables = read_tables(star)
    for labels in (MICROGRAPH, HALVES, (SERIES,)):
        table = having(tables, labels)
        rows = table.columns(labels) if table else []
        names = [FORMAT.sub("", name) for row in rows for name in row]
        project = project_of(star, names).absolute() if names else star.parent
        files = [Path(os.path.normpath(project / name)) for name in names]
        yield from ((file, project) for file in files)
        if followed and labels == (SERIES,):
            yield from (named for file in files for named in _in_star(file, followed=False))


def _said(path: Path, known: dict[Path, Path]) -> list[Remark]:
    real = cache(os.path.realpath)
    out = {
        file: project
        for file, project in known.items()
        if not Path(real_path(file, real)).is_relative_to(real(str(project)))
    }
    if not out:
        return []
    file, project = next(iter(out.items()))
    where = real_path(file, real)
    link = "" if where == str(file) else f", which is {printable(where)}"
    number = f"{len(out):,} of {len(known):,} files that {printable(path.name)} names"
    words = f"{number} lie outside its project {printable(project)}, such as {printable(file)}{link}"
    return [Remark("D16", words)]

"""Micrographs and halves that RELION's STAR files list, where they lie, and their pixel sizes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from cryoden.errors import HalvesError, StarRowError, printable
from cryoden.io.star import StarTable, having, read_tables

MICROGRAPH: tuple[str, ...] = ("rlnMicrographName",)
HALVES = ("rlnMicrographNameEven", "rlnMicrographNameOdd")
SERIES = "rlnTomoTiltSeriesStarFile"
GROUP, VOLTAGE = "rlnOpticsGroup", "rlnVoltage"
# Å/px of micrographs first; a movie or particles may have been binned, and are asked last.
PIXEL_SIZES = (
    "rlnMicrographPixelSize",
    "rlnTomoTiltSeriesPixelSize",
    "rlnMicrographOriginalPixelSize",
    "rlnImagePixelSize",
)
CAMERA = ("rlnDetectorPixelSize", "rlnMagnification")  # µm, and times: RELION 3.0
FORMAT = re.compile(r":(mrcs?|st|tiff?|spi|img|hed)$", re.IGNORECASE)  # ``a.ctf:mrc`` is to be read as MRC
SECTION = re.compile(r"\d+@")
Values = Callable[[StarTable], list[float | None]]  # one for each row
SAMPLED = 20  # rows looked at first to find the project's folder


@dataclass(frozen=True)
class ListedFiles:
    """One row: the files in the columns that were asked for, and Å/px and kV where the STAR file has them."""

    files: tuple[Path, ...]
    pixel_size: float | None
    voltage: float | None = None


@dataclass(frozen=True)
class Listing:
    """A table of micrographs: its file for each row, and the folder from which its names lead there.

    Where it has halves alone, ``files`` are the even and ``odd`` the other ones.
    """

    table: StarTable
    project: Path
    files: tuple[Path, ...]
    odd: tuple[Path, ...] = ()


def is_star(path: Path) -> bool:
    """Tell whether a name is that of a STAR file."""
    return path.suffix.lower() == ".star"


def micrographs_of(star: Path) -> list[Path]:
    """Return the micrographs a STAR file lists, each once, whether they are there or not.

    Raises
    ------
    HalvesError, MicrographError
        See `listed`.
    """
    fix = "Give the STAR file of a motion correction or of a CTF estimation"
    return list(dict.fromkeys(row.files[0] for row in listed(star, MICROGRAPH, fix)))


def listing(star: Path, *, halves: bool = False) -> Listing | None:
    """Return the table of a STAR file that lists micrographs, ``None`` where it has none, as of tilt series.

    With ``halves`` one that lists halves alone will do.

    Raises
    ------
    HalvesError, MicrographError
        See `listed`.
    """
    tables = read_tables(star)
    labels, table = MICROGRAPH, having(tables, MICROGRAPH)
    if table is None and halves:
        labels, table = HALVES, having(tables, HALVES)
    if table is None:
        return None
    rows = [[_file_name(star, name) for name in row] for row in table.columns(labels)]
    project = project_of(star, [name for row in rows for name in row])
    columns = ([_inside(project, row[at]) for row in rows] for at in range(len(labels)))
    return Listing(table, project, *map(tuple, columns))


def pixel_sizes(paths: Iterable[Path]) -> dict[Path, float]:
    """Return Å/px of the micrographs and halves that the STAR files among paths list, where they say it."""
    found = {}
    for star, names in product(filter(is_star, paths), (MICROGRAPH, HALVES)):
        with suppress(HalvesError):  # it need not have both
            rows = listed(star, names)
            found.update({file: row.pixel_size for row in rows for file in row.files if row.pixel_size})
    return found


def listed(star: Path, names: Sequence[str], fix: str = "Give another STAR file") -> list[ListedFiles]:
    """Return the files that some columns of a STAR file name.

    Parameters
    ----------
    star : Path
        A STAR file. In place of one that lists tilt series, their STAR files are read.
    names : sequence of str
        Labels of the columns, without the leading underscore.
    fix : str
        What to do when they are missing.

    Returns
    -------
    list of ListedFiles
        One for each row, files in the order of ``names``, whether they are there or not.

    Raises
    ------
    HalvesError
        ``D01`` when no table has all columns, a row has more or fewer values than labels, or a name is
        a section of a stack; ``D02`` when none of the files is where the project can be.
    MicrographError
        ``F49``, ``F50`` when the STAR file cannot be read.
    """
    tables = read_tables(star)
    series = None if having(tables, names) else having(tables, [SERIES])
    if series is None:
        return _rows(star, tables, names, fix)
    inner = [name for (name,) in series.columns([SERIES])]
    project = project_of(star, inner)
    return [
        ListedFiles(row.files, row.pixel_size or size, row.voltage)
        for name, size in zip(inner, _sizes(series), strict=True)
        for row in _rows(project / name, read_tables(project / name), names, fix)
    ]


def _rows(star: Path, tables: list[StarTable], names: Sequence[str], fix: str) -> list[ListedFiles]:
    table = having(tables, names)
    if table is None:
        columns = f"{'column' if len(names) == 1 else 'columns'} {' and '.join(names)}"
        raise HalvesError("D01", star, f"no table with the {columns}", fix=fix)
    rows = [tuple(_file_name(star, name) for name in row) for row in table.columns(names)]
    project = project_of(star, [name for row in rows for name in row])
    sizes, voltages = (_own_or_of_group(tables, table, values) for values in (_sizes, _voltages))
    return [
        ListedFiles(tuple(_inside(project, name) for name in row), size, voltage)
        for row, size, voltage in zip(rows, sizes, voltages, strict=True)
    ]


def _own_or_of_group(tables: Iterable[StarTable], table: StarTable, values: Values) -> list[float | None]:
    """Return for each row of a table its own value, else that of its optics group."""
    pairs = zip(values(table), _of_groups(tables, table, values), strict=True)
    return [own or of_group for own, of_group in pairs]


def _of_groups(tables: Iterable[StarTable], table: StarTable, values: Values) -> list[float | None]:
    """Return for each row of a table the value of its optics group; one without a number has the only one."""
    optics = having((one for one in tables if one is not table), [GROUP])
    groups = [group for (group,) in optics.columns([GROUP])] if optics else []
    known = dict(zip(groups, values(optics) if optics else [], strict=True))
    if GROUP in table.labels:
        return [known.get(group) for (group,) in table.columns([GROUP])]
    only = next(iter(known.values())) if len(known) == 1 else None
    return [only] * len(table.rows)


def _sizes(table: StarTable) -> list[float | None]:
    """Return for each row the Å/px it says itself."""
    for label in PIXEL_SIZES:
        if label in table.labels:
            return [_positive(size) for (size,) in table.columns([label])]
    if set(CAMERA) <= set(table.labels):
        known = [(_positive(pixel), _positive(times)) for pixel, times in table.columns(CAMERA)]
        return [1e4 * pixel / times if pixel and times else None for pixel, times in known]
    return [None] * len(table.rows)


def _voltages(table: StarTable) -> list[float | None]:
    """Return for each row the kV it says itself."""
    if VOLTAGE not in table.labels:
        return [None] * len(table.rows)
    return [_positive(voltage) for (voltage,) in table.columns([VOLTAGE])]


def _positive(value: str) -> float | None:
    with suppress(ValueError):
        number = float(value)
        return number if 0 < number < float("inf") else None
    return None


def _file_name(star: Path, value: str) -> str:
    """Return the name of a file without what RELION puts around it."""
    if SECTION.match(value):
        problem = f"{printable(value)} is a section of a stack, not a micrograph"
        raise StarRowError("D01", star, problem, fix="Give a STAR file of single micrographs")
    return FORMAT.sub("", value)


def project_of(star: Path, names: Sequence[str]) -> Path:
    """Return the folder from which these names lead to files.

    RELION writes names from the project's folder, in which it runs: it is above the list, or above
    what is linked in its place, or it is the current folder or above that. cryoSPARC does so, too.

    Raises
    ------
    HalvesError
        ``D02`` when none of them is there.
    """
    starts = dict.fromkeys((_absolute(star).parent, star.resolve().parent, Path.cwd()))
    places = list(dict.fromkeys(place for start in starts for place in (start, *start.parents)))
    samples = names[:: len(names) // SAMPLED + 1], names
    for some, place in product(samples, places):
        if any(os.path.isfile(place / name) for name in some):  # noqa: PTH113  Path's own raises for closed folders
            return place
    if not names:
        return places[0]
    tried = f"looked in and above {', '.join(map(printable, starts))}"
    problem = f"none of its {len(names):,} files is there, such as {printable(names[0])} ({tried})"
    raise HalvesError("D02", star, problem, fix="Run it in the project's folder")


def _inside(project: Path, name: str) -> Path:
    return Path(os.path.normpath(os.path.join(project, name)))  # noqa: PTH118  of 100,000 names Path's takes a second


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100  resolve() would follow links

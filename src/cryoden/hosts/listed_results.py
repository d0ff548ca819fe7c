"""STAR files that list the results of a batch, with all that the STAR files of its inputs say."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from cryoden.dataset.star_columns import with_columns
from cryoden.dataset.star_files import MICROGRAPH, Listing, is_star, listing
from cryoden.events.batch import BatchEvent, BatchFinished, FileFinished, FileSkipped
from cryoden.events.closing import closed
from cryoden.io.atomic import atomic_write

NAME = "micrographs_denoised"
# RELION keeps columns it does not know, and has none for these.
DENOISED, RAW = "cryodenMicrographNameDenoised", "cryodenMicrographNameRaw"
MISSING = "None"  # as RELION writes the name of a file that is not there
OURS = "# cryoden: results of "
Names = Literal["added", "replaced"]


def with_stars(
    events: Iterable[BatchEvent],
    stars: Mapping[Path, Path],
    *,
    names: Names = "added",
    overwrite: bool = False,
) -> Iterator[BatchEvent]:
    """Pass a batch's events on; before its last, list its results as each STAR file among its inputs did.

    A list of results is the input's own text, in which they have a column of their own.

    Parameters
    ----------
    events : iterable of BatchEvent
        Of a batch on what these STAR files list.
    stars : mapping of Path
        Which STAR file lists the results of which, see `stars_of`; none does those of tilt series.
    names : {"added", "replaced"}
        Whether the results have a column of their own, ``None`` where there is none, or take the
        place of the inputs, which then have one, and rows without a result are left out.
    overwrite : bool
        Whether another file of that name may be replaced; one from here always is.

    Raises
    ------
    OutputError
        O02 to O06 when a STAR file cannot be written.
    """
    done: dict[Path, Path] = {}
    with closed(events):
        for event in events:
            done |= _result(event)
            _write_stars(stars if isinstance(event, BatchFinished) else {}, done, names, overwrite)
            yield event


def _write_stars(
    stars: Mapping[Path, Path], done: Mapping[Path, Path], names: Names, overwrite: bool
) -> None:
    for star, final in stars.items():
        write_star(star, final, done, names=names, overwrite=overwrite)


def _result(event: BatchEvent) -> dict[Path, Path]:
    return {event.path: event.output} if isinstance(event, FileFinished | FileSkipped) else {}


def stars_of(paths: Sequence[Path], output: Path) -> dict[Path, Path]:
    """Return for each STAR file among paths which one lists its results.

    ``micrographs_denoised.star`` in the output folder, with a number where there are several.
    """
    stars = list(dict.fromkeys(path for path in paths if is_star(path)))
    numbers = ["", *(f"_{number}" for number in range(2, len(stars) + 1))]
    return {star: output / f"{NAME}{number}.star" for star, number in zip(stars, numbers, strict=False)}


def write_star(
    star: Path, final: Path, done: Mapping[Path, Path], *, names: Names = "added", overwrite: bool = False
) -> None:
    """Write the STAR file that lists results; nothing of one that lists tilt series.

    Parameters
    ----------
    star, final : Path
        That of the inputs, and that of the results.
    done : mapping of Path
        The result of each input.
    names, overwrite
        See `with_stars`.

    Raises
    ------
    HalvesError, MicrographError
        When the STAR file can no longer be read.
    OutputError
        O02 to O06 when it cannot be written.
    """
    found = listing(star)
    if found is None:
        return
    text = f"{OURS}{star.name}\n{_text(found, done, names)}"
    with atomic_write(final, overwrite=overwrite or _is_ours(final), inputs=[star]) as part:
        part.write_text(text, encoding="utf-8", errors="surrogateescape", newline="\n")


def _text(found: Listing, done: Mapping[Path, Path], names: Names) -> str:
    there = [file in done for file in found.files]
    results = [_named(done[file], found.project) if file in done else MISSING for file in found.files]
    if names == "added":
        return with_columns(found.table, {DENOISED: results})
    raw = [name for (name,) in found.table.columns(MICROGRAPH)]
    return with_columns(found.table, {MICROGRAPH[0]: results, RAW: raw}, there)


def _named(result: Path, project: Path) -> str:
    """Return the name of a file as RELION, which runs in the project's folder, reads it."""
    absolute, above = os.path.abspath(result), f"{project}{os.sep}"  # noqa: PTH100  resolve() would follow links
    return absolute.removeprefix(above).replace(os.sep, "/")


def _is_ours(final: Path) -> bool:
    """Tell whether a file in the place of a list of results is an earlier one."""
    try:
        with final.open(encoding="utf-8", errors="replace") as file:
            return file.read(len(OURS)) == OURS
    except OSError:
        return False

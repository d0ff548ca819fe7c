"""Lists of the results of a batch, with all that those of its inputs say; here the STAR files of RELION."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from cryoden.dataset.listed_files import is_list
from cryoden.dataset.star_columns import with_columns
from cryoden.dataset.star_files import MICROGRAPH, Listing, is_star, listing
from cryoden.errors import HalvesError, MicrographError
from cryoden.events.batch import BatchEvent, BatchFinished, FileFinished, FileSkipped
from cryoden.events.closing import closed
from cryoden.hosts.binned_lists import binned_sizes, columns_of, head_of, own_size, with_optics
from cryoden.hosts.cryosparc_lists import NAME, check_cs, write_cs
from cryoden.io.atomic import atomic_write, check_destination

# RELION keeps columns it does not know, and has none for these.
DENOISED, RAW = "cryodenMicrographNameDenoised", "cryodenMicrographNameRaw"
MISSING = "None"  # as RELION writes the name of a file that is not there
OURS = "# cryoden: results of "
Names = Literal["added", "replaced"]


def with_lists(
    events: Iterable[BatchEvent],
    lists: Mapping[Path, Path],
    *,
    names: Names = "added",
    overwrite: bool = False,
) -> Iterator[BatchEvent]:
    """Pass a batch's events on; before its last, list its results as each list among its inputs did.

    A STAR file of results is the input's own text, in which they have a column of their own; for a list of
    cryoSPARC see `cryoden.hosts.cryosparc_lists.write_cs`.

    Parameters
    ----------
    events : iterable of BatchEvent
        Of a batch on what these lists have.
    lists : mapping of Path
        Which list has the results of which, see `lists_of`; none has those of tilt series.
    names : {"added", "replaced"}
        Whether the results have a column of their own, ``None`` where there is none, or take the
        place of the inputs, which then have one, and rows without a result are left out.
    overwrite : bool
        Whether another file of that name may be replaced; one from here always is.

    Raises
    ------
    OutputError
        O02 to O06 when a list cannot be written; what is in its way is found before the first event.
    """
    done: dict[Path, Path] = {}
    with closed(events):
        _check_places(lists, overwrite)
        for event in events:
            done |= _result(event)
            _write_lists(lists if isinstance(event, BatchFinished) else {}, done, names, overwrite)
            yield event


def _check_places(lists: Mapping[Path, Path], overwrite: bool) -> None:
    for path, final in lists.items():
        if not final.parent.is_dir():
            continue  # nothing is in the way, and the batch makes it
        if not is_star(path):
            check_cs(path, final, overwrite=overwrite)
        elif _lists_micrographs(path):
            check_destination(final, overwrite=overwrite or is_ours(final), inputs=[path])


def _lists_micrographs(star: Path) -> bool:
    try:
        return listing(star, halves=True) is not None
    except (HalvesError, MicrographError):  # the batch says so, or waits until it is written
        return False


def _write_lists(
    lists: Mapping[Path, Path], done: Mapping[Path, Path], names: Names, overwrite: bool
) -> None:
    for path, final in lists.items():
        write = write_star if is_star(path) else write_cs
        write(path, final, done, names=names, overwrite=overwrite)


def _result(event: BatchEvent) -> dict[Path, Path]:
    return {event.path: event.output} if isinstance(event, FileFinished | FileSkipped) else {}


def lists_of(paths: Sequence[Path], output: Path) -> dict[Path, Path]:
    """Return for each list among paths which one lists its results.

    ``micrographs_denoised.star`` or ``.cs`` in the output folder, with a number where there are several.
    """
    known = dict.fromkeys(path for path in paths if is_list(path))
    stars, others = [path for path in known if is_star(path)], [path for path in known if not is_star(path)]
    return _numbered(stars, output, ".star") | _numbered(others, output, ".cs")


def _numbered(lists: Sequence[Path], output: Path, suffix: str) -> dict[Path, Path]:
    numbers = ("", *(f"_{number}" for number in range(2, len(lists) + 1)))
    return {path: output / f"{NAME}{number}{suffix}" for path, number in zip(lists, numbers, strict=False)}


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
        See `with_lists`.

    Raises
    ------
    HalvesError, MicrographError
        When the STAR file can no longer be read.
    OutputError
        O02 to O06 when it cannot be written.
    """
    found = listing(star, halves=True)
    if found is None:
        return
    text = f"{OURS}{star.name}\n{_text(found, done, names)}"
    with atomic_write(final, overwrite=overwrite or is_ours(final), inputs=[star]) as part:
        part.write_text(text, encoding="utf-8", errors="surrogateescape", newline="\n")


def _text(found: Listing, done: Mapping[Path, Path], names: Names) -> str:
    there = [file in done for file in found.files]
    results = [_named(done[file], found.project) if file in done else MISSING for file in found.files]
    sizes = binned_sizes(found, done)
    head, said = head_of(sizes), columns_of(sizes)
    if names == "added":
        return head + with_columns(found.table, {DENOISED: results, **said})
    raw = {} if found.odd else {RAW: [name for (name,) in found.table.columns(MICROGRAPH)]}
    columns = {MICROGRAPH[0]: results, **raw, **said, **own_size(found.table, sizes)}
    return head + with_columns(found.table, columns, there, with_optics(found, sizes))


def _named(result: Path, project: Path) -> str:
    """Return the name of a file as RELION, which runs in the project's folder, reads it."""
    absolute, above = os.path.abspath(result), f"{project}{os.sep}"  # noqa: PTH100  resolve() would follow links
    return absolute.removeprefix(above).replace(os.sep, "/")


def is_ours(final: Path, begin: str = OURS) -> bool:
    """Tell whether a file in the place of a list is an earlier one, by the words it begins with."""
    try:
        with final.open(encoding="utf-8", errors="replace") as file:
            return file.read(len(begin)) == begin
    except OSError:
        return False

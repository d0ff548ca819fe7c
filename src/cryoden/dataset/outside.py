"""What lists name outside the project they belong to: absolute names, names with ``..``, and links."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from cryoden.dataset.listed_files import cs_listing, is_list
from cryoden.dataset.output_paths import real_path
from cryoden.dataset.star_files import FORMAT, HALVES, MICROGRAPH, SERIES, is_star, project_of
from cryoden.errors import HalvesError, MicrographError, Remark, printable
from cryoden.io.star import having, read_tables


def outside_projects(paths: Iterable[Path]) -> list[Remark]:
    """Return a warning for each list among paths that names files outside its project.

    They are used all the same: many a project has links to where its movies were recorded. But who
    gets a list from others should know what it reads.
    """
    found = []
    for path in filter(is_list, paths):
        with suppress(HalvesError, MicrographError):  # whoever uses the list says what is wrong with it
            found += _said(path, dict(_named(path)))
    return found


def _named(path: Path) -> Iterator[tuple[Path, Path]]:
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

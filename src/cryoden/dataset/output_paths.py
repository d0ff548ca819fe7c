"""Where the results of a batch go: one name for each micrograph, the tree of folders kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal

from cryoden.dataset.folder_walk import left_out_below, micrographs_below
from cryoden.dataset.listed_files import is_list, micrographs_of
from cryoden.errors import DiskFullError, OutputError, SettingsError, printable
from cryoden.formats.names import is_tiff, result_suffix, stem_of
from cryoden.io.leftovers import remove_leftovers


def results(
    paths: Sequence[Path],
    output: Path,
    ending: str = "_denoised",
    *,
    left_out: tuple[str, ...] = (),
    wanted: Literal["auto", "mrc", "tiff"] = "mrc",
) -> dict[Path, Path]:
    """Return for each micrograph among files, folders and lists where its result goes.

    A file gives ``<stem><ending>`` with the suffix of its format in the output folder; below a folder the
    tree is kept, and of the files in a list, the tree below the folder they have in common.

    Parameters
    ----------
    paths : sequence of Path
        Files, folders, and lists of RELION or cryoSPARC.
    output : Path
        Folder of the results; what lies in it is no input when it lies below another folder.
    ending : str
        What distinguishes the name of a result from that of its input.
    left_out : tuple of str
        Endings of names, without suffix, that are passed over below folders.
    wanted : {"auto", "mrc", "tiff"}
        Format of the results, with ``"auto"`` that of each input.

    Raises
    ------
    SettingsError
        D01 when there is no micrograph.
    HalvesError
        D01 when a list has no micrographs.
    OutputError
        D07 when two micrographs would have the same result, O04 when a result would replace
        a micrograph of the batch.
    """
    found = _listed(paths, output, results=False) if any(map(os.path.lexists, paths)) else ()
    named, inside = set(paths), cache(output.joinpath)
    targets = {
        file: inside(parent) / f"{stem_of(file)}{ending}{result_suffix(file, wanted)}"
        for file, parent in found
        if file in named or not stem_of(file).endswith(left_out)
    }
    if not targets:
        asked = ", ".join(printable(path) for path in paths)
        others = left_out_below(paths, output, results=False)
        raise SettingsError(
            "D01",
            None,
            f"0 micrographs match '{asked}' in {Path.cwd()}" + (others and f"; {others}"),
            fix="Give MRC or TIFF files, folders, STAR or .cs files",
        )
    real = cache(os.path.realpath)
    inputs = {real_path(file, real) for file in targets} if output.is_dir() else set()
    taken: dict[Path, Path] = {}
    for file, target in targets.items():
        if inputs and real_path(target, real) in inputs:
            problem = f"the result of {printable(file.name)} would replace this input"
            raise OutputError(
                "O04", target, problem, kept="The input is untouched", fix="Choose another folder"
            )
        if taken.setdefault(target, file) != file:
            problem = f"{taken[target]} would have the same result, {target}"
            raise OutputError("D07", file, problem, kept="Nothing was done", fix="Give the folder above both")
    return targets


def real_path(file: Path, real: Callable[[str], str]) -> str:
    """Return where a file really is; ``real`` remembers folders, of which many files have few."""
    folder, name = os.path.split(file)
    return real(str(file)) if os.path.islink(file) else os.path.join(real(folder), name)  # noqa: PTH114, PTH118


def make_folders(targets: Mapping[Path, Path]) -> None:
    """Make the folders the results go into.

    Raises
    ------
    OutputError
        O06 when one cannot be made.
    """
    for folder in sorted({target.parent for target in targets.values()}):
        make_folder(folder)


def make_ready(targets: Mapping[Path, Path], share: float = 0) -> None:
    """Make the folders of results, and remove what killed processes have left in them; see `make_folders`.

    Raises
    ------
    OutputError
        O02 where there is no room for the results, of which each takes at least this ``share`` of the
        bytes of its micrograph.
    """
    make_folders(targets)
    for folder in {target.parent for target in targets.values()}:
        remove_leftovers(folder)
    if share:
        _refuse_too_little_room(targets, share)


def _refuse_too_little_room(targets: Mapping[Path, Path], share: float) -> None:
    needed = sum(share * _least_bytes(path) for path, target in targets.items() if not target.exists())
    folder = next(iter(targets.values())).parent
    free = shutil.disk_usage(folder).free
    if needed > free:
        problem = f"needs at least {needed / 1e9:,.2f} GB, {free / 1e9:,.2f} GB are free"
        fix = "Free some space, choose another disk, or float16"
        raise DiskFullError("O02", folder, problem, kept="Nothing was written", fix=fix)


def _least_bytes(path: Path) -> float:
    """Return the bytes of a micrograph as float32, at least; TIFF has formats of twice as many."""
    with suppress(OSError):
        return path.stat().st_size / (2 if is_tiff(path) else 1)
    return 0


def make_folder(folder: Path) -> None:
    """Make one folder and those above it; see `make_folders`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"cannot be created: {error.strerror}"
        raise OutputError("O06", folder, problem, fix="Choose another folder") from error


def micrographs_in(paths: Sequence[Path], *, results: bool = True) -> list[Path]:
    """Return the files, the micrographs in folders, and those in lists, among what the user named.

    Earlier results below folders are among them where ``results`` are wanted.
    """
    return [file for file, _ in _listed(paths, None, results=results)]


def _listed(paths: Sequence[Path], output: Path | None, *, results: bool) -> Iterator[tuple[Path, Path]]:
    for path in paths:
        if path.is_dir():
            files = micrographs_below(path, output, results=results)
            yield from ((file, file.parent.relative_to(path)) for file in files)
        elif is_list(path):
            yield from _in_common_folder(micrographs_of(path))
        else:
            yield path, Path()


def _in_common_folder(files: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    folders = [file.parent for file in files]
    common = os.path.commonpath(set(folders)) if files else ""
    below = cache(lambda folder: folder.relative_to(common))
    yield from zip(files, map(below, folders), strict=True)

"""Opens micrographs as layers, and folders of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from os import DirEntry, PathLike, fspath
from pathlib import Path
from typing import Any

import napari

from cryoden.dataset.folder_walk import entries, is_micrograph, micrographs_below
from cryoden.errors import CryodenError, MicrographError
from cryoden.formats.micrographs import probe
from cryoden.formats.names import is_micrograph_name, is_tiff
from napari_cryoden.layers.file_layer import FileLayer, of_file
from napari_cryoden.notify import show_problem, show_remarks
from napari_cryoden.paths import FEW

Path_ = str | PathLike[str]
Reader = Callable[[Path_ | Sequence[Path_]], list[Any]]
NO_GRAY_IMAGE = "F64"
LOOKED_AT = 5_000  # names, before a folder counts as one without micrographs


def get_reader(path: Path_ | Sequence[Path_]) -> Reader | None:
    """Return what reads these paths, ``None`` for paths to be left to other plugins.

    `read` is for files named like micrographs, in any case, but for TIFF files of images that are not
    gray; `read_folder` for one folder that holds such files, or folders of them.
    """
    paths = listed(path)
    if len(paths) == 1 and paths[0].is_dir():
        return read_folder if _holds_micrographs(paths[0]) else None
    return read if paths and all(map(_is_ours, paths)) else None


def read(path: Path_ | Sequence[Path_]) -> list[Any]:
    """Return one layer per micrograph or stack; a file that is neither is reported in one line.

    Oddities of a file that opens are shown as a warning, once.

    Notes
    -----
    napari answers an exception of a reader with a dialog about plugins and drops the files
    that come after it. So a bad file is shown as an error of its own and gives the layer
    list ``[(None,)]``, napari's way to say "handled, nothing to show".
    """
    found: list[FileLayer] = []
    for one in listed(path):
        try:
            data, warnings = of_file(one)
        except CryodenError as error:
            show_problem(error)
            continue
        found.append(data)
        show_remarks(str(one), warnings)
    viewer = napari.current_viewer()
    if viewer is not None:
        _prepare(viewer, found)
    return [*found] or [(None,)]


def read_folder(path: Path_ | Sequence[Path_]) -> list[Any]:
    """Return the layers of a folder with few micrographs; list those of any other in the Open dock.

    Without a window there is no dock, and all are read: a script gets what it asks for.
    """
    (folder,) = listed(path)
    viewer = napari.current_viewer()
    if viewer is None or _is_small(folder):
        return read(list(micrographs_below(folder)))
    from napari_cryoden.navigation import show_dock  # noqa: PLC0415  it needs Qt, which reading does not

    show_dock(viewer, "Open micrographs").collect(folder)
    return [(None,)]


def _prepare(viewer: Any, found: Sequence[FileLayer]) -> None:
    """Have planes of stacks read behind the interface, once napari adds them, and the scale bar shown."""
    from napari_cryoden.jobs.stack_reading import StackReading  # noqa: PLC0415  as above
    from napari_cryoden.layers.canvas import show_scale_bar  # noqa: PLC0415  as above

    if any(len(pixels.shape) > 2 for pixels, _, _ in found):
        StackReading.of(viewer)
    if any("units" in attributes for _, attributes, _ in found):
        show_scale_bar(viewer)


def _is_ours(path: Path) -> bool:
    """Whether a file is named like a micrograph; a TIFF file of another image is left to other readers."""
    if not is_micrograph_name(path) or not is_tiff(path):
        return is_micrograph_name(path)
    try:
        probe(path)
    except MicrographError as error:
        return error.code != NO_GRAY_IMAGE
    return True


def _holds_micrographs(folder: Path) -> bool:
    """Whether there is one in the folder or the folders in it; a whole disk is not searched."""
    return any(map(is_micrograph, islice(_near(folder), LOOKED_AT)))


def _is_small(folder: Path) -> bool:
    """Whether the folder holds no folders, and few enough micrographs to open them all."""
    inside = list(islice(entries(folder), LOOKED_AT))
    flat = len(inside) < LOOKED_AT and not any(entry.is_dir() for entry in inside)
    return flat and sum(map(is_micrograph, inside)) <= FEW


def _near(folder: Path) -> Iterator[DirEntry[str]]:
    """Yield what is in a folder, then what is in its folders."""
    within: list[str] = []
    for entry in entries(folder):
        yield entry
        if entry.is_dir():
            within.append(entry.path)
    for one in within:
        yield from entries(one)


def listed(path: Path_ | Sequence[Path_]) -> list[Path]:
    """Return one path or several, as napari hands them."""
    several = [path] if isinstance(path, (str, PathLike)) else path
    return [Path(fspath(one)) for one in several]

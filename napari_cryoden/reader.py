"""Opens MRC micrographs as layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error

from cryoden import mrc
from cryoden.errors import CryodenError
from napari_cryoden import layers
from napari_cryoden.remarks import show_remarks

Path_ = str | PathLike[str]
Reader = Callable[[Path_ | Sequence[Path_]], list[Any]]


def get_reader(path: Path_ | Sequence[Path_]) -> Reader | None:
    """Return `read` when every path names a file with an MRC suffix, in any case."""
    paths = _listed(path)
    return read if paths and all(one.suffix.lower() in mrc.SUFFIXES for one in paths) else None


def read(path: Path_ | Sequence[Path_]) -> list[Any]:
    """Return one layer per micrograph; a file that is none is told in one line.

    What is odd about a file that opens is told as a warning, once.

    Notes
    -----
    napari answers an exception of a reader with a dialog about plugins and drops the files
    that come after it. So a bad file is shown as an error of its own and gives the layer
    list ``[(None,)]``, napari's way to say "handled, nothing to show".
    """
    found: list[Any] = []
    for one in _listed(path):
        try:
            micrograph = mrc.read(one)
        except CryodenError as error:
            show_error(str(error))
            continue
        found.append(layers.raw_layer(micrograph))
        show_remarks(str(one), micrograph.warnings)
    return found or [(None,)]


def _listed(path: Path_ | Sequence[Path_]) -> list[Path]:
    """One path or several, as napari hands them; never looks into a folder."""
    several = [path] if isinstance(path, (str, PathLike)) else path
    return [Path(fspath(one)) for one in several]

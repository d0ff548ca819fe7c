"""What the names of micrographs say: their format, and what they are called without it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from cryoden.io import mrc
from cryoden.io.mrc_probe import STACKS

FileFormat = Literal["mrc", "tiff"]
PACKED = (".gz", ".bz2")
TIFF = (".tif", ".tiff")
SUFFIXES = (*mrc.SUFFIXES, *(suffix + packed for suffix in mrc.SUFFIXES for packed in PACKED), *TIFF)


def is_micrograph_name(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file name ends like that of a micrograph, in any case of letters."""
    return os.fspath(path).lower().endswith(SUFFIXES)


def is_tiff(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file name ends like that of a TIFF file."""
    return os.fspath(path).lower().endswith(TIFF)


def packing_of(path: str | os.PathLike[str]) -> str:
    """Return ``.gz`` or ``.bz2`` where a file name says that it is compressed, else nothing."""
    return next((packed for packed in PACKED if os.fspath(path).lower().endswith(packed)), "")


def unpacked_name(path: Path) -> Path:
    """Return the name a file has once it is unpacked: ``a.mrc`` of ``a.mrc.gz``."""
    return path.with_suffix("") if packing_of(path) else path


def stem_of(path: Path) -> str:
    """Return the file name without folder and suffixes: ``a`` of ``a.mrc.gz`` and ``a.tif``."""
    return unpacked_name(path).stem


def result_suffix(path: Path, wanted: Literal["auto", "mrc", "tiff"] = "auto") -> str:
    """Return the suffix of a result: of its input's format, or of the one that is wanted."""
    suffix = unpacked_name(path).suffix.lower()
    if wanted == "tiff" or (wanted == "auto" and suffix in TIFF):
        return suffix if suffix in TIFF else TIFF[0]
    return suffix if suffix in STACKS else mrc.SUFFIXES[0]

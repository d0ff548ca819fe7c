"""Paths that somebody typed, and where runs and models are looked for."""

from __future__ import annotations

import os
from pathlib import Path

MODELS = "Model files (*.safetensors)"
FEW = 8  # micrographs that one may want all at once
RUNS = "cryoden_runs"  # the folder beside the data in which runs lie


def documents() -> Path:
    """Return where a user keeps what belongs to no data."""
    from qtpy.QtCore import QStandardPaths  # noqa: PLC0415  reading micrographs in a script needs no Qt

    place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    return Path(place) if place and Path(place).is_dir() else Path.home()


def cached() -> Path:
    """Return where what can be made again is kept; the folder need not exist."""
    from qtpy.QtCore import QStandardPaths  # noqa: PLC0415  as above

    place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericCacheLocation)
    return Path(place or Path.home() / ".cache") / "napari-cryoden"


def typed(text: str) -> Path | None:
    """Return the path somebody typed, ``None`` for nothing; ``~`` stands for the home folder."""
    text = text.strip()
    if not text:
        return None
    try:
        return Path(text).expanduser()
    except RuntimeError:  # nobody has this home, or its owner's name is not typed to its end
        return Path(text)


def free_name(folder: Path, stem: str = "run") -> Path:
    """Return a folder that does not exist yet: a new run never replaces an older one unasked."""
    number = 1
    while os.path.lexists(path := folder / f"{stem}_{number}"):
        number += 1
    return path

"""A stack of micrographs, or a tilt series, of which a plane is read when it comes into view."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from cryoden.dataset.opening import facts, open_micrograph, read_micrograph, whole
from cryoden.errors import MicrographError
from cryoden.formats.beside import mdocs_of
from cryoden.io.mrc_probe import HeaderFacts
from cryoden.io.mrc_sections import one_section
from cryoden.micrograph import Micrograph, Pixels
from cryoden.settings.reading import ReadingSettings


class LazyStack:
    """What napari shows of a file: an array of three axes, in the file until it is asked for.

    Parameters
    ----------
    found : HeaderFacts
        Of the file.
    reading : ReadingSettings or None
        How to read it.
    listed : float or None
        Å/px of a list.
    """

    ndim = 3
    dtype = np.dtype(np.float32)

    def __init__(self, found: HeaderFacts, reading: ReadingSettings | None, listed: float | None) -> None:
        self.path, self.shape = found.path, (found.nz, *found.shape)
        self._reading, self._listed = reading, listed

    @property
    def size(self) -> int:
        """How many pixels there are."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """How much memory all of them would take."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def micrograph(self, plane: int) -> Micrograph:
        """Return one plane, read now; raises what `cryoden.dataset.opening.read_micrograph` does."""
        return read_micrograph(self.path, self._reading, self._listed, plane)

    def first_good(self) -> Micrograph:
        """Return the first plane that has contrast; raises what the last does where none has."""
        for plane in range(len(self) - 1):
            with suppress(MicrographError):
                return self.micrograph(plane)
        return self.micrograph(len(self) - 1)

    def pixels(self, plane: int) -> Pixels:
        """Return one plane as it is stored, read now; one that is blank or no numbers is shown, too."""
        file = open_micrograph(self.path, self._reading, self._listed, plane)
        return whole(file, self._reading, look=False).data

    def __getitem__(self, key: Any) -> Any:
        first, *others = key if isinstance(key, tuple) else (key,)
        if first is Ellipsis:
            first, others = slice(None), [Ellipsis, *others]
        inside = tuple(others)
        chosen = np.arange(self.shape[0])[first]
        if np.ndim(chosen) == 0:
            return self.pixels(int(chosen))[inside]
        return np.stack([self.pixels(int(plane))[inside] for plane in chosen])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self[:], dtype)


def stack_of(path: Path, reading: ReadingSettings | None, listed: float | None) -> LazyStack | None:
    """Return a file of several micrographs, ``None`` of one; a volume with an mdoc is a tilt series.

    Raises
    ------
    MicrographError
        When the file cannot be read; ``F32`` for volumes and particles.
    """
    found = facts(path, reading, listed)
    if found.nz == 1:
        return None
    is_series = found.kind == "stack" or bool(mdocs_of(path))
    one_section(found, 0 if is_series else None)
    return LazyStack(found, reading, listed)

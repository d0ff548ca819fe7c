"""A stack of micrographs, or a tilt series, of which a plane is read when it comes into view."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from cryoden.dataset.opening import facts, open_micrograph, read_micrograph, whole
from cryoden.errors import MicrographError
from cryoden.formats.beside import mdocs_of
from cryoden.image.block_mean import edges, pyramid
from cryoden.io.mrc_probe import HeaderFacts
from cryoden.io.mrc_sections import one_section
from cryoden.micrograph import Micrograph, Pixels
from cryoden.settings.reading import ReadingSettings

KEPT = 3  # planes


class Planes:
    """An array of three axes, whose planes are made when they are asked for.

    Parameters
    ----------
    shape : tuple of int
        Planes, rows, columns.
    """

    ndim = 3
    dtype = np.dtype(np.float32)

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def plane(self, plane: int, *, wait: bool = True) -> Pixels:
        """Return one plane; without ``wait`` it may be empty until it has been read."""
        raise NotImplementedError

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

    def __getitem__(self, key: Any) -> Any:
        first, *others = key if isinstance(key, tuple) else (key,)
        if first is Ellipsis:
            first, others = slice(None), [Ellipsis, *others]
        inside = tuple(others)
        if inside and isinstance(first, slice) and first == slice(None):
            return _Part(self, inside)  # napari cuts what is in view of all planes, then asks for one of them
        chosen = np.arange(self.shape[0])[first]
        if np.ndim(chosen) == 0:
            return self.plane(int(chosen), wait=False)[inside]
        wait = len(chosen) > 1
        return np.stack([self.plane(int(plane), wait=wait)[inside] for plane in chosen])

    def __deepcopy__(self, memo: Any) -> Planes:
        return self  # nothing in it can be changed

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.stack([self.plane(plane) for plane in range(len(self))], dtype=dtype)


class _Part(Planes):
    """The same part of all planes."""

    def __init__(self, whole: Planes, inside: tuple[Any, ...]) -> None:
        super().__init__((len(whole), *np.empty(whole.shape[1:], bool)[inside].shape))
        self._whole, self._inside, self.ndim = whole, inside, len(self.shape)

    def plane(self, plane: int, *, wait: bool = True) -> Pixels:
        return np.asarray(self._whole.plane(plane, wait=wait)[self._inside])


class _Level(Planes):
    """Block means of the planes of a stack, to be looked at."""

    def __init__(self, stack: LazyStack, level: int, edge: int) -> None:
        super().__init__((len(stack), *(-(-side // edge) for side in stack.shape[1:])))
        self._stack, self._level = stack, level

    def plane(self, plane: int, *, wait: bool = True) -> Pixels:
        small = self._stack.small(plane)
        if small is not None and small.shape == self.shape[1:]:
            return small
        if not wait and self._stack.later is not None and self._stack.known(plane) is None:
            self._stack.later(plane)
            return np.full(self.shape[1:], np.nan, np.float32)
        return self._stack.pyramid(plane)[self._level]


class LazyStack(Planes):
    """What napari shows of a file, which is in the file until it is asked for.

    Parameters
    ----------
    found : HeaderFacts
        Of the file.
    reading : ReadingSettings or None
        How to read it.
    listed : float or None
        Å/px of a list.

    Attributes
    ----------
    later : callable or None
        Takes the number of a plane that is in view as block means, and shall be read soon; until then it is
        shown empty. Without, or where several planes are in view at once, whoever asks for them waits.
    """

    def __init__(self, found: HeaderFacts, reading: ReadingSettings | None, listed: float | None) -> None:
        super().__init__((found.nz, *found.shape))
        self.path = found.path
        self.later: Callable[[int], None] | None = None
        self._reading, self._listed = reading, listed
        self._read: OrderedDict[int, list[Pixels]] = OrderedDict()
        self._small: dict[int, Pixels] = {}
        self._lock = threading.Lock()

    @property
    def levels(self) -> list[Planes]:
        """The stack itself, and block means of its planes."""
        coarser = enumerate(edges(self.shape[1:])[1:], 1)
        return [self, *(_Level(self, level, edge) for level, edge in coarser)]

    def plane(self, plane: int, *, wait: bool = True) -> Pixels:  # noqa: ARG002  as one of `Planes`
        """Return one plane as it is stored."""
        return self.pyramid(plane)[0]

    def pyramid(self, plane: int) -> list[Pixels]:
        """Return a plane and its block means; those asked for last are kept."""
        levels = self.known(plane) or pyramid(self.pixels(plane))
        with self._lock:
            self._read[plane] = levels
            if len(levels) > 1:
                self._small[plane] = levels[-1]
            self._read.move_to_end(plane)
            while len(self._read) > KEPT:
                self._read.popitem(last=False)
        return levels

    def known(self, plane: int) -> list[Pixels] | None:
        """Return what is kept of a plane, ``None`` where nothing is."""
        with self._lock:
            return self._read.get(plane)

    def small(self, plane: int) -> Pixels | None:
        """Return the coarsest block means of a plane that was read once: all of them are drawn in 3D."""
        with self._lock:
            return self._small.get(plane)

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

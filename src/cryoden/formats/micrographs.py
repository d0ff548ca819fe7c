"""Micrographs in, whatever file they are in: MRC, compressed MRC, TIFF."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from cryoden.formats import compressed, tiff_micrographs
from cryoden.formats.beside import with_beside, with_listed
from cryoden.formats.decoded import DecodedFile
from cryoden.formats.names import is_tiff, packing_of
from cryoden.io import mrc, mrc_probe
from cryoden.io.mrc_probe import HeaderFacts, Mode0
from cryoden.io.mrc_sections import one_section
from cryoden.io.mrc_windows import MicrographFile
from cryoden.micrograph import Micrograph


def probe(
    path: str | os.PathLike[str], *, mode0: Mode0 = "auto", assume_no_extended_header: bool = False
) -> HeaderFacts:
    """Return what the header of a file says, or the tags of a TIFF file, checked against its size.

    Takes and raises what `cryoden.io.mrc_probe.probe` does, and raises what those of
    `cryoden.formats.compressed` and `cryoden.formats.tiff_micrographs` do.
    """
    path = Path(path)
    if is_tiff(path):
        return tiff_micrographs.probe(path)
    read = compressed.probe if packing_of(path) else mrc_probe.probe
    return read(path, mode0=mode0, assume_no_extended_header=assume_no_extended_header)


def open_micrograph(
    path: str | os.PathLike[str],
    *,
    pixel_size: float | None = None,
    listed: float | None = None,
    section: int | None = None,
    mode0: Mode0 = "auto",
    assume_no_extended_header: bool = False,
) -> MicrographFile:
    """Open a micrograph for reading windows.

    Parameters
    ----------
    path : path
        A file of one image, or a stack.
    pixel_size : float or None
        Å/px to use in place of the header's.
    listed : float or None
        Å/px of a list, see `cryoden.formats.beside.with_listed`. Without one, and where the header has none
        either, files beside it are asked, see `cryoden.formats.beside`.
    section : int or None
        Which image of a stack, see `cryoden.io.mrc_sections.one_section`.
    mode0, assume_no_extended_header
        See `probe`.

    Returns
    -------
    MicrographFile
        To be closed, or used in a ``with`` statement.

    Raises
    ------
    MicrographError
        What `probe` refuses, and ``F32`` for stacks and volumes.
    """
    facts = probe(path, mode0=mode0, assume_no_extended_header=assume_no_extended_header)
    facts = one_section(facts, section)
    if pixel_size is None:
        facts = with_listed(facts, listed) if listed else with_beside(facts)
    return opened(facts, pixel_size)


def opened(facts: HeaderFacts, pixel_size: float | None = None) -> MicrographFile:
    """Open what `probe` found of one image, or `cryoden.io.mrc_sections.one_image` made of it."""
    return DecodedFile(facts, pixel_size) if facts.packed else MicrographFile(facts, pixel_size)


def read(
    path: str | os.PathLike[str],
    *,
    pixel_size: float | None = None,
    listed: float | None = None,
    mode0: Mode0 = "auto",
    assume_no_extended_header: bool = False,
    nan: Literal["refuse", "mean"] = "refuse",
) -> Micrograph:
    """Read a whole micrograph.

    Takes and raises what `open_micrograph` and `cryoden.io.mrc.whole` do, and returns what the latter does.
    """
    file = open_micrograph(
        path,
        pixel_size=pixel_size,
        listed=listed,
        mode0=mode0,
        assume_no_extended_header=assume_no_extended_header,
    )
    return mrc.whole(file, nan)

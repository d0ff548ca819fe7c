"""Which files below a folder are micrographs: one rule for commands, docks and drops.

Links to files and folders are followed, because projects link to data that lie elsewhere; each real
folder is entered once, so that loops of links end. What is hidden is passed over, and so are files
of known other purpose that lie beside micrographs; by its own name any file can be given.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from cryoden.io.mrc import is_micrograph_name

# Power spectra and fits as RELION, CTFFIND and AreTomo name them, and gain references.
OTHER_PURPOSE = re.compile(
    r".*_(ps|ctf|power)|(.*[_-])?gain([_-]?ref(erence)?)?([_-]x\d+)?|(count|super)ref([_-].*)?", re.IGNORECASE
)


def micrographs_below(folder: Path, without: Path | None = None) -> Iterator[Path]:
    """Yield the micrographs of a folder, then those of its folders, to any depth.

    Parameters
    ----------
    folder : Path
        Where to look.
    without : Path, optional
        A folder that is not entered where it lies below ``folder``.

    Yields
    ------
    Path
        Below ``folder`` as given. Names are in order, numbers by their value.
    """
    entered = {os.path.realpath(without)} if without else set()
    entered.discard(os.path.realpath(folder))
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        if (real := os.path.realpath(here)) in entered:
            continue
        entered.add(real)
        inside = sorted(entries(here), key=lambda entry: natural(entry.name))
        yield from (here / entry.name for entry in inside if is_micrograph(entry))
        waiting += [here / entry.name for entry in reversed(inside) if entry.is_dir()]


def entries(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    """Yield what is in a folder but for what is hidden, in no order; nothing where it may not be read."""
    try:
        with os.scandir(folder) as found:
            yield from (entry for entry in found if not entry.name.startswith("."))
    except OSError:
        return


def is_micrograph(entry: os.DirEntry[str]) -> bool:
    """Whether this is a micrograph by its name; a link to nothing is one, so that it is not lost silently."""
    if not is_micrograph_name(entry.name) or OTHER_PURPOSE.fullmatch(Path(entry.name).stem):
        return False
    return entry.is_file() or (entry.is_symlink() and not entry.is_dir())


def natural(name: str) -> list[tuple[int, int, str]]:
    """Key for sorting with numbers by their value."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(part), part) if part[0] in "0123456789" else (1, 0, part) for part in parts]

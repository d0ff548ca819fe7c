"""Which files below a folder are micrographs: one rule for commands, docks and drops.

Links to files and folders are followed, because projects link to data that lie elsewhere; each real
folder is entered once, so that loops of links end. What is hidden is left out, links to nothing,
files of known other purpose that lie beside micrographs, what is there as an MRC file, too, TIFF files beside
MRC micrographs, in color, or of several pages, which are movies, and, where micrographs are to be worked on,
results of earlier work. By its own name any file can be given.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryoden.formats.names import is_micrograph_name, is_tiff, stem_of
from cryoden.formats.tiff import has_pages, is_color
from cryoden.io.mrc import is_mrc_name

# At the end of a stem: results of this program, of Topaz, of cryoSPARC.
RESULTS = ("_denoised", "_confidence")
EARLIER = "earlier result"
# By the end of a stem, as RELION, MotionCor, CTFFIND, AreTomo, cryoSPARC and Warp name them.
PURPOSES = {
    "power spectrum or CTF fit": re.compile(
        r".*[_-](ps|ctf|power|powerspectr(um|a)|avrot|ctf[_-]?(diag|fit|image)\w*|"
        r"(ctffind\d?[_-])?diag(nostic)?([_-]\w+)?)"
        r"|diagnostic_output.*|(power[_-]?spectrum|ctffind)\d*",
        re.IGNORECASE,
    ),
    "gain or dark reference": re.compile(
        r"(.*[_-])?(gain|dark|flat)([_-]?(ref(erence)?|field))?([_-](x\d+|k[23]|falcon\w*|\d[\w.-]*))?"
        r"|(count|super|dark|gain)[_-]?ref([_-].*)?",
        re.IGNORECASE,
    ),
    "mask or defect map": re.compile(
        r"(.*[_-])?(mask|defects?([_-]?map)?|bad[_-]?pixels)([_-]x\d+)?", re.IGNORECASE
    ),
    "background or thumbnail": re.compile(
        r".*[_-](background(_estimate)?|thumb(nail)?|thumbnail_rms\w*|deconv)", re.IGNORECASE
    ),
}
# Folders in which Warp and others keep such files under the very names of the micrographs.
FOLDERS = {
    "powerspectrum": "power spectrum or CTF fit",
    "powerspectra": "power spectrum or CTF fit",
    "mask": "mask or defect map",
    "masks": "mask or defect map",
    "deconv": "background or thumbnail",
    "thumbnails": "background or thumbnail",
}
HIDDEN, BROKEN = "hidden file or folder", "broken link"
MOVIE, TWIN = "TIFF file of several pages (movie)", "copy of an MRC file in another format"
BESIDE, COLOR = "TIFF file beside MRC micrographs", "color image"


@dataclass(frozen=True)
class Found:
    """A file below a folder; ``left_out`` says why it is none of the micrographs, or nothing."""

    path: Path
    left_out: str = ""


def micrographs_below(folder: Path, without: Path | None = None, *, results: bool = True) -> Iterator[Path]:
    """Yield the micrographs of a folder, then those of its folders, to any depth.

    Parameters
    ----------
    folder : Path
        Where to look.
    without : Path, optional
        A folder that is not entered where it lies below ``folder``.
    results : bool
        Whether earlier results are wanted, too: to be looked at, not to be worked on.

    Yields
    ------
    Path
        Below ``folder`` as given. Names are in order, numbers by their value.
    """
    yield from (found.path for found in _walk(folder, without) if found.left_out in _wanted(results=results))


def left_out_below(paths: Iterable[Path], without: Path | None = None, *, results: bool = True) -> str:
    """Say in one line what `micrographs_below` leaves out of the folders among paths; empty for nothing."""
    reasons = Counter(
        found.left_out
        for folder in filter(Path.is_dir, paths)
        for found in _walk(folder, without)
        if found.left_out not in _wanted(results=results)
    )
    counted = ", ".join(f"{number:,} × {reason}" for reason, number in sorted(reasons.items()))
    return counted and f"left out below folders: {counted} (named one by one they are taken)"


def is_micrograph(entry: os.DirEntry[str]) -> bool:
    """Whether this is a micrograph by its name, and there."""
    return is_micrograph_name(entry.name) and _left_out(entry) in _wanted(results=True) and entry.is_file()


def entries(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    """Yield what is in a folder but for what is hidden, in no order; nothing where it may not be read."""
    yield from (entry for entry in _all(folder) if not _hidden(entry))


def natural(name: str) -> list[tuple[int, int, str]]:
    """Key for sorting with numbers by their value."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(part), part) if part[0] in "0123456789" else (1, 0, part) for part in parts]


def _walk(folder: Path, without: Path | None) -> Iterator[Found]:
    entered = {os.path.realpath(without)} if without else set()
    entered.discard(os.path.realpath(folder))
    waiting = [(folder, "")]
    while waiting:
        here, purpose = waiting.pop()
        if (real := os.path.realpath(here)) in entered:
            continue
        entered.add(real)
        inside = sorted(_all(here), key=lambda entry: natural(entry.name))
        folders = [entry for entry in inside if entry.is_dir()]
        yield from (Found(here / entry.name, HIDDEN) for entry in folders if _hidden(entry))
        files = [entry for entry in inside if is_micrograph_name(entry.name)]
        yield from (Found(here / entry.name, purpose or left_out) for entry, left_out in _by_format(files))
        waiting += [
            (here / entry.name, purpose or FOLDERS.get(entry.name.lower(), ""))
            for entry in reversed(folders)
            if not _hidden(entry)
        ]


def _wanted(*, results: bool) -> set[str]:
    return {"", EARLIER} if results else {""}


def _left_out(entry: os.DirEntry[str]) -> str:
    """Return why a file with the name of a micrograph is none, or nothing."""
    if _hidden(entry):
        return HIDDEN
    stem = stem_of(Path(entry.name))
    if purpose := next((why for why, names in PURPOSES.items() if names.fullmatch(stem)), ""):
        return purpose
    if _is_broken(entry):
        return BROKEN
    return EARLIER if stem.lower().endswith(RESULTS) else ""


def _by_format(inside: Iterable[os.DirEntry[str]]) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Yield the files of one folder, each with why it is none of the micrographs, or nothing."""
    files = [(entry, _left_out(entry)) for entry in inside if entry.is_file() or _is_broken(entry)]
    there = (Path(entry.name) for entry, _ in files if entry.is_file())
    plain = {stem_of(name) for name in there if is_mrc_name(name)}
    has_mrc = any(not why and not is_tiff(entry.name) for entry, why in files)
    for entry, why in files:
        if why or is_mrc_name(entry.name):
            yield entry, why
        elif stem_of(Path(entry.name)) in plain:
            yield entry, TWIN
        else:
            yield entry, _no_micrograph(Path(entry.path), has_mrc=has_mrc) if is_tiff(entry.name) else ""


def _no_micrograph(tiff: Path, *, has_mrc: bool) -> str:
    if has_mrc:
        return BESIDE
    return MOVIE if has_pages(tiff) else COLOR if is_color(tiff) else ""


def _hidden(entry: os.DirEntry[str]) -> bool:
    return entry.name.startswith(".")


def _is_broken(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() and not Path(entry.path).exists()


def _all(folder: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []

"""Which files are the two halves of one exposure, from their names alone.

Conventions: ``<name>_EVN``/``<name>_ODD`` and ``_even``/``_odd`` (MotionCor2, RELION,
AreTomo), folders ``even/<name>`` and ``odd/<name>`` (Warp), and the columns
``rlnMicrographNameEven``/``Odd`` of a RELION STAR file, and ``micrograph_blob_non_dw_AB`` of
cryoSPARC. Files are never paired by their order.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryoden.dataset.folder_walk import micrographs_below, natural
from cryoden.dataset.listed_files import halves_of, is_list
from cryoden.errors import HalvesError, printable
from cryoden.formats.names import stem_of

TAGGED = re.compile(r"(?P<stem>.+)[_-](?P<half>evn|even|odd)", re.IGNORECASE | re.DOTALL)
SHOWN = 5
CONVENTIONS = (
    "Name halves <name>_EVN.mrc and <name>_ODD.mrc, put them in folders even and odd, "
    "or give a RELION STAR file with rlnMicrographNameEven and rlnMicrographNameOdd, "
    "or a cryoSPARC .cs file with micrograph_blob_non_dw_AB; "
    "of movies cryoden halves makes halves, of micrographs of counted electrons cryoden thin"
)
Half = Literal["even", "odd"]
ONE = "Remove or rename one of them, or denoise them with --halves each"
Key = tuple[Path, str]  # folder of the exposure, and its name


@dataclass(frozen=True)
class HalfFiles:
    """The two files of one exposure; ``name`` has a folder where names alone are not unique."""

    name: str
    even: Path
    odd: Path

    @property
    def sections(self) -> tuple[int, int] | tuple[None, None]:
        """Which images of their files they are: cryoSPARC has both in one, A and B."""
        return (0, 1) if self.even == self.odd else (None, None)


def find_pairs(paths: Sequence[Path]) -> list[HalfFiles]:
    """Find pairs of halves among files and folders.

    Parameters
    ----------
    paths : sequence of Path
        Micrographs, lists of RELION or cryoSPARC, and folders, which are searched to their depth.
        Micrographs that are no half, such as the full sums beside them, are passed over.

    Returns
    -------
    list of HalfFiles
        Sorted by name, numbers by their value.

    Raises
    ------
    HalvesError
        ``D01`` when a path is missing or no half is found, ``D02`` when halves lack their
        partner, ``D07`` when two files claim to be the same half.
    """
    pairs, unmatched = pairs_and_unmatched(paths)
    if unmatched is not None:
        raise unmatched
    return pairs


def pairs_and_unmatched(paths: Sequence[Path]) -> tuple[list[HalfFiles], HalvesError | None]:
    """Return the complete pairs as `find_pairs` does, and what is to be said of halves without a partner.

    Raises
    ------
    HalvesError
        ``D01`` and ``D07`` as there; ``D02`` for files of a list that are not there.
    """
    halves = gathered(_claims(map(Path, paths), results=False))
    if not halves:
        raise _nothing(paths)
    return _pairs({key: pair for key, pair in halves.items() if len(pair) == 2}), _unmatched(halves)


def gathered(claims: Iterable[tuple[Key, Half, Path]]) -> dict[Key, dict[Half, Path]]:
    """Return the halves of each exposure, of which one may be missing.

    Raises
    ------
    HalvesError
        ``D07`` when two files claim to be the same half.
    """
    halves: dict[Key, dict[Half, Path]] = defaultdict(dict)
    for key, half, path in claims:
        known = halves[key].setdefault(half, path)
        if not _same_path(known, path):
            what = f"stands for the same half as {printable(known)}"
            raise HalvesError("D07", path, what, kept="No pair was made", fix=ONE)
    return halves


def complete_pairs(paths: Sequence[Path]) -> list[HalfFiles]:
    """Find the pairs whose two halves are there, for looking at them: whatever is amiss elsewhere.

    The same as `find_pairs` but for halves without a partner, which are passed over, and for
    files that stand for the same half, of which the first counts.
    """
    halves: dict[Key, dict[Half, Path]] = defaultdict(dict)
    for key, half, path in _claims(map(Path, paths), results=True):
        halves[key].setdefault(half, path)
    return _pairs({key: pair for key, pair in halves.items() if len(pair) == 2})


def _claims(paths: Iterable[Path], *, results: bool) -> Iterator[tuple[Key, Half, Path]]:
    """Yield every file that is a half: which exposure, which half, where."""
    for path in paths:
        if is_list(path):
            yield from _from_list(path)
        elif path.is_dir():
            yield from _from_names(micrographs_below(path, results=results))
        elif os.path.lexists(path):
            yield from _from_names([path])
        else:
            raise HalvesError("D01", path, "no such file or folder", fix="Check the path")


def _from_names(paths: Iterable[Path]) -> Iterator[tuple[Key, Half, Path]]:
    for path in paths:
        claim = claim_of(path)
        if claim:
            yield *claim, path


def claim_of(path: Path) -> tuple[Key, Half] | None:
    """Return from a path alone which exposure it is a half of, and which, if any."""
    folder = Path(os.path.abspath(path)).parent  # noqa: PTH100  # resolve() would follow links
    match = TAGGED.fullmatch(stem_of(path))
    by_name = half_of(match["half"]) if match else None
    by_folder = half_of(folder.name)
    half = by_name or by_folder
    if half is None:
        return None
    if by_folder == half:
        folder = folder.parent
    return (folder, match["stem"] if match else stem_of(path)), half


def half_of(word: str) -> Half | None:
    """Return which half a tag or the name of a folder stands for, if any."""
    halves: dict[str, Half] = {"evn": "even", "even": "even", "odd": "odd"}
    return halves.get(word.lower())


def _from_list(path: Path) -> Iterator[tuple[Key, Half, Path]]:
    """Yield the halves of a list."""
    missing: list[str] = []
    for row in halves_of(path):
        even, odd = row.files
        missing += dict.fromkeys(str(half) for half in row.files if not half.is_file())
        claim = claim_of(even)
        key = claim[0] if claim else (even.parent, stem_of(even))
        yield key, "even", even
        yield key, "odd", odd
    if missing:
        what = f"lists {len(missing):,} files that are not there: {_listed(missing)}"
        raise HalvesError("D02", path, what, kept="No pair was made", fix="Run it in the project's folder")


def _same_path(one: Path, other: Path) -> bool:
    return os.path.abspath(one) == os.path.abspath(other)  # noqa: PTH100  # as above


def _unmatched(halves: dict[Key, dict[Half, Path]]) -> HalvesError | None:
    alone = [path for pair in halves.values() if len(pair) == 1 for path in pair.values()]
    if not alone:
        return None
    count, whole = len(alone), len(halves) - len(alone)
    plural = "halves have" if count > 1 else "half has"
    names = _listed(sorted((path.name for path in alone), key=natural))
    what = f"{count:,} {plural} no partner: {names}; {whole:,} pairs are complete"
    fix = "Add the partners, or leave these out (train --skip-bad-pairs)"
    return HalvesError("D02", alone[0].parent, what, kept="No pair was made", fix=fix)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(printable(name) for name in names[:SHOWN])
    more = len(names) - SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown


def _pairs(halves: dict[Key, dict[Half, Path]]) -> list[HalfFiles]:
    names = _names(halves) if halves else {}
    found = [HalfFiles(names[key], pair["even"], pair["odd"]) for key, pair in halves.items()]
    return sorted(found, key=lambda pair: natural(pair.name))


def _names(halves: Iterable[Key]) -> dict[Key, str]:
    """Return the plain name of each exposure, with its folder where two share the name."""
    keys = list(halves)
    common = Counter(stem for _, stem in keys)
    root = os.path.commonpath([folder for folder, _ in keys])
    return {
        (folder, stem): stem if common[stem] == 1 else (folder.relative_to(root) / stem).as_posix()
        for folder, stem in keys
    }


def _nothing(paths: Sequence[Path]) -> HalvesError:
    asked = ", ".join(f"'{printable(path)}'" for path in paths[:SHOWN]) or "no path given"
    return HalvesError("D01", None, f"0 half-set pairs in {asked} (in {Path.cwd()})", fix=CONVENTIONS)

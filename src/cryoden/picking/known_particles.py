"""Micrographs on which one knows where particles are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cryoden.dataset import browse
from cryoden.dataset.companions import companions
from cryoden.dataset.half_checks import check_pairs
from cryoden.dataset.half_names import HalfFiles
from cryoden.dataset.listed_files import pixel_sizes
from cryoden.dataset.opening import open_pair, read_micrograph
from cryoden.errors import Remark
from cryoden.formats.names import stem_of
from cryoden.image.normalization import measure
from cryoden.io.mrc_windows import finite_window
from cryoden.micrograph import Micrograph, Pixels, Windowed
from cryoden.picking.micrograph_names import PicksByName, joined, movie_name
from cryoden.picking.picks import Picks, PicksError, fitted
from cryoden.picking.read_picks import read_all
from cryoden.settings.reading import ReadingSettings


@dataclass(frozen=True, eq=False)
class Annotated:
    """A micrograph, or two halves of one, its known particles, and what other programs made of it.

    Parameters
    ----------
    name : str
        For people.
    micrograph : Micrograph
        The mean of the halves, each z-scored, where there are some.
    halves : tuple of ndarray or None
        Even and odd pixels.
    known : Picks
        In its pixels.
    others : mapping of str to Micrograph
        By the program's name.
    """

    name: str
    micrograph: Micrograph
    halves: tuple[Pixels, Pixels] | None
    known: Picks
    others: Mapping[str, Micrograph]


@dataclass(frozen=True)
class AnnotatedFiles:
    """The files of an `Annotated`."""

    name: str
    files: HalfFiles | Path
    known: Picks
    others: Mapping[str, Path]
    reading: ReadingSettings | None
    sizes: Mapping[Path, float]
    flip_y: bool = False

    def read(self) -> Annotated:
        """Read the pixels.

        Raises
        ------
        CryodenError
            For files that cannot be used.
        """
        halves = None
        if isinstance(self.files, Path):
            micrograph = read_micrograph(self.files, self.reading, self.sizes.get(self.files))
        else:
            pair = open_pair(self.files, self.reading, self.sizes)
            check_pairs([pair])
            halves = _scored(pair.even), _scored(pair.odd)
            mean = np.asarray((halves[0] + halves[1]) / 2, np.float32)
            micrograph = Micrograph(mean, pair.even.pixel_size, self.name)
        known = fitted(self.known, micrograph.shape, micrograph.pixel_size)
        known = known.mirrored(micrograph.shape[0]) if self.flip_y else known
        return Annotated(self.name, micrograph, halves, known, self._others(micrograph))

    def _others(self, raw: Micrograph) -> dict[str, Micrograph]:
        found = {name: read_micrograph(path, self.reading) for name, path in self.others.items()}
        for one in found.values():
            if one.shape != raw.shape:
                sizes = " and ".join("×".join(map(str, each.shape)) for each in (one, raw))
                problem = f"has another size than {self.name} ({sizes} px)"
                raise PicksError("D05", one.path, problem, fix="Give the result uncropped and unbinned")
        return {name: replace(one, pixel_size=raw.pixel_size) for name, one in found.items()}


def annotated(
    paths: Sequence[Path],
    picks: Sequence[Path],
    others: Mapping[str, Sequence[Path]],
    reading: ReadingSettings | None,
    *,
    flip_y: bool = False,
) -> tuple[list[AnnotatedFiles], tuple[Remark, ...]]:
    """Find the micrographs that have picks in some files, and say which have none.

    Parameters
    ----------
    paths : sequence of Path
        Micrographs and half-set pairs: files, folders, lists. Of an exposure whose halves are there its sum
        is not looked at once more.
    picks : sequence of Path
        Files of coordinates, and folders of them.
    others : mapping of str to sequence of Path
        What other programs made of the micrographs, or of their sums.
    reading : ReadingSettings or None
        How to read the files.
    flip_y : bool
        Whether the files of coordinates count rows from the other edge.

    Raises
    ------
    PicksError
        ``K03`` when no micrograph has picks.
    CryodenError
        For files that cannot be read, or results that are missing.
    """
    there, known, sizes = browse.listing(paths), PicksByName(read_all(picks)), pixel_sizes(paths)
    pairs = {movie_name(Path(pair.name).name) for pair in there.pairs}
    exposures: list[tuple[str, HalfFiles | Path, Path]] = [
        (pair.name, pair, pair.even) for pair in there.pairs
    ]
    exposures += [(stem_of(file), file, file) for file in there.others if movie_name(file.name) not in pairs]
    found = {at: known.of(str(file)) for at, (_, _, file) in enumerate(exposures)}
    chosen = {at: joined(own) for at, own in found.items() if own}
    if not chosen:
        names = ", ".join(known.names[:3]) or "none"
        problem = f"picks of none of {len(exposures):,} micrographs (of {names} and others)"
        raise PicksError("K03", picks[0], problem, fix="Give the micrographs they are of, under their names")
    done = _results({at: Path(exposures[at][0]).name for at in chosen}, others)
    files = [
        AnnotatedFiles(exposures[at][0], exposures[at][1], own, done[at], reading, sizes, flip_y)
        for at, own in chosen.items()
    ]
    left = len(exposures) - len(chosen)
    words = f"{left:,} of {len(exposures):,} micrographs have no picks in these files and are left out"
    return files, (Remark("K09", words),) if left else ()


def _results(names: Mapping[int, str], others: Mapping[str, Sequence[Path]]) -> dict[int, dict[str, Path]]:
    """Return for each micrograph the files of other programs by the program's name."""
    found: dict[int, dict[str, Path]] = {at: {} for at in names}
    paths = {Path(name): name for name in names.values()}
    for program, files in others.items():
        of = companions(paths, files, program)
        for at, name in names.items():
            found[at][program] = of[Path(name)]
    return found


def _scored(half: Windowed) -> Pixels:
    return measure(half).apply(finite_window(half, 0, 0, *half.shape))

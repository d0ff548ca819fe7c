"""Two independent halves of one counted micrograph, by giving each electron to one of them.

Of Poisson counts, electrons sorted by the toss of a coin make two counts that are Poisson again
and independent (Kingman, 1993, Poisson Processes, the coloring theorem), with half the rate
each: what Noise2Noise needs (Lehtinen et al., 2018). Of anything else the same toss makes halves
that share noise, so what `cryoden.image.counting` does not find to be counts is refused.
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from cryoden.dataset.folder_walk import left_out_below
from cryoden.dataset.listed_files import pixel_sizes
from cryoden.dataset.opening import open_micrograph
from cryoden.dataset.output_paths import make_ready, results
from cryoden.errors import CryodenError, HalvesError
from cryoden.events.batch import BatchEvent, FileThinned
from cryoden.formats import writing
from cryoden.image.counting import CountingEvidence, count_test
from cryoden.io.atomic import atomic_write_pair
from cryoden.io.mrc_probe import probe
from cryoden.io.provenance import RELEASE
from cryoden.micrograph import HalfPair, Micrograph, Windowed
from cryoden.settings.reading import ReadingSettings
from cryoden.settings.tools import ThinningSettings
from cryoden.workflows.batch import alone, ending, in_turn

BAND = 256  # rows thinned at once
ENDINGS = ("_EVN", "_ODD")
MADE = ": half of the counts"


def thinned(micrograph: Windowed, seed: int = 0) -> HalfPair:
    """Split electron counts into two independent halves.

    Parameters
    ----------
    micrograph : Windowed
        ``(h, w)`` counts, or counts times a gain.
    seed : int
        The same seed, name and pixels give the same halves.

    Returns
    -------
    HalfPair
        Two `Micrograph` of ``(h, w)`` counts in memory. Of exact counts they sum to the
        original divided by its gain, of others to the nearest whole numbers.

    Raises
    ------
    HalvesError
        ``D13`` for pixels that are not independent counts, with the figure that says so.
    MicrographError
        When the file cannot be read.
    """
    return HalfPair(*_split(micrograph, _counted(micrograph).gain, seed))


def thin_files(
    paths: Sequence[Path],
    output: Path,
    settings: ThinningSettings,
    *,
    reading: ReadingSettings | None = None,
    overwrite: bool = False,
) -> Iterator[BatchEvent]:
    """Split files and folders of counted micrographs into halves, in a folder that mirrors their tree.

    ``<stem>.mrc`` gives ``<stem>_EVN.mrc`` and ``<stem>_ODD.mrc``, both or neither, with its
    header. Below folders, files that have such names already are passed over. A file that
    fails is named and skipped; see `cryoden.workflows.batch.in_turn`.

    Raises
    ------
    SettingsError
        D01 when there is no micrograph.
    OutputError
        O04 or D07 when results would replace an input or one another, O06 when the folder
        cannot be made.
    """
    evens, odds = (results(paths, output, ending, left_out=ENDINGS) for ending in ENDINGS)
    make_ready(evens)
    targets = {path: (even, odds[path]) for path, even in evens.items()}
    work = partial(
        _thin_file, settings=settings, reading=reading, overwrite=overwrite, sizes=pixel_sizes(paths)
    )
    yield from ending(in_turn(targets, work), left_out=left_out_below(paths, output, results=False))


def _thin_file(
    path: Path,
    targets: tuple[Path, Path],
    *,
    settings: ThinningSettings,
    reading: ReadingSettings | None,
    overwrite: bool,
    sizes: Mapping[Path, float],
) -> Generator[BatchEvent, None, None]:
    began = time.monotonic()
    overwrite = overwrite or _is_left_alone(*targets)
    with (
        alone(targets[0]),
        atomic_write_pair(*targets, overwrite=overwrite, inputs=[path]) as temporaries,
        open_micrograph(path, reading, sizes.get(path)) as micrograph,
    ):
        evidence = _counted(micrograph)
        halves = _split(micrograph, evidence.gain, settings.seed)
        label = f"cryoden {RELEASE}{MADE}, gain {evidence.gain:.6g}"
        for half, temporary in zip(halves, temporaries, strict=True):
            writing.write(
                temporary,
                half.data,
                pixel_size=half.pixel_size,
                like=path,
                label=f"{label}, seed {settings.seed}",
            )
    yield FileThinned(path, *targets, evidence, time.monotonic() - began)


def _is_left_alone(even: Path, odd: Path) -> bool:
    """Tell whether a killed process has left one half of a pair that it was about to make."""
    if os.path.lexists(even) or not odd.is_file():
        return False
    with suppress(CryodenError):
        return any(MADE in label for label in probe(odd).labels[-1:])
    return False


def _counted(micrograph: Windowed) -> CountingEvidence:
    evidence = count_test(micrograph)
    if evidence.problem:
        raise HalvesError(
            "D13",
            micrograph.path or micrograph.name,
            f"pixels are not independent electron counts: {evidence.problem}",
            kept="No halves were made",
            fix="Sum even and odd frames separately and give the two sums",
        )
    return evidence


def _split(micrograph: Windowed, gain: float, seed: int) -> Iterator[Micrograph]:
    """Toss for every count; micrographs of other names get other tosses from the same seed."""
    height, width = micrograph.shape
    numbers = np.random.default_rng((seed, zlib.crc32(micrograph.name.encode())))
    even, odd = np.empty((2, height, width), np.float32)
    for top in range(0, height, BAND):
        rows = slice(top, min(top + BAND, height))
        pixels = micrograph.window(top, 0, rows.stop - top, width).astype(np.float64)
        counts = np.rint(pixels / gain).astype(np.int64)
        even[rows] = numbers.binomial(counts, 0.5)
        odd[rows] = counts - even[rows]
    for tag, half in zip(ENDINGS, (even, odd), strict=True):
        yield Micrograph(half, micrograph.pixel_size, micrograph.name + tag)

"""The command that makes even, odd and full sums from movies.

As `cryoden.cli.flags`, it imports neither torch nor numpy before there is something to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from cryoden.cli.endings import DONE, FAILURES
from cryoden.cli.flags_runs import Paths, Reading
from cryoden.settings.flags import derived
from cryoden.settings.movies import MovieSettings


@dataclass(frozen=True)
class MovieHalves:
    """Make motion-corrected even, odd and full sums from movies.

    NAME.tif becomes NAME_EVN.mrc, NAME_ODD.mrc and NAME.mrc, with its shifts as STAR and SVG;
    micrographs.star lists them all. One shift for each frame, no local motion. See docs/movies.md.
      cryoden halves Movies/ --output sums/ --gain gain.mrc --dose 1.2 --pixel-size 0.83
      cryoden halves Import/job001/movies.star --output sums/ --gain gain.mrc --gain-turn relion:1,2
      cryoden halves eer/ --output sums/ --gain x.gain --dose 0.04 --group 30

    TIFF and EER need: pip install 'napari-cryoden[movies]'. Sums that exist are skipped.

    Movies that cannot be read are reported and skipped; the exit status is then 3.
    """

    paths: Annotated[
        Positional[Paths],
        arg(
            metavar="MOVIE...",
            help="Movies (MRC, TIFF, EER), folders of them, or RELION STAR files.",
            help_behavior_hint="",
        ),
    ]
    output: Annotated[Path, arg(metavar="FOLDER", help="Output folder.")]
    movies: Annotated[MovieSettings, derived(MovieSettings, "movies")]
    reading: Reading
    gain: Annotated[
        Path | None,
        arg(
            metavar="FILE",
            help="Gain reference that frames are multiplied by (MRC, TIFF, .gain); 0 in it marks a defect.",
            help_behavior_hint="(default: frames are corrected already)",
        ),
    ] = None
    defects: Annotated[
        Path | None,
        arg(
            metavar="FILE",
            help="Bad pixels: an image that is not 0 there, or text with x y width height in each line.",
            help_behavior_hint="",
        ),
    ] = None
    overwrite: Annotated[
        bool,
        arg(help="Overwrite sums made with other settings, or of an earlier movie.", help_behavior_hint=""),
    ] = False


def halves(asked: MovieHalves, *, as_json: bool) -> int:
    """Make the sums, and return the exit status."""
    from cryoden.cli import console  # noqa: PLC0415 - torch only where it is needed
    from cryoden.movies.halves import HalvesRequest, make_halves  # noqa: PLC0415 - the same

    request = HalvesRequest(asked.movies, asked.gain, asked.defects, asked.reading, asked.overwrite)
    ended = console.follow_batch(make_halves(asked.paths, asked.output, request), as_json=as_json)
    return FAILURES if ended.failed else DONE

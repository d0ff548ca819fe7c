"""The grammar of what denoises, on one device or several.

As `cryoden.cli.flags`, it imports neither torch nor numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from cryoden.cli.command_hosts import Denoising, ModelFile, Names
from cryoden.cli.flags_runs import Halves, Paths, Reading, Sharing
from cryoden.settings.flags import derived
from cryoden.settings.picking import PickingSettings
from cryoden.settings.tools import EvaluationSettings

Evaluation = Annotated[EvaluationSettings, derived(EvaluationSettings, "evaluation")]
Picking = Annotated[PickingSettings, derived(PickingSettings, "picking")]
Template = Annotated[
    Path | None,
    arg(
        metavar="FILE",
        help="Class averages (.mrcs, .mrcs.gz, .tif) to pick by, bright or dark, with their pixel size.",
        help_behavior_hint="",
    ),
]
FlipY = Annotated[
    bool,
    arg(
        help="Count rows of coordinates from the other edge, as some exports do.",
        help_behavior_hint="",
    ),
]
Micrographs = Annotated[
    Positional[Paths],
    arg(
        metavar="PATH...",
        help="MRC (.gz, .bz2) or TIFF files, folders of them, RELION STAR or cryoSPARC .cs files.",
        help_behavior_hint="",
    ),
]
OutputFolder = Annotated[Path, arg(metavar="FOLDER", help="Output folder.")]


@dataclass(frozen=True)
class Denoise:
    """Denoise micrographs with the general model, or with your own.

    NAME.mrc becomes NAME_denoised.mrc in the output folder, with the same header; NAME.tif becomes
    NAME_denoised.tif. The folder tree is kept, for folders and for lists of RELION and cryoSPARC, whose
    results micrographs_denoised.star or .cs lists.

    Of two halves their sum is denoised, which is better than each of them (docs/halves.md):
      cryoden denoise a_EVN.mrc a_ODD.mrc --output denoised     # denoised/a_denoised.mrc

    A tilt series, or micrographs in one file, and small results for a picker:
      cryoden denoise ts_01.mrc --output denoised --planes all
      cryoden denoise mics.star --output denoised --bin 4

    Existing results of the same model, settings and micrograph are skipped: to resume an
    interrupted batch, repeat the command.

    Files that cannot be denoised are reported and skipped; the exit status is then 3.

    On several GPUs, or on a cluster, with Dask (pip install 'napari-cryoden[cluster]'):
      cryoden denoise mics/ --output denoised --devices all
      cryoden denoise mics/ --output denoised --cluster slurm.yaml --jobs 8
    """

    paths: Micrographs
    output: OutputFolder
    denoising: Denoising
    reading: Reading
    workers: Sharing
    model: ModelFile = None
    halves: Annotated[
        Literal["sum", "each"],
        arg(
            help="Of two halves (NAME_EVN and NAME_ODD, folders even and odd): denoise their sum, into "
            "NAME_denoised, or each. Where the full sum is there, too, sum takes that."
        ),
    ] = "sum"
    names: Names = "added"
    contact_sheet: Annotated[
        Path | None,
        arg(
            metavar="FILE.png",
            help="At the end, one picture of raw beside denoised, of up to 40 results spread over the batch.",
            help_behavior_hint="",
        ),
    ] = None
    overwrite: Annotated[
        bool,
        arg(
            help="Overwrite results of other models or settings, or of an earlier micrograph.",
            help_behavior_hint="",
        ),
    ] = False
    watch: Annotated[
        bool,
        arg(
            help=(
                "Continue with micrographs that arrive, until a file named cryoden-stop is in the output "
                "folder, or Ctrl-C. Files that are still being written are waited for."
            ),
            help_behavior_hint="",
        ),
    ] = False


@dataclass(frozen=True)
class Evaluate:
    """Test whether denoised micrographs are trustworthy.

    Compares raw input, low-pass filters, a Wiener filter, models, and results of other programs.
      cryoden evaluate average/ --model mine.safetensors --report mine.html
      cryoden evaluate average/ --model a.safetensors --other topaz=by_topaz/

    Results of other programs are matched by name, as in m1_EVN.mrc and by_topaz/m1_EVN.mrc.

    With coordinates of particles: how well the same picker finds them on raw, filtered and denoised
    micrographs (docs/picking.md). Then single micrographs will do, too.
      cryoden evaluate mics/ --picks particles.star --diameter 150
    """

    evaluation: Evaluation
    picking: Picking
    reading: Reading
    workers: Sharing
    paths: Annotated[
        Positional[Paths],
        arg(
            metavar="PATH...",
            help="The same as --halves; with --picks, single micrographs as well.",
            help_behavior_hint="",
        ),
    ] = ()
    halves: Halves = ()
    model: Annotated[
        Paths,
        arg(
            metavar="FILE...",
            help="Model files to evaluate.",
            help_behavior_hint="(default: the general model)",
        ),
    ] = ()
    other: Annotated[
        tuple[str, ...],
        arg(
            metavar="NAME=PATH...",
            help="The same halves, denoised by another program.",
            help_behavior_hint="",
        ),
    ] = ()
    picks: Annotated[
        Paths,
        arg(
            metavar="PATH...",
            help="Coordinates of known particles: STAR, .cs, .box, .cbox, Topaz .txt, or folders of them.",
            help_behavior_hint="",
        ),
    ] = ()
    template: Template = None
    flip_y: FlipY = False
    truth: Annotated[
        Paths, arg(metavar="PATH...", help="Clean micrographs of simulated halves.", help_behavior_hint="")
    ] = ()
    figures: Annotated[
        Path | None, arg(metavar="FILE.json", help="Write all numbers to this file.", help_behavior_hint="")
    ] = None
    report: Annotated[
        Path | None, arg(metavar="FILE.html", help="Write a report to this file.", help_behavior_hint="")
    ] = None
    overwrite: Annotated[bool, arg(help="Replace files that exist.", help_behavior_hint="")] = False

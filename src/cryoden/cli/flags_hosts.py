"""The grammar of commands that other programs call, in their own words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from cryoden.cli.flags_from_settings import derived
from cryoden.cli.flags_runs import Reading
from cryoden.settings.denoising import DenoisingSettings

Denoising = Annotated[DenoisingSettings, derived(DenoisingSettings, "denoising")]
Names = Annotated[
    Literal["added", "replaced"],
    arg(
        help="In a STAR file of results: a column of their own, or the place of the micrographs in "
        "rlnMicrographName, which then have a column of their own."
    ),
]


@dataclass(frozen=True)
class Relion:
    """Denoise as an External job of RELION, called by RELION itself from the project's folder.

    External executable: cryoden relion. Input micrographs: the STAR file of a motion correction or
    of a CTF estimation. The flags below are parameter labels of the job; those of cryoden denoise
    serve as well.
      cryoden relion --o External/job012/ --in_mics CtfFind/job005/micrographs_ctf.star --j 8

    A job that continues does what is new and writes the list of results whole. See docs/relion.md.
    """

    o: Annotated[Path, arg(metavar="FOLDER", help="Folder of the job.")]
    in_mics: Annotated[Path, arg(metavar="STAR", help="Micrographs to denoise.")]
    denoising: Denoising
    reading: Reading
    j: Annotated[
        int,
        arg(
            metavar="N",
            help="Files read, and written, at once; 1 = what suits the device.",
            help_behavior_hint="",
        ),
    ] = 1
    model: Annotated[
        Path | None,
        arg(
            metavar="FILE",
            help="Model file to denoise with, or, with --train, to fine-tune.",
            help_behavior_hint="(default: the general model)",
        ),
    ] = None
    train: Annotated[
        Literal["no", "yes"],
        arg(help="Train on the even and odd micrographs of the STAR file first; the model is output."),
    ] = "no"
    minutes: Annotated[float, arg(metavar="MIN", help="How long to train.")] = 5.0
    names: Names = "replaced"
    pipeline_control: Annotated[
        Path | None, arg(metavar="FOLDER", help="Given by RELION: the same as --o.", help_behavior_hint="")
    ] = None

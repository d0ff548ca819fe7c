"""The grammar of what is about runs: training, patch pairs, the experiment, comparing, export, reports.

As `cryoden.cli.flags`, it imports neither torch nor numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg, subcommand

from cryoden.settings.baseline import BaselineSettings, ExportSettings, PatchSettings
from cryoden.settings.flags import derived
from cryoden.settings.reading import ReadingSettings
from cryoden.settings.workers import WorkerSettings

Reading = Annotated[ReadingSettings, derived(ReadingSettings, "reading")]
Patches = Annotated[PatchSettings, derived(PatchSettings, "patches")]
BaselineRun = Annotated[BaselineSettings, derived(BaselineSettings, "experiment")]
Exporting = Annotated[ExportSettings, derived(ExportSettings, "export")]
Sharing = Annotated[WorkerSettings, derived(WorkerSettings, "workers")]
Paths = tuple[Path, ...]
Halves = Annotated[
    Paths,
    arg(
        metavar="PATH...", help="Folders, files or lists (STAR, .cs) with both halves.", help_behavior_hint=""
    ),
]
Devices = Annotated[
    str,
    arg(
        metavar="LIST",
        help="GPUs that share each batch, one process each: all, or numbers as in 0,1.",
        help_behavior_hint="",
    ),
]
Workers = Annotated[
    int, arg(metavar="N", help="Processes on the processors of this machine that share each batch.")
]
Resume = Annotated[
    str,
    arg(
        metavar="RUN",
        help="Run folder to resume from its last checkpoint, with its own data and settings where none are "
        "given; auto: the folder of --run where it is there, else a new run.",
        help_behavior_hint="",
    ),
]
Force = Annotated[
    bool,
    arg(help="Resume a run even if its settings or data have changed.", help_behavior_hint=""),
]
Noisy = Annotated[
    Paths, arg(metavar="PATH...", help="Noisy micrographs, folders or files.", help_behavior_hint="")
]


@dataclass(frozen=True)
class BuildPatches:
    """Cut micrographs into pairs of patches, and write them as flat files.

    From single micrographs, the target is the micrograph scaled to 0–1, and the noisy patch is
    the target plus Poisson and Gaussian noise. Or from half-sets, or from noisy and target files.
    To resume an interrupted build, repeat the command.
    """

    out: Annotated[Path, arg(metavar="FOLDER", help="Output folder of the data set.")]
    patches: Patches
    reading: Reading
    workers: Sharing
    paths: Annotated[
        Positional[Paths],
        arg(metavar="PATH...", help="MRC or TIFF files, or folders of them.", help_behavior_hint=""),
    ] = ()
    halves: Halves = ()
    noisy: Noisy = ()
    target: Annotated[
        Paths, arg(metavar="PATH...", help="What they are compared with.", help_behavior_hint="")
    ] = ()


@dataclass(frozen=True)
class CheckPatches:
    """Read a data set of patch pairs once: checksums, alignment, contrast, changed micrographs.

    Exit status 3 if anything is wrong.
    """

    folder: Annotated[Positional[Path], arg(metavar="FOLDER", help="A data set.")]


@dataclass(frozen=True)
class PatchesInfo:
    """Show what a data set of patch pairs contains."""

    folder: Annotated[Positional[Path], arg(metavar="FOLDER", help="A data set.")]


@dataclass(frozen=True)
class PatchSets:
    """Data sets of patch pairs: build, check, info."""

    action: (
        Annotated[BuildPatches, subcommand("build")]
        | Annotated[CheckPatches, subcommand("check")]
        | Annotated[PatchesInfo, subcommand("info")]
    )


@dataclass(frozen=True)
class Baseline:
    """Run the baseline experiment on streamed patch pairs.

    The small network, plain gradient descent. DATA is a data set of patch pairs, or micrographs, from
    which pairs are made on the fly.
      cryoden baseline pairs/ --run runs/baseline

    A run that was stopped or killed continues as if it had never ended:
      cryoden baseline --resume runs/baseline
    """

    baseline: BaselineRun
    patches: Patches
    reading: Reading
    data: Annotated[
        Positional[Paths],
        arg(metavar="DATA...", help="A data set, or micrographs and folders.", help_behavior_hint=""),
    ] = ()
    run: Annotated[
        Path | None, arg(metavar="FOLDER", help="Run folder to create.", help_behavior_hint="")
    ] = None
    resume: Resume = ""
    force: Force = False


@dataclass(frozen=True)
class Compare:
    """Compare training runs, including runs of other programs.

    RUN is a run folder, a JSON or CSV file describing another program's run, or a built-in
    reference: experiment, climate.
      cryoden compare runs/baseline experiment --against experiment --batches 12 15

    Exit status 3 if a run misses a target.
    """

    runs: Annotated[
        Positional[tuple[str, ...]], arg(metavar="RUN...", help="Runs to compare.", help_behavior_hint="")
    ]
    against: Annotated[
        str | None,
        arg(
            metavar="RUN",
            help="Reference run: compare the particle band CC, else the final losses, with this one's.",
            help_behavior_hint="",
        ),
    ] = None
    within: Annotated[
        float,
        arg(
            metavar="PERCENT",
            help="How much higher than the reference's a final loss may be, or how much lower a CC.",
        ),
    ] = 10.0
    batches: Annotated[
        tuple[float, float] | None,
        arg(metavar="LOW HIGH", help="Expected batches per second.", help_behavior_hint=""),
    ] = None
    report: Annotated[
        Path | None,
        arg(metavar="FILE", help="Write a report to this file, .html or .md.", help_behavior_hint=""),
    ] = None
    overwrite: Annotated[bool, arg(help="Replace the page if it exists.", help_behavior_hint="")] = False


@dataclass(frozen=True)
class Export:
    """Export a run to check an implementation in another language with.

    Writes weights, the first batches, and the expected activations, gradients, losses and weights
    after one step, as flat float32 files with a plain-text index. See examples/fortran.
      cryoden export runs/baseline --format raw --out exported/
    """

    run: Annotated[Positional[Path], arg(metavar="RUN", help="A run folder of cryoden baseline.")]
    out: Annotated[Path, arg(metavar="FOLDER", help="Output folder.")]
    exporting: Exporting
    format: Annotated[
        Literal["raw"], arg(help="raw: flat little-endian float32 files.", help_behavior_hint="")
    ] = "raw"


@dataclass(frozen=True)
class Report:
    """Write the report of a run again, as Markdown and as one HTML page.

    Runs write it when they end; this is for runs that were killed.
    """

    runs: Annotated[Positional[Paths], arg(metavar="RUN...", help="Run folders.", help_behavior_hint="")]

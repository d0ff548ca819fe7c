"""The grammar of what is about runs: patch pairs, the experiment, comparing, handing over, reports.

As `cryoden.cli.flags`, it imports neither torch nor numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg, subcommand

from cryoden.cli.flags_from_settings import derived
from cryoden.settings.baseline import BaselineSettings, ExportSettings, PatchSettings
from cryoden.settings.reading import ReadingSettings

Reading = Annotated[ReadingSettings, derived(ReadingSettings, "reading")]
Patches = Annotated[PatchSettings, derived(PatchSettings, "patches")]
BaselineRun = Annotated[BaselineSettings, derived(BaselineSettings, "experiment")]
Exporting = Annotated[ExportSettings, derived(ExportSettings, "handover")]
Paths = tuple[Path, ...]
Halves = Annotated[
    Paths, arg(metavar="PATH...", help="Folders or MRC files with both halves.", help_behavior_hint="")
]
Noisy = Annotated[
    Paths, arg(metavar="PATH...", help="Noisy micrographs, folders or files.", help_behavior_hint="")
]


@dataclass(frozen=True)
class BuildPatches:
    """Cut micrographs into pairs of patches, and write them as flat files.

    From micrographs the target is the micrograph on a scale from 0 to 1, and the noisy patch is
    the target with Poisson and Gaussian noise. Or from halves, or from noisy and target files.
    What was stopped goes on when the same command is given again.
    """

    out: Annotated[Path, arg(metavar="FOLDER", help="Folder for the data set.")]
    patches: Patches
    reading: Reading
    paths: Annotated[
        Positional[Paths],
        arg(metavar="PATH...", help="MRC files, or folders of them.", help_behavior_hint=""),
    ] = ()
    halves: Halves = ()
    noisy: Noisy = ()
    target: Annotated[
        Paths, arg(metavar="PATH...", help="What they are compared with.", help_behavior_hint="")
    ] = ()


@dataclass(frozen=True)
class CheckPatches:
    """Read a data set of patch pairs once: checksums, alignment, contrast, changed micrographs.

    Exit status 3 when something is wrong with it.
    """

    folder: Annotated[Positional[Path], arg(metavar="FOLDER", help="A data set.")]


@dataclass(frozen=True)
class PatchesInfo:
    """Say what a data set of patch pairs holds."""

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
    """Run the baseline experiment: the small network, plain gradient descent, streamed patch pairs.

    DATA is a data set of patch pairs, or micrographs, of which pairs are made on the fly.
      cryoden baseline pairs/ --run runs/baseline
    """

    run: Annotated[Path, arg(metavar="FOLDER", help="Run folder to make.")]
    baseline: BaselineRun
    patches: Patches
    reading: Reading
    data: Annotated[
        Positional[Paths],
        arg(metavar="DATA...", help="A data set, or MRC files and folders.", help_behavior_hint=""),
    ] = ()


@dataclass(frozen=True)
class Compare:
    """Compare runs with one another, and with runs that files describe.

    RUN is a run folder, a JSON or CSV file that describes another program's run, or one that comes
    with this program: experiment, climate.
      cryoden compare runs/baseline experiment --against experiment --batches 12 15

    Exit status 3 when a run misses a target.
    """

    runs: Annotated[
        Positional[tuple[str, ...]], arg(metavar="RUN...", help="What is compared.", help_behavior_hint="")
    ]
    against: Annotated[
        str | None,
        arg(metavar="RUN", help="Judge the others by this run's final loss.", help_behavior_hint=""),
    ] = None
    within: Annotated[float, arg(metavar="PERCENT", help="How much higher a final loss may be.")] = 10.0
    batches: Annotated[
        tuple[float, float] | None,
        arg(metavar="LOW HIGH", help="Batches a second that are expected.", help_behavior_hint=""),
    ] = None
    report: Annotated[
        Path | None,
        arg(metavar="FILE", help="Write a page here, .html or .md.", help_behavior_hint=""),
    ] = None
    overwrite: Annotated[bool, arg(help="Replace the page if it exists.", help_behavior_hint="")] = False


@dataclass(frozen=True)
class Export:
    """Write numbers of a run that another program, in any language, can be written and checked with.

    Weights, the first batches, and the expected activations, gradients, losses and weights after
    a step, as flat files of float32 with an index in plain text. See examples/fortran.
      cryoden export runs/baseline --format raw --out handover/
    """

    run: Annotated[Positional[Path], arg(metavar="RUN", help="A run folder of cryoden baseline.")]
    out: Annotated[Path, arg(metavar="FOLDER", help="Folder to make.")]
    handover: Exporting
    format: Annotated[
        Literal["raw"], arg(help="raw: flat little-endian float32 files.", help_behavior_hint="")
    ] = "raw"


@dataclass(frozen=True)
class Report:
    """Write the report of a run anew, as Markdown and as one HTML page.

    A run that ends does so itself; this is for one that was killed.
    """

    runs: Annotated[Positional[Paths], arg(metavar="RUN...", help="Run folders.", help_behavior_hint="")]

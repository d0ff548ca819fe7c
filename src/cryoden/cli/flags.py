"""The grammar of the command line: what can be asked, in words a user reads with ``--help``.

Imports neither torch, numpy nor mrcfile: ``--help`` has to be instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg, subcommand

from cryoden.cli.flags_from_settings import derived
from cryoden.cli.flags_runs import Baseline, Compare, Export, Halves, Noisy, PatchSets, Paths, Reading, Report
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.tools import EvaluationSettings, SimulationSettings, ThinningSettings
from cryoden.settings.training import TrainingSettings

Training = Annotated[TrainingSettings, derived(TrainingSettings, "training")]
Denoising = Annotated[DenoisingSettings, derived(DenoisingSettings, "denoising")]
Thinning = Annotated[ThinningSettings, derived(ThinningSettings, "thinning")]
Simulating = Annotated[SimulationSettings, derived(SimulationSettings, "simulating")]
Evaluation = Annotated[EvaluationSettings, derived(EvaluationSettings, "evaluation")]
Micrographs = Annotated[
    Positional[Paths],
    arg(metavar="PATH...", help="MRC files, folders of them, or RELION STAR files.", help_behavior_hint=""),
]
Files = Annotated[
    Positional[Paths],
    arg(metavar="PATH...", help="MRC files, or folders of them.", help_behavior_hint=""),
]


@dataclass(frozen=True)
class Info:
    """Say what MRC files are, and which of them make pairs of halves.

    Size, pixel type, pixel size, what is odd, and how well halves correlate.
    """

    paths: Files
    reading: Reading


@dataclass(frozen=True)
class Train:
    """Train a network on your own micrographs and write it to a model file, or into a run folder.

    On halves (Noise2Noise): even and odd sums of one exposure, found by name.
      cryoden train --halves average/ --model apo.safetensors

    A run folder holds the model, all losses, and a report:
      cryoden train --halves average/ --run runs/apo

    Or supervised: noisy micrographs and what they should look like.
      cryoden train --noisy raw/ --target sums/ --model m.safetensors

    Ctrl-C stops and keeps the best model so far.
    """

    training: Training
    reading: Reading
    model: Annotated[Path | None, arg(metavar="FILE", help="Model file to write.", help_behavior_hint="")] = (
        None
    )
    run: Annotated[
        Path | None,
        arg(metavar="FOLDER", help="Run folder to make, in place of a model file.", help_behavior_hint=""),
    ] = None
    halves: Halves = ()
    noisy: Noisy = ()
    target: Annotated[
        Paths,
        arg(
            metavar="PATH...",
            help="What they are compared with: same number, names that differ by one tag.",
            help_behavior_hint="",
        ),
    ] = ()
    start: Annotated[
        Path | None,
        arg(metavar="MODEL", help="Go on from this model file, whatever begin says.", help_behavior_hint=""),
    ] = None
    overwrite: Annotated[bool, arg(help="Replace the model file if it exists.", help_behavior_hint="")] = (
        False
    )


@dataclass(frozen=True)
class Denoise:
    """Denoise micrographs with the general model, or with one of your own.

    NAME.mrc gives NAME_denoised.mrc in the output folder, with its header. Below folders, and
    for what a RELION STAR file lists (rlnMicrographName), the tree of folders is kept.

    Results that are there already are not made again when model, settings and micrograph are
    the same: give the same command once more to go on where it was stopped.

    Files that cannot be denoised are named and skipped; the exit status is 3.
    """

    paths: Micrographs
    output: Annotated[Path, arg(metavar="FOLDER", help="Folder for the results.")]
    denoising: Denoising
    reading: Reading
    model: Annotated[
        Path | None,
        arg(
            metavar="FILE",
            help="Model file to denoise with.",
            help_behavior_hint="(default: the general model)",
        ),
    ] = None
    overwrite: Annotated[
        bool,
        arg(
            help="Replace results of other models, other settings or earlier versions of a micrograph.",
            help_behavior_hint="",
        ),
    ] = False


@dataclass(frozen=True)
class Thin:
    """Split micrographs of counted electrons into halves to train on.

    NAME.mrc gives NAME_EVN.mrc and NAME_ODD.mrc: each electron goes to one of them by the
    toss of a coin. Right only for counts with independent noise; anything else is refused.

    Files that cannot be split are named and skipped; the exit status is 3.
    """

    paths: Micrographs
    out: Annotated[Path, arg(metavar="FOLDER", help="Folder for the halves.")]
    thinning: Thinning
    reading: Reading
    overwrite: Annotated[bool, arg(help="Replace halves that exist.", help_behavior_hint="")] = False


@dataclass(frozen=True)
class Simulate:
    """Write simulated exposures with a known truth.

    NAME_EVN.mrc and NAME_ODD.mrc in the output folder; below it full, clean (particles alone),
    clean_with_ice, and particles (coordinates and parameters). Without --structure each
    exposure shows its own random assembly.
    """

    output: Annotated[Path, arg(metavar="FOLDER", help="Folder for the files.")]
    simulating: Simulating
    structure: Annotated[
        Paths, arg(metavar="FILE...", help="PDB or mmCIF files of the particles.", help_behavior_hint="")
    ] = ()
    overwrite: Annotated[bool, arg(help="Replace files that exist.", help_behavior_hint="")] = False


@dataclass(frozen=True)
class Evaluate:
    """Say whether denoised micrographs can be believed, and are better than simple filters.

    Compares doing nothing, low-passes, a Wiener filter, models, and other programs' files.
      cryoden evaluate average/ --model mine.safetensors --report mine.html
      cryoden evaluate average/ --model a.safetensors --other topaz=by_topaz/

    Files of other programs hold the names of the raw halves, as in m1_EVN.mrc and by_topaz/m1_EVN.mrc.
    """

    evaluation: Evaluation
    reading: Reading
    paths: Annotated[
        Positional[Paths],
        arg(metavar="PATH...", help="Folders or MRC files with both halves.", help_behavior_hint=""),
    ] = ()
    halves: Annotated[
        Paths, arg(metavar="PATH...", help="The same, as for training.", help_behavior_hint="")
    ] = ()
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
            help="The same halves as another program denoised them.",
            help_behavior_hint="",
        ),
    ] = ()
    truth: Annotated[
        Paths, arg(metavar="PATH...", help="Clean micrographs of simulated halves.", help_behavior_hint="")
    ] = ()
    figures: Annotated[
        Path | None, arg(metavar="FILE.json", help="Write all figures here.", help_behavior_hint="")
    ] = None
    report: Annotated[
        Path | None, arg(metavar="FILE.html", help="Write a report to look at here.", help_behavior_hint="")
    ] = None
    overwrite: Annotated[bool, arg(help="Replace files that exist.", help_behavior_hint="")] = False


@dataclass(frozen=True)
class Demo:
    """Train and denoise on simulated micrographs, to see that everything works.

    Writes a model, the noisy micrographs and the denoised ones.
    """

    training: Training
    output: Annotated[Path, arg(metavar="FOLDER", help="Folder for the results.")] = Path("demo-output")


@dataclass(frozen=True)
class Cryoden:
    """Train a denoising network on cryo-EM micrographs, and denoise them.

    Start with `cryoden info FOLDER`, then `train`, then `denoise`, then `evaluate`.
    Without halves, `thin` makes some of counted micrographs.

    Exit status: 0 done, 1 error, 2 wrong usage, 3 with failures, 130 stopped.
    """

    command: (
        Annotated[Info, subcommand("info")]
        | Annotated[Train, subcommand("train")]
        | Annotated[Denoise, subcommand("denoise")]
        | Annotated[Thin, subcommand("thin")]
        | Annotated[Simulate, subcommand("simulate")]
        | Annotated[Evaluate, subcommand("evaluate")]
        | Annotated[PatchSets, subcommand("patches")]
        | Annotated[Baseline, subcommand("baseline")]
        | Annotated[Compare, subcommand("compare")]
        | Annotated[Export, subcommand("export")]
        | Annotated[Report, subcommand("report")]
        | Annotated[Demo, subcommand("demo")]
    )
    json: Annotated[
        FlagCreatePairsOff[bool],
        arg(help="Print one JSON object a line instead of text.", help_behavior_hint=""),
    ] = False

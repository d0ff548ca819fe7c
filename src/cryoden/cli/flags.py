"""The grammar of the command line: commands and flags, with the texts of ``--help``.

Imports neither torch, numpy nor mrcfile: ``--help`` has to be instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg, subcommand

from cryoden.cli.command_halves import MovieHalves
from cryoden.cli.command_hosts import Hosts
from cryoden.cli.command_pick import Pick
from cryoden.cli.flags_denoise import Denoise, Evaluate, Micrographs, OutputFolder
from cryoden.cli.flags_runs import (
    Baseline,
    Compare,
    Devices,
    Export,
    Force,
    Halves,
    Noisy,
    PatchSets,
    Paths,
    Reading,
    Report,
    Resume,
    Workers,
)
from cryoden.settings.flags import derived
from cryoden.settings.tools import SimulationSettings, ThinningSettings
from cryoden.settings.training import TrainingSettings

Training = Annotated[TrainingSettings, derived(TrainingSettings, "training")]
Thinning = Annotated[ThinningSettings, derived(ThinningSettings, "thinning")]
Simulating = Annotated[SimulationSettings, derived(SimulationSettings, "simulating")]
Files = Annotated[
    Positional[Paths],
    arg(
        metavar="PATH...",
        help="MRC (.gz, .bz2) or TIFF files, folders of them, or lists (STAR, .cs).",
        help_behavior_hint="",
    ),
]


@dataclass(frozen=True)
class Info:
    """List micrographs and half-set pairs in folders and lists.

    Shows size, pixel type, pixel size, dose, warnings, and how well halves correlate. Where a header has
    no pixel size, that of a list, of SerialEM's mdoc or of EPU's XML beside the file is taken and named.
    """

    paths: Files
    reading: Reading


@dataclass(frozen=True)
class Train:
    """Train a denoiser on your own micrographs.

    On half-sets (Noise2Noise): even and odd sums of each exposure, paired by name.
      cryoden train --halves average/ --model apo.safetensors

    Into a run folder, with the model, all losses and a report:
      cryoden train --halves average/ --run runs/apo

    Supervised: noisy micrographs and a cleaner reference of each.
      cryoden train --noisy raw/ --target sums/ --model m.safetensors

    On several GPUs, which share each batch: --devices all, or started by torchrun.

    Ctrl-C or SIGTERM stops the run and keeps the best model so far. A run folder is resumed, also after
    it was killed, as if it had never ended:
      cryoden train --resume runs/apo
    """

    training: Training
    reading: Reading
    model: Annotated[Path | None, arg(metavar="FILE", help="Model file to write.", help_behavior_hint="")] = (
        None
    )
    run: Annotated[
        Path | None,
        arg(metavar="FOLDER", help="Run folder to create, instead of a model file.", help_behavior_hint=""),
    ] = None
    halves: Halves = ()
    noisy: Noisy = ()
    target: Annotated[
        Paths,
        arg(
            metavar="PATH...",
            help="Reference micrographs for --noisy: same number, names that differ by one tag.",
            help_behavior_hint="",
        ),
    ] = ()
    fine_tune_from: Annotated[
        Path | None,
        arg(
            metavar="MODEL",
            help="Fine-tune this model file, regardless of --start-from.",
            help_behavior_hint="",
            aliases=["--start"],
        ),
    ] = None
    overwrite: Annotated[bool, arg(help="Replace the model file if it exists.", help_behavior_hint="")] = (
        False
    )
    devices: Devices = ""
    workers: Workers = 0
    resume: Resume = ""
    force: Force = False


@dataclass(frozen=True)
class Thin:
    """Split electron-counted micrographs into halves to train on.

    NAME.mrc becomes NAME_EVN.mrc and NAME_ODD.mrc: each electron is assigned to one of them at
    random. Valid only for counts with independent noise; anything else is refused.

    Files that cannot be split are reported and skipped; the exit status is then 3.
    """

    paths: Micrographs
    out: OutputFolder
    thinning: Thinning
    reading: Reading
    overwrite: Annotated[bool, arg(help="Replace halves that exist.", help_behavior_hint="")] = False


@dataclass(frozen=True)
class Simulate:
    """Simulate micrographs with a known ground truth.

    Writes NAME_EVN.mrc and NAME_ODD.mrc, and subfolders full, clean (particles only), clean_with_ice,
    and particles (coordinates and parameters). Without --structure each shows a random assembly.

    With --movies 24, movies of as many frames, with drift, and a list of them, movies.star:
      cryoden simulate --output sim/ --movies 24 --drift 15
      cryoden halves sim/movies.star --output sums/
    """

    output: OutputFolder
    simulating: Simulating
    structure: Annotated[
        Paths, arg(metavar="FILE...", help="PDB or mmCIF files of the particles.", help_behavior_hint="")
    ] = ()
    overwrite: Annotated[bool, arg(help="Replace files that exist.", help_behavior_hint="")] = False


@dataclass(frozen=True)
class Demo:
    """Train and denoise on simulated micrographs, as a check.

    Writes a model, the noisy micrographs and the denoised ones.
    """

    training: Training
    output: OutputFolder = Path("demo-output")


@dataclass(frozen=True)
class Cryoden:
    """Train a denoising network on cryo-EM micrographs, and denoise them.

    Start with `cryoden info FOLDER`, then `train`, then `denoise`, then `evaluate`. If you have no
    half-sets, `halves` makes them from movies, `thin` from electron-counted micrographs. `pick` finds
    particles on the results.

    Exit status: 0 done, 1 error, 2 wrong usage, 3 done with failures, 130 stopped (143 by SIGTERM).
    """

    command: (
        Annotated[Info, subcommand("info")]
        | Annotated[Train, subcommand("train")]
        | Annotated[Denoise, subcommand("denoise")]
        | Annotated[Thin, subcommand("thin")]
        | Annotated[MovieHalves, subcommand("halves")]
        | Annotated[Simulate, subcommand("simulate")]
        | Annotated[Evaluate, subcommand("evaluate")]
        | Annotated[Pick, subcommand("pick")]
        | Annotated[PatchSets, subcommand("patches")]
        | Annotated[Baseline, subcommand("baseline")]
        | Annotated[Compare, subcommand("compare")]
        | Annotated[Export, subcommand("export")]
        | Annotated[Report, subcommand("report")]
        | Hosts
        | Annotated[Demo, subcommand("demo")]
    )
    json: Annotated[
        FlagCreatePairsOff[bool],
        arg(help="Print one JSON object per line instead of text.", help_behavior_hint=""),
    ] = False

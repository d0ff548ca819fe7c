"""What other programs of the field call, or are shown: jobs of RELION, in its words, and of cryoSPARC.

As `cryoden.cli.flags`, it imports neither torch nor numpy before there is something to do.
"""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import arg, subcommand

from cryoden.cli.endings import DONE, FAILURES, SIGNALS, say
from cryoden.cli.flags_runs import Reading, Sharing
from cryoden.errors import SettingsError
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.flags import derived
from cryoden.settings.training import TrainingSettings
from cryoden.settings.workers import WorkerSettings

if TYPE_CHECKING:
    from cryoden.cli.flags import Train
    from cryoden.hosts.relion import RelionRequest

Denoising = Annotated[DenoisingSettings, derived(DenoisingSettings, "denoising")]
ModelFile = Annotated[
    Path | None,
    arg(
        metavar="FILE",
        help="Model file to denoise with.",
        help_behavior_hint="(default: the general model)",
    ),
]
Names = Annotated[
    Literal["added", "replaced"],
    arg(
        help="In a list of results: a column of their own, or the place of the micrographs in "
        "rlnMicrographName or micrograph_blob, which then have a column of their own."
    ),
]


@dataclass(frozen=True)
class Relion:
    """Denoise as an External job of RELION, which calls this.

    External executable: cryoden relion, run from the project's folder. Input micrographs: the STAR
    file of a motion correction or of a CTF estimation. The flags below are parameter labels of the
    job; those of cryoden denoise serve as well.
      cryoden relion --o External/job012/ --in_mics CtfFind/job005/micrographs_ctf.star --j 8

    A job that continues does what is new and writes the list of results whole; a training that was
    aborted or killed is resumed. See docs/relion.md.
    """

    o: Annotated[Path, arg(metavar="FOLDER", help="Folder of the job.")]
    in_mics: Annotated[Path, arg(metavar="STAR", help="Micrographs to denoise.")]
    denoising: Denoising
    reading: Reading
    workers: Sharing
    gpu: Annotated[
        str,
        arg(
            metavar="LIST", help="As --devices, under the name that RELION has for it.", help_behavior_hint=""
        ),
    ] = ""
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


@dataclass(frozen=True)
class Cryosparc:
    """Denoise as an External job of cryoSPARC, which this makes.

    Results go into the job's folder: run it where the project's folder can be written. Needs
    cryosparc-tools: pip install napari-cryoden[cryosparc]. Log in once, as for all its scripts:
      python -m cryosparc.tools login --url http://cryoem:39000
      cryoden cryosparc --host cryoem --project P3 --workspace W1 --input J5.exposures

    Without a login: CRYOSPARC_EMAIL and CRYOSPARC_PASSWORD. See docs/cryosparc.md.
    """

    project: Annotated[str, arg(metavar="P3", help="Project.")]
    workspace: Annotated[str, arg(metavar="W1", help="Workspace of the job.")]
    input: Annotated[str, arg(metavar="J5.OUTPUT", help="Job and its output of exposures to denoise.")]
    denoising: Denoising
    reading: Reading
    host: Annotated[str, arg(metavar="HOST", help="Where cryoSPARC runs, or its whole URL.")] = "localhost"
    port: Annotated[int, arg(metavar="PORT", help="Its base port; not used with a URL.")] = 39000
    project_folder: Annotated[
        Path | None,
        arg(
            metavar="FOLDER",
            help="Folder of the project on this machine.",
            help_behavior_hint="(default: the same as there)",
        ),
    ] = None
    model: ModelFile = None


Hosts = Annotated[Relion, subcommand("relion")] | Annotated[Cryosparc, subcommand("cryosparc")]


def cryosparc(asked: Cryosparc, *, as_json: bool) -> int:
    """Make the job, do it, and return the exit status."""
    from cryoden.cli import console  # noqa: PLC0415 - torch only where it is needed
    from cryoden.hosts.cryosparc import CryosparcRequest, ExternalJob, KilledError, connected  # noqa: PLC0415
    from cryoden.workflows.denoise_micrographs import BatchRequest  # noqa: PLC0415 - torch only where it is needed

    source, dot, output = asked.input.partition(".")
    if not (source and dot and output):
        problem = f"--input {asked.input} is no output of a job"
        raise SettingsError("S03", None, problem, fix="For example --input J5.exposures")
    url = asked.host if "://" in asked.host else f"http://{asked.host}:{asked.port}"
    session = connected(url, os.environ.get("CRYOSPARC_EMAIL"), os.environ.get("CRYOSPARC_PASSWORD"))
    request = CryosparcRequest(asked.project, asked.workspace, source, output, asked.project_folder)
    job = ExternalJob(session, request)
    batch = BatchRequest(
        asked.model or GENERAL, asked.denoising, asked.reading, overwrite=True
    )  # its own folder
    try:
        with job.running():
            ended = console.follow_batch(job.denoised(batch), as_json=as_json)
    except KilledError:
        say(f"Killed in cryoSPARC: {job.name}")
        return SIGNALS.exit_status
    return FAILURES if ended.failed else DONE


def relion(asked: Relion, *, as_json: bool) -> int:
    """Do the job, and return the exit status."""
    from cryoden.cli import console  # noqa: PLC0415 - torch only where it is needed
    from cryoden.hosts.relion import RelionRequest, announce, denoised_in  # noqa: PLC0415 - the same
    from cryoden.hosts.relion_job import AbortedError, RelionJob  # noqa: PLC0415 - the same
    from cryoden.workflows.denoise_micrographs import BatchRequest  # noqa: PLC0415 - the same
    from cryoden.workflows.lanes import Lanes  # noqa: PLC0415 - the same

    job = RelionJob(asked.o)
    request = RelionRequest(job, asked.in_mics, asked.names)
    try:
        with job.running() as failures:
            model = _model(asked, request, as_json=as_json)
            batch = BatchRequest(model, asked.denoising, asked.reading, overwrite=True)  # its own folder
            lanes = Lanes(asked.j, asked.j) if asked.j > 1 else None
            events = job.until_aborted(denoised_in(request, batch, lanes, _workers(asked)))
            ended = console.follow_batch(events, as_json=as_json)
            announce(request)
            failures.extend(map(str, ended.failed))
    except AbortedError:
        say("Aborted by RELION; to do what is left, continue the job")
        return SIGNALS.exit_status
    return FAILURES if failures else DONE


def _workers(asked: Relion) -> WorkerSettings:
    """Return who denoises; a list of GPUs has two names."""
    if asked.gpu and asked.workers.devices:
        raise SettingsError("S03", None, "--gpu and --devices were given", fix="Give one of them")
    return replace(asked.workers, devices=asked.gpu) if asked.gpu else asked.workers


def _model(asked: Relion, request: RelionRequest, *, as_json: bool) -> Path:
    """Return the model to denoise with, trained first where that is wanted."""
    if asked.train == "no":
        return asked.model or GENERAL
    if not request.trained.is_file():
        _train(asked, request, as_json=as_json)
    return request.trained


def _train(asked: Relion, request: RelionRequest, *, as_json: bool) -> None:
    """Train as `cryoden train` does, on all devices of the job; what an earlier start began is resumed."""
    from cryoden.cli import command_train, show_training  # noqa: PLC0415 - torch only where it is needed
    from cryoden.hosts.relion import keep_model, run_of  # noqa: PLC0415 - the same
    from cryoden.runs.record import read  # noqa: PLC0415 - the same

    run, is_begun = run_of(request, say)
    if not is_begun or not read(run.path).is_over:
        wanted, stop = _training(asked, run.path, is_begun=is_begun), Event()
        with (
            command_train.together(wanted) as (ranks, own),
            closing(command_train.training(own, stop, ranks)) as events,
        ):
            running = request.job.until_aborted(events, stop)
            show_training.follow_training(running, as_json=as_json, stop=stop)
    keep_model(request, run)


def _training(asked: Relion, run: Path, *, is_begun: bool) -> Train:
    """Return what `cryoden train` is asked; another length than an earlier start had is taken for meant."""
    from cryoden.cli.flags import Train  # noqa: PLC0415 - it knows this module
    from cryoden.training.micrographs import CPU_BATCH  # noqa: PLC0415 - torch only where it is needed

    workers = _workers(asked)
    shared: dict[str, Any] = {
        "training": TrainingSettings(minutes=asked.minutes, device=asked.denoising.device),
        "reading": asked.reading,
        "devices": workers.devices,
        "workers": 0 if workers.devices else min(workers.workers, CPU_BATCH),  # which they share
    }
    if is_begun:
        return Train(**shared, resume=str(run), force=_minutes(run) != asked.minutes)
    return Train(**shared, run=run, halves=(asked.in_mics,), fine_tune_from=asked.model)


def _minutes(run: Path) -> float | None:
    from cryoden.runs.record import read  # noqa: PLC0415 - numpy only where it is needed

    return getattr(read(run).started.settings, "minutes", None)

"""The command RELION calls; whatever happens, the job's folder says how it ended."""

from __future__ import annotations

from pathlib import Path

from cryoden.cli import console, show_training
from cryoden.cli.endings import DONE, FAILURES, say
from cryoden.cli.flags_hosts import Relion
from cryoden.cli.stop_signals import SIGNALS
from cryoden.hosts.relion import RelionRequest, announce, denoised_in, trained_in
from cryoden.hosts.relion_job import AbortedError, RelionJob
from cryoden.model.general import GENERAL
from cryoden.settings.training import TrainingSettings
from cryoden.workflows.denoise_micrographs import BatchRequest
from cryoden.workflows.lanes import Lanes


def relion(asked: Relion, *, as_json: bool) -> int:
    """Do the job, and return the exit status."""
    job = RelionJob(asked.o)
    request = RelionRequest(job, asked.in_mics, asked.names)
    try:
        with job.running() as failures:
            model = _model(asked, request, as_json=as_json)
            batch = BatchRequest(model, asked.denoising, asked.reading)
            lanes = Lanes(asked.j, asked.j) if asked.j > 1 else None
            events = job.until_aborted(denoised_in(request, batch, lanes))
            ended = console.follow_batch(events, as_json=as_json)
            announce(request)
            failures.extend(map(str, ended.failed))
    except AbortedError:
        say("Aborted by RELION; to do what is left, continue the job")
        return SIGNALS.exit_status
    return FAILURES if failures else DONE


def _model(asked: Relion, request: RelionRequest, *, as_json: bool) -> Path:
    """Return the model to denoise with, trained first where that is wanted."""
    if asked.train == "no":
        return asked.model or GENERAL
    if not request.trained.is_file():
        settings = TrainingSettings(minutes=asked.minutes, device=asked.denoising.device)
        events = request.job.until_aborted(trained_in(request, settings, asked.model))
        show_training.follow_training(events, as_json=as_json)
    return request.trained

"""Denoising as an External job of a running cryoSPARC, through cryosparc-tools.

Results are written into the job's folder, so that the project's folder must be mounted here. Contract:
cryosparc-tools 5.0 (``cryosparc/controllers/job.py``); outputs can be saved between start and stop only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cryoden.dataset.listed_files import cs_listing
from cryoden.errors import CryodenError, HostError, in_words
from cryoden.events.batch import BatchEvent, FileFailed, FileFinished, FileSkipped
from cryoden.events.closing import closed
from cryoden.hosts.cryosparc_lists import DENOISED, NAME, denoised_columns
from cryoden.io.atomic import atomic_write
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files
from cryoden.workflows.lanes import Lanes

INPUT, SLOT, TYPE = "exposures", "micrograph_blob", "exposure"
LISTED = "input_exposures.cs"
TITLE = "Denoise micrographs (cryoden)"
LONGEST = 300  # letters of what cryoSPARC answers
ALIVE = {"running", "waiting"}


@dataclass(frozen=True)
class CryosparcRequest:
    """Which exposures of a project, and where the job is made.

    Parameters
    ----------
    project, workspace : str
        Such as ``P3`` and ``W1``.
    source, output : str
        The job that has the exposures, such as ``J5``, and the name of its output.
    folder : Path or None
        The project's folder on this machine, where it is not that of cryoSPARC's own.
    """

    project: str
    workspace: str
    source: str
    output: str
    folder: Path | None = None


class KilledError(Exception):
    """The job was killed, or cleared, in cryoSPARC."""


def connected(url: str, email: str | None, password: str | None) -> Any:
    """Return a session of cryosparc-tools; without a password that of ``python -m cryosparc.tools login``.

    Raises
    ------
    HostError
        H01 when cryosparc-tools are not installed or cryoSPARC does not answer.
    """
    try:
        from cryosparc.tools import CryoSPARC  # noqa: PLC0415  an extra
    except ImportError:
        fix = "Install napari-cryoden[cryosparc]"
        raise HostError("H01", None, "cryosparc-tools are not installed", fix=fix) from None
    fix = "Check host and port, and log in with python -m cryosparc.tools login"
    with _asking("H01", fix):
        return CryoSPARC(url, host=None, base_port=None, email=email, password=password)


class ExternalJob:
    """An External job: exposures are its input, and the same with denoised micrographs its output.

    Parameters
    ----------
    cryosparc : CryoSPARC
        A session, see `connected`.
    request : CryosparcRequest
        What to denoise.

    Raises
    ------
    HostError
        H02 when cryoSPARC refuses: no such project, job or output; H03 when the project's folder is not
        there.
    """

    def __init__(self, cryosparc: Any, request: CryosparcRequest) -> None:
        with _asking("H02", "Check project, workspace, job and output"):
            project = cryosparc.find_project(request.project)
            root = request.folder or Path(str(project.dir))
            if not root.is_dir():
                fix = "Run it where the project is mounted, or pass --project-folder"
                raise HostError(
                    "H03", root, "the project's folder is not there", kept="No job was made", fix=fix
                )
            _refuse_missing(project.find_job(request.source).model, request.output)
            self._job = project.create_external_job(request.workspace, title=TITLE)
            self._job.connect(INPUT, request.source, request.output, slots=[SLOT])
            slots = [{"name": DENOISED, "dtype": SLOT}]
            self._job.add_output(TYPE, NAME, slots, passthrough=INPUT, title="Denoised micrographs")
        self.folder = root / self._job.model.job_dir

    @property
    def name(self) -> str:
        """Such as ``P3 J12``."""
        return f"{self._job.project_uid} {self._job.uid}"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Mark the job as running, and at its end as completed, or as failed with one line why.

        Raises
        ------
        HostError
            H02 when cryoSPARC refuses.
        """
        with _asking("H02"):
            self._job.start("running")
        try:
            yield
        except KilledError:
            raise
        except BaseException as error:
            words = in_words(error) if isinstance(error, Exception) else "stopped"
            with suppress(Exception):  # cryoSPARC that is gone must not hide why the job ended
                self._job.stop(error=words)
            raise
        with _asking("H02"):
            self._job.stop()

    def denoised(self, batch: BatchRequest, lanes: Lanes | None = None) -> Iterator[BatchEvent]:
        """Denoise the exposures of the input into the job's folder, and save the output; see `denoise_files`.

        Those without a result are no rows of the output, and have a warning in the job's log.

        Raises
        ------
        KilledError
            When the job is killed in cryoSPARC.
        CryodenError
            See `cryoden.workflows.denoise_micrographs.denoise_files`; H02 when cryoSPARC refuses, or there is
            no result at all.
        """
        listed = self.folder / LISTED
        with _asking("H02"):
            exposures = self._job.load_input(INPUT, slots="all")
        with atomic_write(listed, overwrite=True) as part:
            exposures.save(part)
        done: dict[Path, Path] = {}
        for event in self._until_killed(denoise_files([listed], self.folder, batch, lanes)):
            if isinstance(event, FileFinished | FileSkipped):
                done[event.path] = event.output
            elif isinstance(event, FileFailed):
                self._say(event.message)
            yield event
        self._save(listed, done)

    def _save(self, listed: Path, done: Mapping[Path, Path]) -> None:
        if not done:
            raise HostError("H02", None, "no micrograph has a result", kept="No output was saved")
        found = cs_listing(listed)
        there = np.array([file in done for file in found.files])
        columns = denoised_columns(found, done, self.folder)
        with _asking("H02"):
            output = self._job.alloc_output(NAME, found.table.rows["uid"][there])
            for name in columns.keys() & _fields(output):
                output[f"{DENOISED}/{name}"] = _plain(columns[name][there])
            self._job.save_output(NAME, output)

    def _until_killed(self, events: Iterable[BatchEvent]) -> Iterator[BatchEvent]:
        with closed(events):
            for event in events:
                self._check(event)
                yield event

    def _check(self, event: BatchEvent) -> None:
        status = "running"
        if isinstance(event, FileFinished):
            with suppress(Exception):  # cryoSPARC may be back when the output is saved
                status = self._job.refresh().status
        if status not in ALIVE:
            raise KilledError

    def _say(self, words: str) -> None:
        with suppress(Exception):  # a line that is not in the log is no reason to lose results
            self._job.log(words, level="warning")


def _refuse_missing(source: Any, output: str) -> None:
    """Refuse an output that a job does not have, before a job is made for it."""
    known = source.spec.outputs.root
    if output not in known:
        problem = f"{source.uid} has no output {output} (found: {', '.join(known) or 'none'})"
        raise HostError("H02", None, problem, kept="No job was made", fix="Give one of its outputs")


def _fields(output: Any) -> set[str]:
    return {field.partition("/")[2] for field in output.fields() if field.startswith(f"{DENOISED}/")}


def _plain(values: Any) -> Any:
    """Return names as texts, which is what cryosparc-tools keep in memory."""
    return [os.fsdecode(value) for value in values.tolist()] if values.dtype.kind == "S" else values


@contextmanager
def _asking(code: str, fix: str = "Look at the job in cryoSPARC, and start again") -> Iterator[None]:
    """Make one line of whatever cryosparc-tools raise."""
    try:
        yield
    except CryodenError:
        raise
    except Exception as error:
        words = " ".join(str(error).split())[:LONGEST] or type(error).__name__
        raise HostError(code, None, f"cryoSPARC: {words}", kept="Nothing was saved there", fix=fix) from error

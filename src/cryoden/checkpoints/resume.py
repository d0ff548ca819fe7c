"""What a run folder holds to resume its run from, and whether that may be done."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryoden.checkpoints.differences import changed_settings, refuse
from cryoden.checkpoints.kept_checkpoints import Checkpoints
from cryoden.checkpoints.run_data import RunData, read_data
from cryoden.compute import devices
from cryoden.errors import CryodenError, OutputError, RunError, SettingsError, TrainingError, printable
from cryoden.events.training import PhaseStarted, TrainingState
from cryoden.model.checkpoint import Model
from cryoden.runs import report
from cryoden.runs.folder import KINDS, RunFolder
from cryoden.runs.keeper import Earlier
from cryoden.runs.record import RunRecord, read
from cryoden.runs.reservation import in_use, reclaim, seconds_of_silence
from cryoden.settings.baseline import BaselineSettings
from cryoden.settings.training import TrainingSettings
from cryoden.training.engines import part

POLL = 1.0  # s between two looks at whether a run is still running


@dataclass(frozen=True, eq=False)
class Resumable:
    """A run that can be resumed.

    Parameters
    ----------
    record : RunRecord
        What it says of itself.
    state : TrainingState
        The latest whole one.
    notes : tuple of str
        What is odd about it.
    """

    record: RunRecord
    state: TrainingState
    notes: tuple[str, ...]

    @property
    def folder(self) -> RunFolder:
        """Where it lies."""
        return self.record.folder

    def settings(self) -> TrainingSettings | BaselineSettings:
        """Return its settings, with a device that is there."""
        then = self.record.started.settings
        return replace(then, device=there(then.device))

    def data(self) -> RunData:
        """Return which files it learns from; errors as of `cryoden.checkpoints.run_data.read_data`."""
        return read_data(self.folder.checkpoints)

    def start(self) -> Model | None:
        """Return the model it was fine-tuned from, as far as a run needs it; ``None`` for none."""
        if not self.state.values["engine"].get("fine_tuned"):
            return None
        known = self.record.started
        weights = part("start", self.state.arrays)
        return Model(known.settings.network, weights, known.pixel_size, {}, known.working_pixel)

    def earlier(self, settings: Any, data: RunData, *, force: bool) -> Earlier:
        """Return what the run continues with these settings and data.

        Raises
        ------
        TrainingError
            T17 for settings or data that differ and are not forced, T18 for a run that is over.
        """
        differences = changed_settings(self.record.started.settings, settings) + self.data().differences(data)
        if not differences:
            self.refuse_finished()
        forced = refuse(self.folder.path, differences, force=force)
        return Earlier.of(self.record.about, self.state, (*self.notes, *forced))

    def refuse_finished(self) -> None:
        """Raise T18 for a run that came to its end, which has its report now, if it was killed before it."""
        if self.record.is_over:
            with suppress(CryodenError):  # which is no reason to resume it
                report.completed(self.folder)
            fix = "To train longer, give more epochs or minutes, and --force"
            problem = f"is finished, nothing is left to resume. {self.record.message}"
            raise TrainingError("T18", self.folder.path, problem, fix=fix)


def there(device: str) -> str:
    """Return a device that a run has recorded, or "auto" where it is not there any more."""
    try:
        devices.named(device)
    except SettingsError:
        return "auto"
    return device


def resumable(run: Path, settings: type, *, leads: bool = True) -> Resumable:
    """Return what a run is resumed from.

    Parameters
    ----------
    run : Path
        Its folder.
    settings : type
        The class its settings have to be of.
    leads : bool
        Whether this is the process that reports and saves; the others only read.

    Raises
    ------
    RunError
        R01 to R03 for a folder without a run, R04 for one without a whole checkpoint, R05 for a run that
        is running, R06 for one of another command.
    """
    record = read(run)
    kind = type(record.started.settings)
    if kind is not settings:
        commands = {"training": "cryoden train", "baseline": "cryoden baseline"}
        command = commands[KINDS[kind]]
        raise RunError("R06", run, f"is a run of {command}", fix=f"Resume it with {command} --resume")
    if leads:
        refuse_running(record)
    state, notes = Checkpoints(record.folder.checkpoints).newest()
    try:
        Earlier.of(record.about, state)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(
            "R04", record.folder.checkpoints, f"incomplete: {error}", kept="It was not used"
        ) from None
    return Resumable(record, state, notes)


def refuse_running(record: RunRecord) -> None:
    """Raise R05 for a run that lives, on this host or on another."""
    if record.state == "running":
        process = record.about["process"]
        silence = seconds_of_silence(record.folder.heartbeat)
        seen = "" if silence is None else f", last sign of life {silence:.0f} s ago"
        who = f"process {process['pid']} on {printable(str(process['host']))}{seen}"
        raise in_use(record.folder.path, who)


def wait_until_free(run: Path) -> Iterator[PhaseStarted]:
    """Wait for a run to end, or for its last sign of life to be long ago: a job is often put back at once."""
    said = False
    while RunFolder(run).record.is_file() and read(run).state == "running":
        if not said:
            yield PhaseStarted("waiting for another process, which has this run, to end")
            said = True
        time.sleep(POLL)


def continues(run: Path) -> bool:
    """Return whether a run folder is resumed where it is there; one that holds nothing yet is made again.

    What a run has left that was killed before its first state was written is removed.

    Raises
    ------
    RunError
        R04 for a run that has learned something and has no checkpoint.
    """
    folder = RunFolder(run)
    if Checkpoints(folder.checkpoints).paths():
        return True
    if not os.path.lexists(folder.record):
        return False
    last = read(run).about["last"]
    if folder.model.is_file() or (last or {}).get("epoch"):
        fix = "Choose another folder"
        raise RunError(
            "R04", run, "no checkpoint: this run cannot be resumed", kept="It is untouched", fix=fix
        )
    delete(run)
    return False


def delete(run: Path) -> None:
    """Remove a run, and its folder when nothing else is in it.

    Raises
    ------
    RunError
        R05 when a process has it, which then keeps everything; R01 to R03 for a folder without a run.
    OutputError
        O06 where one may not remove it.
    """
    before = read(run)  # a claim is laid on runs alone, and never on one that lives
    refuse_running(before)
    try:
        with reclaim(run):  # from here on nobody resumes it
            record = read(run)
            refuse_running(before if record.about == before.about else record)
            record.folder.remove()
    except OSError as error:
        problem = f"cannot be removed: {error.strerror}"
        kept, fix = "The rest is there", "Ask whoever may write there"
        raise OutputError("O06", run, problem, kept=kept, fix=fix) from None
    with suppress(OSError):
        run.rmdir()

"""What is meant by the flags that ask for a run to be resumed, on any command that trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import TypeVar

from cryoden.checkpoints.kept_checkpoints import Checkpoints
from cryoden.checkpoints.resume import continues, there, wait_until_free
from cryoden.compute.ranks import given
from cryoden.errors import SettingsError, TrainingError, in_shell
from cryoden.runs.folder import RunFolder
from cryoden.runs.record import read
from cryoden.settings.baseline import BaselineSettings
from cryoden.settings.training import TrainingSettings

AUTO = "auto"
Settings = TypeVar("Settings", TrainingSettings, BaselineSettings)


def folder_to_resume(
    resume: str, run: Path | None, model: Path | None, say: Callable[[str], None]
) -> Path | None:
    """Return the folder of the run that is resumed, ``None`` for a new run.

    Parameters
    ----------
    resume : str
        A run folder; "auto" for that of ``run`` where it is there, or nothing.
    run, model : Path or None
        Where else a run is to be kept.
    say : callable
        Takes what is waited for, in words.

    Raises
    ------
    SettingsError
        S03 for choices that exclude each other.
    CryodenError
        For a folder that is in the way of a new run.
    """
    if not resume:
        return None
    if resume == AUTO and run is None:
        raise SettingsError("S03", None, "--resume auto needs --run", fix="Name the run folder with --run")
    is_another = resume != AUTO and run is not None and run.absolute() != Path(resume).absolute()
    if is_another or model is not None:
        fix = "Leave --model and --run away, or use --resume auto"
        raise SettingsError("S03", None, "a run is resumed in its own folder", fix=fix)
    if resume != AUTO or run is None:
        return Path(resume)
    for phase in wait_until_free(run):
        say(f"{phase.phase} …")
    leads = given().rank == 0
    return run if (continues(run) if leads else _checkpoints(run).paths()) else None


def merged(run: Path, asked: Settings) -> Settings:
    """Return the settings of a run with those that were given, as far as that can be seen of a value.

    A device that is not there any more is chosen again.
    """
    then, usual = read(run).started.settings, type(asked)()
    if not isinstance(then, type(asked)):
        return asked  # the run is refused with a better reason
    new = {one.name: getattr(asked, one.name) for one in fields(asked)}
    given_ = {name: value for name, value in new.items() if value != getattr(usual, name)}
    return replace(then, **{"device": there(then.device), **given_})


def is_settled(error: TrainingError, resume: str) -> bool:
    """Return whether nothing is wrong: a job that is put back resumes if need be, and the run is finished."""
    return resume == AUTO and error.code == "T18"


def how_to_resume(run: Path, command: str) -> str:
    """Return the command that resumes a run, in words; empty where it cannot be."""
    if not _checkpoints(run).paths():
        return ""
    return f" To resume: cryoden {command} --resume {in_shell(str(run))}"


def _checkpoints(run: Path) -> Checkpoints:
    return Checkpoints(RunFolder(run).checkpoints)

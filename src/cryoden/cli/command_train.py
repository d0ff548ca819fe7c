"""The command that trains: where it keeps what, and what is left of it when it is stopped."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

from cryoden.checkpoints.asked import (
    folder_to_resume,
    how_to_resume,
    is_settled,
    merged,
)
from cryoden.cli import console, show_training
from cryoden.cli.endings import DONE, ERROR, FAILURES, SIGNALS, say
from cryoden.cli.flags import Train
from cryoden.compute.device_list import device_list
from cryoden.compute.ranks import Ranks, given, given_device
from cryoden.compute.started_ranks import started
from cryoden.dataset import opening
from cryoden.dataset.folder_walk import left_out_below
from cryoden.errors import CryodenError, SettingsError, TrainingError, printable
from cryoden.events.training import PhaseStarted, TrainingEvent
from cryoden.runs.folder import RunFolder
from cryoden.training.preview_request import RunControl
from cryoden.workflows import train_model


def train(asked: Train, *, as_json: bool) -> int:
    """Train as asked, and return the exit status."""
    resume = asked.resume
    asked = replace(asked, resume=str(folder_to_resume(asked.resume, asked.run, asked.model, say) or ""))
    is_whole = bool(asked.halves) != bool(asked.noisy or asked.target)
    if not is_whole and (not asked.resume or asked.halves):
        raise SettingsError(
            "S03", None, "give either --halves, or --noisy and --target", fix="See cryoden train --help"
        )
    if not asked.resume and (asked.model is None) is (asked.run is None):
        raise SettingsError(
            "S03", None, "give either --model or --run to save the model", fix="See cryoden train --help"
        )
    if asked.devices and asked.workers:
        raise SettingsError("S03", None, "--devices and --workers were given", fix="Give one of them")
    if asked.reading.nan == "mean":
        fix = "Repeat the processing step that wrote the file; for denoising, use --nan mean"
        raise SettingsError("S03", None, "--nan mean works for denoising only, not for training", fix=fix)
    written = asked.model or RunFolder(asked.run or Path(asked.resume)).model
    try:
        with together(asked) as (ranks, own):
            return _led(own, written, ranks, as_json=as_json) if ranks.leads else _followed(own, ranks)
    except TrainingError as error:
        if not is_settled(error, resume):
            raise
        say(str(error))
        return DONE


def _led(asked: Train, written: Path, ranks: Ranks, *, as_json: bool) -> int:
    """Train, alone or as the first of several processes."""
    before, stop = _stamp(written), Event()
    with closing(training(asked, stop, ranks)) as events:
        try:
            ended = show_training.follow_training(events, as_json=as_json, stop=stop)
        except KeyboardInterrupt:
            events.close()
            say(f"Stopped. {_kept(written, before)}{how_to_resume(written.parent, 'train')}")
            return SIGNALS.exit_status
    if ended.reason == "stopped":
        say(f"{_kept(written, before)}{how_to_resume(written.parent, 'train')}")
        return SIGNALS.exit_status
    if ended.best_epoch == 0:
        raise TrainingError("T01", None, ended.message, kept="No model was saved")
    if not as_json:
        console.OUT.print(f"Model: {printable(written)}", soft_wrap=True, markup=False)
    return DONE if ended.reason in {"completed", "plateau"} else FAILURES


def _followed(asked: Train, ranks: Ranks) -> int:
    """Train as another process that torchrun has started."""
    SIGNALS.ignore()
    try:
        _follow(asked, asked.training.device, ranks)
    except CryodenError as error:
        say(f"process {ranks.rank + 1} of {ranks.number}: {error}")
        return ERROR
    return DONE


def _follow(asked: Train, device: str, ranks: Ranks) -> None:
    """Train as another process than the first, without a word."""
    for _ in training(_on(asked, device), Event(), ranks):
        pass


@contextmanager
def together(asked: Train) -> Iterator[tuple[Ranks, Train]]:
    """Give which of how many processes this is, and what is asked of it; others are started, and ended.

    Raises
    ------
    SettingsError
        S02 for devices that are not there, S03 for two choices of them.
    """
    ranks, devices = given(), ("cpu",) * asked.workers
    if asked.devices:
        devices = device_list(asked.devices)
    if devices and asked.training.device not in {"auto", devices[0]}:
        problem = f"--device {asked.training.device} and {devices[0]} for several processes were given"
        raise SettingsError("S03", None, problem, fix="Give --devices or --workers alone")
    if ranks.number > 1:
        yield ranks, _on(asked, given_device())
    elif len(devices) > 1:
        with started(_follow, asked, devices) as ranks:
            yield ranks, _on(asked, devices[0])
    else:
        yield ranks, _on(asked, *devices)


def _on(asked: Train, device: str = "") -> Train:
    return replace(asked, training=replace(asked.training, device=device)) if device else asked


def _kept(written: Path, before: tuple[int, int] | None) -> str:
    if _stamp(written) == before:
        return f"No epoch was better than the start: nothing was saved in {printable(written)}."
    return f"The best model so far is saved in {printable(written)}."


def _stamp(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = path.stat()
        return found.st_ino, found.st_mtime_ns
    return None


def training(asked: Train, stop: Event, ranks: Ranks) -> Generator[TrainingEvent, None, None]:
    """Train as asked, as one of some processes, until ``stop`` is set; errors as of `train_model`."""
    control = RunControl(stop=stop, ranks=ranks, reading=asked.reading)
    if asked.resume and not (asked.halves or asked.noisy):
        run = Path(asked.resume)
        settings = merged(run, asked.training)
        yield from train_model.resume_training(run, settings, force=asked.force, control=control)
        return
    yield PhaseStarted("finding and checking the micrographs")
    if left_out := left_out_below((*asked.halves, *asked.noisy, *asked.target), results=False):
        yield PhaseStarted(left_out)
    keep = asked.model if asked.run is None else RunFolder(asked.run)
    options: dict[str, Any] = {
        "start": asked.fine_tune_from,
        "overwrite": asked.overwrite,
        "control": control,
    }
    pairs: Any
    if asked.halves:
        skip_bad = asked.training.skip_bad_pairs
        pairs = opening.open_halves(asked.halves, asked.reading, skip_bad=skip_bad)
    else:
        pairs = opening.open_supervised(asked.noisy, asked.target, asked.reading)
    if asked.resume:
        more: dict[str, Any] = {"force": asked.force, "control": control}
        yield from train_model.resume_training(Path(asked.resume), asked.training, pairs, **more)
    elif asked.halves:
        yield from train_model.train_halves(pairs, keep, asked.training, **options)
    else:
        yield from train_model.train_supervised(pairs, keep, asked.training, **options)

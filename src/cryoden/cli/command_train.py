"""The command that trains: where it keeps what, and what is left of it when it is stopped."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, suppress
from pathlib import Path
from threading import Event
from typing import Any

from cryoden.cli import console, show_training
from cryoden.cli.endings import DONE, FAILURES, say
from cryoden.cli.flags import Train
from cryoden.cli.stop_signals import SIGNALS
from cryoden.dataset import opening
from cryoden.dataset.folder_walk import left_out_below
from cryoden.errors import SettingsError, TrainingError, printable
from cryoden.events.training import PhaseStarted, TrainingEvent
from cryoden.runs.folder import RunFolder
from cryoden.training.preview_request import RunControl
from cryoden.workflows import train_model


def train(asked: Train, *, as_json: bool) -> int:
    """Train as asked, and return the exit status."""
    if bool(asked.halves) == bool(asked.noisy or asked.target):
        raise SettingsError(
            "S03", None, "give either --halves, or --noisy and --target", fix="See cryoden train --help"
        )
    if (asked.model is None) is (asked.run is None):
        raise SettingsError(
            "S03", None, "give either --model or --run to save the model", fix="See cryoden train --help"
        )
    if asked.reading.nan == "mean":
        fix = "Repeat the processing step that wrote the file; for denoising, use --nan mean"
        raise SettingsError("S03", None, "--nan mean works for denoising only, not for training", fix=fix)
    written = asked.model or RunFolder(asked.run or Path()).model
    before, stop = _stamp(written), Event()
    with closing(_training(asked, stop)) as events:
        try:
            ended = show_training.follow_training(events, as_json=as_json, stop=stop)
        except KeyboardInterrupt:
            events.close()
            say(f"Stopped. {_kept(written, before)}")
            return SIGNALS.exit_status
    if ended.reason == "stopped":
        say(_kept(written, before))
        return SIGNALS.exit_status
    if ended.best_epoch == 0:
        raise TrainingError("T01", None, ended.message, kept="No model was saved")
    if not as_json:
        console.OUT.print(f"Model: {printable(written)}", soft_wrap=True, markup=False)
    return DONE if ended.reason in {"completed", "plateau"} else FAILURES


def _kept(written: Path, before: tuple[int, int] | None) -> str:
    if _stamp(written) == before:
        return f"No epoch was better than the start: nothing was saved in {printable(written)}."
    return f"The best model so far is saved in {printable(written)}."


def _stamp(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = path.stat()
        return found.st_ino, found.st_mtime_ns
    return None


def _training(asked: Train, stop: Event) -> Generator[TrainingEvent, None, None]:
    yield PhaseStarted("finding and checking the micrographs")
    if left_out := left_out_below((*asked.halves, *asked.noisy, *asked.target), results=False):
        yield PhaseStarted(left_out)
    keep = asked.model if asked.run is None else RunFolder(asked.run)
    options: dict[str, Any] = {
        "start": asked.fine_tune_from,
        "overwrite": asked.overwrite,
        "control": RunControl(stop=stop),
    }
    if asked.halves:
        skip_bad = asked.training.skip_bad_pairs
        halves = opening.open_halves(asked.halves, asked.reading, skip_bad=skip_bad)
        yield from train_model.train_halves(halves, keep, asked.training, **options)
    else:
        pairs = opening.open_supervised(asked.noisy, asked.target, asked.reading)
        yield from train_model.train_supervised(pairs, keep, asked.training, **options)

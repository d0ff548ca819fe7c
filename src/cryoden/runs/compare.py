"""Runs side by side, this program's and others': one row a run, the same figures for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from cryoden.errors import CryodenError, RunError
from cryoden.events.snr_gain import IN_DB, band_gain, gains_of
from cryoden.runs import external, record
from cryoden.runs.convergence import LEAST_STEPS, Convergence, assess_convergence
from cryoden.runs.external import SHIPPED, ExternalRun
from cryoden.runs.record import RunRecord

Curve = tuple[Sequence[float], Sequence[float]]
LOSS = "loss"
PARTS = 50  # of a curve of which only steps are known
SUFFIXES = {".json", ".csv"}  # of runs described by a file


@dataclass(frozen=True)
class RunSummary:
    """A run with what all runs have, ``None`` where it is not known.

    Parameters
    ----------
    name : str
        Its folder, or what its description calls it.
    state : str
        How it stands; "reported" for figures that were not measured by this program.
    initial, final : float or None
        Training loss of the first step, and the mean of the last epoch.
    kept : float or None
        Held-out loss of the epoch that is kept.
    band, gain : float or None
        Its correlation in the particle band, by which epochs of a run on halves are compared, and the SNR
        gain in dB that follows.
    seconds, batches, images : float or None
        Of the whole run; per second in its last epoch.
    network, hardware : str
        What was trained and where.
    special : str
        A figure of its own, with its name.
    place : Path
        Its folder or file.
    curve : callable
        Gives the steps and the training losses that are known; read only when asked for.
    course : callable
        Gives epochs and losses: held-out losses of this program's runs, reported ones of others.
    gain_course : callable or None
        Gives epochs and their SNR gains.
    record : RunRecord or None
        Of a run of this program.
    comparable : bool
        Whether its losses mean the same as those of the others.
    """

    name: str
    state: str
    initial: float | None
    final: float | None
    kept: float | None
    band: float | None
    gain: float | None
    seconds: float | None
    batches: float | None
    images: float | None
    network: str
    hardware: str
    special: str
    place: Path
    curve: Callable[[], Curve]
    course: Callable[[], Curve]
    gain_course: Callable[[], Curve] | None = None
    record: RunRecord | None = None
    comparable: bool = True

    @property
    def improvement(self) -> float | None:
        """How many times lower the final loss is than the initial one."""
        return self.initial / self.final if self.initial and self.final else None

    def convergence(self) -> Convergence | None:
        """Return how its curve behaves; ``None`` where too few steps are known."""
        _, losses = self.curve()
        return assess_convergence(losses) if len(losses) >= LEAST_STEPS else None


def courses(runs: Sequence[RunSummary]) -> tuple[str, list[tuple[str, Curve]]]:
    """Return what runs are compared by, and the course of each: the losses where one has nothing else."""
    of_gains = [(run.name, run.gain_course) for run in runs if run.gain_course is not None]
    if of_gains and len(of_gains) == len(runs):
        return IN_DB, [(name, course()) for name, course in of_gains]
    return LOSS, [(run.name, run.course()) for run in runs]


def summarize(run: RunRecord | ExternalRun) -> RunSummary:
    """Return what is compared of a run.

    Raises
    ------
    RunError
        When a run of this program is damaged.
    """
    return _of_record(run) if isinstance(run, RunRecord) else _of_description(run)


def opened(where: str | Path) -> RunSummary:
    """Return a run by its folder, its description's file, or the name of one that comes with the program.

    Raises
    ------
    RunError
        R01 to R03 when it cannot be read, or says something that is no number of a run.
    """
    path = Path(where)
    if str(where) in SHIPPED and not path.exists():
        path = external.shipped(str(where))
    try:
        return summarize(external.read(path) if path.suffix.lower() in SUFFIXES else record.read(path))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        problem = f"does not describe a run: {type(error).__name__} {error}"
        raise RunError("R02", path, problem, fix="See docs/comparing.md for what it must hold") from None


def found(root: Path) -> list[RunSummary]:
    """Return the runs below a folder, the latest first, and after them those described by files in it.

    What is damaged is left out.
    """
    named = [path for path in sorted(root.glob("*")) if path.suffix.lower() in SUFFIXES and path.is_file()]
    places = [*(record.folder.path for record in record.found(root)), *named]
    runs = []
    for place in places:
        with suppress(CryodenError):
            runs.append(opened(place))
    return runs


def _of_record(run: RunRecord) -> RunSummary:
    r = run.figure("best", "correlation")
    speed = (run.about["last"] or {}).get("speed") or {}
    steps = float(run.about["steps"])
    band = _band(run)

    history = cache(run.history)  # read when it is asked for, and once

    def curve() -> Curve:
        return history().steps, history().losses

    def course() -> Curve:
        epochs = history().epochs
        return [one.epoch for one in epochs], [one.validation_loss for one in epochs]

    known = run.started.references

    def gain_course() -> Curve:
        found = gains_of(known, history().epochs)
        return [epoch.epoch for epoch, _ in found], [gain for _, gain in found]

    return RunSummary(
        name=run.name,
        state=run.state,
        initial=run.about.get("initial"),
        final=run.figure("last", "train_loss"),
        kept=run.figure("best", "validation_loss"),
        band=band,
        gain=None if known.band is None else band_gain(known.band, band),
        seconds=run.seconds,
        batches=speed.get("batches") or (steps / run.seconds if run.seconds else None),
        images=speed.get("images"),
        network=run.started.settings.network,
        hardware=run.started.device,
        special="" if r is None else f"r {r:z.4f}",
        place=run.folder.path,
        curve=curve,
        course=course,
        gain_course=gain_course if known.band else None,
        record=run,
    )


def _band(run: RunRecord) -> float | None:
    band = ((run.about["best"] or {}).get("quality") or {}).get("band")
    return None if band is None else float(band)


def _of_description(run: ExternalRun) -> RunSummary:
    epochs, seconds = run.about.get("epoch_losses"), run.about.get("epoch_seconds")
    special = run.about.get("special")
    batches, batch = run.number("batches_per_second"), run.number("batch")
    total = float(sum(seconds)) if seconds else run.seconds[-1] if run.seconds else None
    if batches is None and run.seconds and run.seconds[-1] > 0:
        batches = len(run.steps) / run.seconds[-1]
    return RunSummary(
        name=run.name,
        state="reported" if run.about.get("reported", True) else "measured",
        initial=run.losses[0] if run.losses else run.number("initial_loss"),
        final=float(epochs[-1]) if epochs else _end(run.losses),
        kept=None,
        band=None,
        gain=None,
        seconds=total,
        batches=batches,
        images=batches * batch if batches and batch else None,
        network=str(run.about.get("network") or ""),
        hardware=str(run.about.get("hardware") or ""),
        special=f"{special['name']} {special['value']:g}" if special else "",
        place=run.path,
        curve=lambda: (run.steps, run.losses),
        course=lambda: _course(run),
        comparable=bool(run.about.get("comparable", True)),
    )


def _course(run: ExternalRun) -> Curve:
    """Return its epochs; where only steps are known, the means of parts of one."""
    epochs = run.about.get("epoch_losses")
    if epochs:
        begun = run.number("initial_loss")
        return range(0 if begun is not None else 1, len(epochs) + 1), [
            *([] if begun is None else [begun]),
            *epochs,
        ]
    parts = [part for part in np.array_split(np.array(run.losses), PARTS) if len(part)]
    return [(number + 1) / len(parts) for number in range(len(parts))], [float(part.mean()) for part in parts]


def _end(losses: Sequence[float]) -> float | None:
    """Return the mean of the last tenth."""
    last = losses[-max(1, len(losses) // 10) :]
    return sum(last) / len(last) if last else None

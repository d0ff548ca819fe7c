"""What a training run looks like on a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from threading import Event

from cryoden.cli.console import OUT, bar, printed, show_remarks
from cryoden.cli.endings import SIGNALS
from cryoden.errors import printable
from cryoden.events.closing import closed, ended
from cryoden.events.history import History, clock, length, warnings_of
from cryoden.events.quality import References, TrainingStatus
from cryoden.events.reference_lines import REFERENCES
from cryoden.events.snr_gain import gain_of, in_db, reference_gains
from cryoden.events.training import (
    EpochFinished,
    PhaseStarted,
    Restarted,
    Resumed,
    TrainingEvent,
    TrainingFinished,
    TrainingStarted,
)


def follow_training(
    events: Iterable[TrainingEvent], *, as_json: bool, stop: Event | None = None
) -> TrainingFinished:
    """Print a run as it runs and return how it ended.

    Once the run has something to keep, the first Ctrl-C sets ``stop`` and interrupts nothing.
    """
    heeding = _heeding(events, stop)
    return ended(printed(heeding) if as_json else _shown(heeding), TrainingFinished)


def _heeding(events: Iterable[TrainingEvent], stop: Event | None) -> Iterator[TrainingEvent]:
    """Pass events on; nothing is shown of a validation before a stop would keep what comes after it."""
    with closed(events):
        for event in events:
            is_learning = not isinstance(event, PhaseStarted | TrainingStarted | TrainingFinished)
            SIGNALS.lets_finish(stop if is_learning else None)
            yield event


def _shown(events: Iterable[TrainingEvent]) -> Iterator[TrainingEvent]:
    """Pass events on, a line printed for each epoch above a bar."""
    page = _Page()
    with bar() as (progress, task), closed(events):
        for event in events:
            page.show(event)
            progress.update(task, completed=page.progress, description=page.history.status_line())
            yield event


class _Page:
    """What has been printed of a run; the verdict is printed when it turns and not when it counts on."""

    def __init__(self) -> None:
        self.history = History()
        self._said: TrainingStatus | None = None

    @property
    def progress(self) -> float:
        return self.history.last.progress if self.history.last else 0.0

    def show(self, event: TrainingEvent) -> None:
        self.history.add(event)
        show_remarks(warnings_of(event))
        match event:
            case PhaseStarted():
                OUT.print(f"{event.phase} …", style="dim", markup=False)
            case TrainingStarted():
                _show_start(event)
            case EpochFinished():
                self._show_epoch(event)
            case Restarted():
                OUT.print(event.message, style="yellow", markup=False)
            case TrainingFinished():
                self._show_end(event)
            case Resumed():
                _show_resumed(event)

    def _show_epoch(self, event: EpochFinished) -> None:
        _show_epoch(event, self.history)
        if self._said is None or event.verdict.kind != self._said.kind:
            self._say(event.verdict)

    def _show_end(self, event: TrainingFinished) -> None:
        if self.history.verdict is not None and self.history.verdict != self._said:
            self._say(self.history.verdict)
        went_well = event.reason in {"completed", "plateau"}
        OUT.print(
            f"{event.message} ({clock(event.elapsed)})", style="" if went_well else "yellow", markup=False
        )

    def _say(self, verdict: TrainingStatus) -> None:
        self._said = verdict
        style = {"good": "green", "wait": "", "bad": "yellow"}[verdict.level]
        OUT.print(f"      {verdict.words}", style=style)


def _show_start(event: TrainingStarted) -> None:
    at, pixel_size = event.references, event.pixel_size
    OUT.print(
        f"{event.settings.network}, {event.parameters:,} weights, {event.precision} on {event.device}",
        markup=False,
    )
    pixels = f"{event.working_pixel:.3g} Å/px" if event.working_pixel else "the micrographs' own pixel size"
    OUT.print(f"working pixel size: {pixels}, patches of {event.patch} px")
    names = f"training: {_listed(event.training)}; validation: {_listed(event.held_out)}"
    OUT.print(names, markup=False)
    _show_references(at, pixel_size)
    column = "CC band" if at.band else "     CC"
    OUT.print(f"[bold]epoch   time  training  validation  {column}  SNR gain   B/S  FRC 0.143[/bold]")


def _show_references(at: References, pixel_size: float | None) -> None:
    heading = "on the validation data, no training"
    gains = reference_gains(at)
    OUT.print(f"{heading:38}loss{'   CC band  SNR gain' if at.band else ''}")
    for name, line in REFERENCES.items():
        if (loss := getattr(at, name)) is not None:
            band = getattr(at.band, name, None)
            width = f"σ {length(at.sigma, pixel_size)}" if name == "gaussian" else ""
            cc, gain = ("", "") if band is None else (f"{band:z.4f}", in_db(gains.get(name)))
            cells = f"{line.label:32}", f"{loss:.4f}", f"{cc:>7}", f"{gain:>8}", width
            OUT.print(f"  {'  '.join(cells)}".rstrip())
    if at.floor is not None:
        OUT.print(f"CC of the halves {at.r_half:z.4f}, FRC 0.143 at {length(at.resolution, pixel_size)}")
    if at.band is not None:
        between = f"{length(at.band.coarse, pixel_size)} to {length(at.band.fine, pixel_size)}"
        OUT.print(f"CC band: CC with the other raw half in the particle band, {between}; SNR gain: from it")


def _show_resumed(event: Resumed) -> None:
    OUT.print(f"resumed after step {event.step:,} ({clock(event.elapsed)} of training)", markup=False)


def _listed(names: tuple[str, ...], shown: int = 3) -> str:
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(map(printable, names[:shown])) + more


def _show_epoch(event: EpochFinished, history: History) -> None:
    of, started = event.quality, history.started
    gain = gain_of(started.references, of) if started else None
    row = (
        f"{event.epoch:5d} {clock(event.elapsed):>6}",
        f"{_number(event.train_loss, '.5f'):>8}",
        f"{event.validation_loss:10.5f}",
        f"{event.correlation if of.band is None else of.band:z7.4f}",
        f"{in_db(gain):>8}",
        f"{_number(of.bias, '.2f'):>4}",
        f"{length(of.resolution, history.pixel_size):>9}",
        "best" if event.weights is not None else "collapsed" if event.collapsed else "",
    )
    OUT.print("  ".join(row).rstrip())


def _number(value: float | None, digits: str) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:{digits}}"

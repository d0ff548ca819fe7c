"""A pipe that keeps a run in its folder while its events pass through it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from cryoden.errors import OutputError, in_words
from cryoden.events.closing import closed
from cryoden.events.training import (
    CheckpointSaved,
    EpochFinished,
    Resumed,
    StepFinished,
    TrainingEvent,
    TrainingFinished,
    TrainingStarted,
    TrainingState,
)
from cryoden.io.atomic import atomic_write
from cryoden.io.provenance import plain, versions
from cryoden.runs.folder import FORMAT, KINDS, RunFolder
from cryoden.runs.metrics import MetricsFile, read, row
from cryoden.runs.reservation import Heartbeat, in_use, reclaim, this_run
from cryoden.runs.save_best import epoch_record, save_best

FOLDED = "steps", "seconds", "initial", "first", "best", "last"  # of a record, what a state has of it
ENVIRONMENT = "device", "precision"


@dataclass(frozen=True)
class Earlier:
    """What a run that is resumed has left.

    Parameters
    ----------
    about : mapping
        Its record, as it was when its state was taken.
    metrics : int
        Bytes of its metrics then.
    notes : tuple of str
        What is said of how it continues.
    """

    about: Mapping[str, Any]
    metrics: int
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, about: Mapping[str, Any], state: TrainingState, notes: tuple[str, ...] = ()) -> Self:
        """Return it from a record on disk and a state that `kept_in` has passed on."""
        then = state.values["run"]
        return cls({**about, **{name: then["about"][name] for name in FOLDED}}, int(then["metrics"]), notes)


def kept_in(
    folder: RunFolder,
    events: Iterable[TrainingEvent],
    *,
    files: Iterable[Path] = (),
    start: str | None = None,
    data: Mapping[str, Any] | None = None,
    earlier: Earlier | None = None,
) -> Iterator[TrainingEvent]:
    """Pass events on; what they report is in the folder before they are passed on.

    A run that never starts leaves no folder. One that is stopped, fails or is killed leaves the
    best model so far, and says so. One that is resumed continues its record and its losses from where
    its state was taken; until it does, nothing in the folder changes.

    Parameters
    ----------
    folder : RunFolder
        Made here; must not exist, or hold nothing, but for a run that is resumed.
    events, files, start
        See `cryoden.runs.save_best.save_best`.
    data : mapping, optional
        Where its data lie, as plain JSON values, for whoever needs them again.
    earlier : Earlier, optional
        What the run has left that is resumed.

    Raises
    ------
    OutputError
        O05, O06 before the first event when the folder cannot be had.
    RunError
        R05 when another process has the run.
    """
    keeper = _Keeper(folder, tuple(files), start, data, earlier)
    kept = save_best(events, folder.model, files=keeper.files, start=start, is_ours=keeper.is_ours)
    with keeper, closed(kept):
        for event in kept:
            yield keeper.add(event)


class _Keeper:
    def __init__(
        self,
        folder: RunFolder,
        files: tuple[Path, ...],
        start: str | None,
        data: Mapping[str, Any] | None,
        earlier: Earlier | None,
    ) -> None:
        self.folder, self.files, self._earlier = folder, files, earlier
        self._claim = folder.reserve() if earlier is None else reclaim(folder.path)
        self._heart = Heartbeat(folder.heartbeat, folder.record)
        self._metrics = MetricsFile(folder.metrics)
        self._rows: list[dict[str, Any]] = []
        self._end = {"state": "stopped", "message": "Stopped"}
        self._is_open = False  # whether the folder shows this run
        self._about: dict[str, Any] = {
            "format": FORMAT,
            "state": "running",
            "message": "",
            "began": datetime.now(UTC).isoformat(timespec="seconds"),
            "process": this_run(),
            "files": [str(file) for file in files],
            "data": data,
            "start": start,
            "versions": versions(),
            "steps": 0,
            "initial": None,
            "seconds": 0.0,
            "first": None,
            "best": None,
            "last": None,
            "resumed": [],
        }

    def is_ours(self) -> bool:
        """Return whether no other process has taken the folder over; what is in it is the other's then."""
        return not self._heart.is_foreign

    def add(self, event: TrainingEvent) -> TrainingEvent:
        if isinstance(event, StepFinished):
            self._add_step(event)
            return event
        if not self.is_ours():
            raise in_use(self.folder.path, "another process has resumed it meanwhile")
        match event:
            case TrainingStarted():
                self._begin(event)
            case Resumed():
                return self._resume(event)
            case EpochFinished():
                self._add_epoch(event)
            case TrainingState():
                return self._with_record(event)
            case TrainingFinished():
                self._end = {"state": event.reason, "message": event.message}
        return event

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        with ExitStack() as end:
            end.callback(self._claim.release)
            end.callback(self._heart.stop)
            if isinstance(error, Exception):
                self._end = {"state": "failed", "message": in_words(error)}
            if self._is_open and self.is_ours():
                self._about |= self._end
                self._flush()
                self._save()
        if not self._is_open and self._earlier is None:
            self.folder.remove()

    def _begin(self, event: TrainingStarted) -> None:
        self._about |= {"started": plain(asdict(event)), "settings": KINDS[type(event.settings)]}
        if self._earlier is None:
            self._open()
            self._metrics.begin()

    def _open(self) -> None:
        self._is_open = True
        self._save()
        self._heart.start()  # after the record: alone it would keep the folder from the next run

    def _resume(self, event: Resumed) -> Resumed:
        """Continue the record and the losses of what was left, from where the state was taken."""
        assert self._earlier is not None  # noqa: S101  only such a run is resumed
        before, now = self._earlier.about, self._about
        notes = (*self._earlier.notes, *_elsewhere(before, now))
        when = {"step": event.step, "at": now["began"], "process": now["process"], "notes": list(notes)}
        kept = {name: before[name] for name in (*FOLDED, "began", "start")}
        self._about |= {**kept, "resumed": [*before.get("resumed", ()), when]}
        if not self._metrics.cut(self._earlier.metrics):
            notes += (f"losses are missing in {self.folder.metrics.name}, which has changed",)
        self._open()
        return replace(event, past=tuple(read(self.folder.metrics)), notes=notes)

    def _with_record(self, event: TrainingState) -> TrainingEvent:
        """Return the state with what the folder says at this step, or why it cannot be kept."""
        try:
            self._flush()
            size = self._metrics.force()
        except OutputError as error:
            return CheckpointSaved(event.step, self.folder.metrics, str(error))
        then = {name: self._about[name] for name in FOLDED}
        there = {name: self._about["started"][name] for name in ENVIRONMENT} | self._about["versions"]
        run = {"about": then, "metrics": size, "environment": there}
        return replace(event, values={**event.values, "run": run})

    def _add_step(self, event: StepFinished) -> None:
        self._rows.append(row(event))
        self._about |= {"steps": event.step, "seconds": round(event.elapsed, 3)}
        if self._about["initial"] is None:
            self._about |= plain({"initial": event.loss})

    def _add_epoch(self, event: EpochFinished) -> None:
        epoch = epoch_record(event)
        names = ["last", *(["first"] if event.epoch == 0 else []), *(["best"] if event.weights else [])]
        self._about |= dict.fromkeys(names, epoch)
        self._rows.append(row(event))
        self._flush()
        self._save()

    def _flush(self) -> None:
        self._metrics.append(self._rows)
        self._rows.clear()

    def _save(self) -> None:
        with atomic_write(self.folder.record, overwrite=True) as temporary:
            temporary.write_text(json.dumps(self._about, indent=1, allow_nan=False), encoding="utf-8")


def _elsewhere(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield why the run may differ in its last bits from one that was never interrupted."""
    pairs = [(name, before["started"].get(name), now["started"][name]) for name in ENVIRONMENT]
    pairs += [(name, before.get("versions", {}).get(name), now["versions"][name]) for name in now["versions"]]
    changed = [f"{name} {then} then, {here} now" for name, then, here in pairs if then != here]
    if changed:
        yield f"not bit-identical to a run without interruption: {'; '.join(changed)}"

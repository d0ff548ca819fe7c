"""What the experiment looks like on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from threading import Event as Flag
from typing import TYPE_CHECKING, Any, TypeVar

from cryoden.cli.console import OUT, bar, print_json, printed, show_remarks, show_workers
from cryoden.cli.flags_runs import Baseline, BuildPatches, CheckPatches, Export, PatchesInfo
from cryoden.cli.show_training import follow_training
from cryoden.compute import devices
from cryoden.compute.hiring import hired, local
from cryoden.errors import SettingsError, printable
from cryoden.events.batch import WorkersStarted
from cryoden.events.closing import closed
from cryoden.events.history import clock
from cryoden.experiment import workflow
from cryoden.experiment.build import BuildFinished, MicrographMeasured, PairWritten, build
from cryoden.experiment.data_source import PairSource, data_source, opened, patch_pairs
from cryoden.experiment.export import export_run
from cryoden.experiment.inspect_pairs import Findings, PairChecked, inspect
from cryoden.experiment.store import PatchStore
from cryoden.experiment.summary import built, facts, lines, remarks, rows
from cryoden.runs.folder import RunFolder
from cryoden.settings.workers import WorkerSettings

if TYPE_CHECKING:
    from cryoden.compute.crew import Crew

Event = TypeVar("Event")


def build_patches(asked: BuildPatches, *, as_json: bool) -> None:
    """Build a data set and show how far it is."""
    material = PairSource(asked.paths, asked.halves, asked.noisy, asked.target)
    pairs = patch_pairs(material, asked.patches, asked.reading)
    with workers_for(asked.workers) as crew:
        events = build(pairs, asked.out, crew)
        *_, ended = printed(events) if as_json else _with_bar(events)
    assert isinstance(ended, BuildFinished)  # noqa: S101  a build ends with it
    if not as_json:
        OUT.print(built(ended), soft_wrap=True, markup=False)
        show_remarks(ended.warnings)


@contextmanager
def workers_for(asked: WorkerSettings) -> Iterator[Crew | None]:
    """Give the workers that make patches, on processors; none where this process does."""
    if asked.devices:
        fix = "Give processes on processors with --workers N, or a cluster"
        raise SettingsError("S03", None, "--devices was given, and patches are cut without a GPU", fix=fix)
    if len(local(asked, "cpu")) == 1:
        yield None
        return
    with hired(asked, "cpu") as crew:
        show_workers(WorkersStarted(crew.where, crew.dashboard))
        yield crew


def check_patches(asked: CheckPatches, *, as_json: bool) -> bool:
    """Check a data set, say what was found, and return whether it is good."""
    *_, found = _with_bar(inspect(PatchStore(asked.folder)))
    assert isinstance(found, Findings)  # noqa: S101  an inspection ends with it
    if as_json:
        print_json("Findings", asdict(found))
    else:
        OUT.print("\n".join(lines(found)), soft_wrap=True, markup=False)
        show_remarks(remarks(found))
    return found.good


def patches_info(asked: PatchesInfo, *, as_json: bool) -> None:
    """Say what a data set is."""
    store = PatchStore(asked.folder)
    if as_json:
        print_json("patches", facts(store))
    else:
        OUT.print(
            "\n".join(f"{name:<16}  {text}" for name, text in rows(store)), soft_wrap=True, markup=False
        )


DOING = {
    MicrographMeasured: "reading micrographs",
    PairWritten: "writing pairs",
    PairChecked: "reading pairs",
}


def _with_bar(events: Iterable[Event]) -> Iterator[Event]:
    """Pass events on under a bar, which those move that are one of a known number."""
    with bar() as (progress, task), closed(events):
        for event in events:
            progress.update(task, **_how_far(event))
            yield event


def _how_far(event: object) -> dict[str, Any]:
    if not isinstance(event, MicrographMeasured | PairWritten | PairChecked):
        return {}
    return {"completed": (event.number + 1) / event.total, "description": DOING[type(event)]}


def baseline(asked: Baseline, *, as_json: bool) -> bool:
    """Run the experiment, and return whether it came to its end."""
    devices.resolve(asked.baseline.device)  # before all pairs are looked at
    pairs = opened(asked.data, asked.patches, asked.reading)
    where = data_source(pairs, asked.data, asked.patches, asked.reading)
    stop = Flag()
    events = workflow.baseline(pairs, RunFolder(asked.run), asked.baseline, where, stop)
    ended = follow_training(events, as_json=as_json, stop=stop)
    if not as_json:
        words = f"Run folder: {printable(asked.run)} ({clock(ended.elapsed)})"
        OUT.print(words, soft_wrap=True, markup=False)
    if ended.reason == "stopped":
        raise KeyboardInterrupt  # as of any other command
    return ended.reason == "completed"


def export(asked: Export, *, as_json: bool) -> None:
    """Hand a run over to other languages."""
    done = export_run(asked.run, asked.out, asked.exporting)
    if as_json:
        print_json(type(done).__name__, vars(done))
        return
    words = f"{done.arrays} arrays, {done.bytes / 1e6:,.1f} MB in {printable(done.folder)}"
    OUT.print(words, soft_wrap=True, markup=False)

"""What the experiment looks like on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from cryoden.console import OUT, bar, print_json, show_table
from cryoden.errors import printable
from cryoden.experiment import stories
from cryoden.experiment.build import BuildEvent, BuildFinished, build, summary
from cryoden.experiment.data import Material, opened, patch_pairs, whereabouts
from cryoden.experiment.handover import hand_over
from cryoden.experiment.inspection import Findings, inspect
from cryoden.experiment.store import PatchStore
from cryoden.flags import Baseline, BuildPatches, CheckPatches, Export, PatchesInfo
from cryoden.history import clock
from cryoden.run_folder import RunFolder
from cryoden.training_console import follow_training

Event = TypeVar("Event")


def build_patches(asked: BuildPatches, *, as_json: bool) -> None:
    """Build a data set and show how far it is."""
    material = Material(asked.paths, asked.halves, asked.noisy, asked.target)
    pairs = patch_pairs(material, asked.patches, asked.reading)
    events = build(pairs, asked.out)
    for event in _with_bar(events, "writing pairs", lambda one: (one.number + 1) / one.total):
        _tell(event, as_json=as_json)


def _tell(event: BuildEvent, *, as_json: bool) -> None:
    if as_json:
        print_json(type(event).__name__, vars(event))
    elif isinstance(event, BuildFinished):
        words = f"{event.pairs:,} pairs, {event.bytes / 1e9:,.2f} GB in {printable(event.folder)}"
        OUT.print(words, soft_wrap=True, markup=False)


def _with_bar(events: Iterable[Event], words: str, share: Callable[[Any], float]) -> Iterator[Event]:
    """Pass events on under a bar; ``share`` of the whole is known of those that have a total."""
    with bar() as (progress, task):
        for event in events:
            done = share(event) if hasattr(event, "total") else 1.0
            progress.update(task, completed=done, description=words)
            yield event


def check_patches(asked: CheckPatches, *, as_json: bool) -> bool:
    """Check a data set, say what was found, and return whether it is good."""
    events = inspect(PatchStore(asked.folder))
    *_, found = _with_bar(events, "reading pairs", lambda one: (one.index + 1) / one.total)
    assert isinstance(found, Findings)  # noqa: S101  an inspection ends with it
    if as_json:
        print_json("Findings", vars(found))
    else:
        OUT.print("\n".join(found.lines()), soft_wrap=True, markup=False)
    return found.good


def patches_info(asked: PatchesInfo, *, as_json: bool) -> None:
    """Say what a data set is."""
    told = summary(asked.folder, PatchStore(asked.folder).about)
    if as_json:
        print_json("patches", told)
    else:
        show_table(("", ""), [(name, str(value)) for name, value in told.items()])


def baseline(asked: Baseline, *, as_json: bool) -> bool:
    """Run the experiment, and return whether it came to its end."""
    pairs = opened(asked.data, asked.patches, asked.reading)
    where = whereabouts(pairs, asked.data, asked.patches, asked.reading)
    events = stories.baseline(pairs, RunFolder(asked.run), asked.baseline, where)
    ended = follow_training(events, as_json=as_json)
    if not as_json:
        words = f"Run: {printable(asked.run)} ({clock(ended.elapsed)})"
        OUT.print(words, soft_wrap=True, markup=False)
    return ended.reason == "completed"


def export(asked: Export, *, as_json: bool) -> None:
    """Hand a run over to other languages."""
    done = hand_over(asked.run, asked.out, asked.handover)
    if as_json:
        print_json(type(done).__name__, vars(done))
        return
    words = f"{done.arrays} arrays, {done.bytes / 1e6:,.1f} MB in {printable(done.folder)}"
    OUT.print(words, soft_wrap=True, markup=False)

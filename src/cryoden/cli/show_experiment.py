"""What the experiment looks like on a terminal: its data sets, in numbers and in words, and its runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from cryoden.cli.console import OUT, bar, print_json, printed, show_remarks, show_workers
from cryoden.cli.flags_runs import BuildPatches, CheckPatches, Export, PatchesInfo
from cryoden.compute.hiring import hired, local
from cryoden.errors import SettingsError, printable
from cryoden.events.batch import WorkersStarted
from cryoden.events.closing import closed
from cryoden.experiment.build import BuildFinished, MicrographMeasured, PairWritten, build
from cryoden.experiment.data_source import PairSource, patch_pairs
from cryoden.experiment.export import export_run
from cryoden.experiment.inspect_pairs import Doubt, Findings, PairChecked, inspect
from cryoden.experiment.store import PatchStore
from cryoden.settings.workers import WorkerSettings

if TYPE_CHECKING:
    from cryoden.compute.crew import Crew

Event = TypeVar("Event")
NAMED = 10  # of what is wrong; the rest is counted


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


def export(asked: Export, *, as_json: bool) -> None:
    """Hand a run over to other languages."""
    done = export_run(asked.run, asked.out, asked.exporting)
    if as_json:
        print_json(type(done).__name__, vars(done))
        return
    words = f"{done.arrays} arrays, {done.bytes / 1e6:,.1f} MB in {printable(done.folder)}"
    OUT.print(words, soft_wrap=True, markup=False)


def facts(store: PatchStore) -> dict[str, Any]:
    """Return what a data set is; sizes in bytes, an epoch being one pass over all pairs."""
    layout = store.layout
    size = layout.pairs * layout.pair_bytes
    return {
        "folder": str(store.folder),
        "pairs": layout.pairs,
        "patch": layout.edge,
        "format": layout.dtype,
        "files": layout.shards,
        "bytes": size,
        "bytes_per_pair": layout.pair_bytes,
        "bytes_per_epoch": size,
        "kind": store.about["kind"],
        "sources": store.about["sources"],
        "settings": store.about["settings"],
        "pixel_size": store.pixel_size,
        "scales": store.about.get("scales", []),
        "versions": store.about.get("versions", {}),
    }


def rows(store: PatchStore) -> list[tuple[str, str]]:
    """Return the same for people, each a name and a text."""
    layout, chosen = store.layout, store.settings
    size = layout.pairs * layout.pair_bytes
    by = "overlapping" if chosen.stride < chosen.patch else "side by side"
    return [
        (
            "pairs",
            f"{layout.pairs:,} of {layout.edge:,} × {layout.edge:,} px, {by}, every {chosen.stride:,} px",
        ),
        ("made from", _made_from(store)),
        ("pixel size", f"{store.pixel_size:g} Å/px" if store.pixel_size else "unknown"),
        ("scale", _scale(store)),
        ("noise", _noise(store)),
        ("on disk", f"{_size(size)} in {_counted(layout.shards, 'file')}, {layout.dtype}"),
        ("read in an epoch", f"{_size(size)}, {_size(layout.pair_bytes)} a pair"),
        ("written by", ", ".join(f"{name} {number}" for name, number in store.about["versions"].items())),
    ]


def built(ended: BuildFinished) -> str:
    """Say what a build has made, and what was there before."""
    there = ended.files - ended.made
    before = f"; {there:,} of {_counted(ended.files, 'file')} existed already" if there else ""
    return f"{_counted(ended.pairs, 'pair')}, {_size(ended.bytes)} in {printable(ended.folder)}{before}"


def lines(found: Findings) -> Iterator[str]:
    """Yield what a check found, in words."""
    yield f"{found.pairs:,} pairs read: {len(found.damaged):,} damaged"
    yield from _named(found.damaged)
    faint = f", {found.faint:,} too faint to assess" if found.faint else ""
    yield (
        f"{found.looked_at:,} of them inspected: {len(found.shifted):,} misaligned{faint}, "
        f"{len(found.flat):,} without contrast"
    )
    yield from _named((*found.shifted, *found.flat))
    if found.low is not None:
        yield f"Targets range from {found.low:.3g} to {found.high:.3g}, mean {found.mean:.3g}"
    if found.damaged:
        yield "Repeat the command that built the data set: it replaces damaged files."


def remarks(found: Findings) -> Iterator[str]:
    """Yield what has changed since, which does not make the data set worse."""
    yield from found.changed[:NAMED]
    if len(found.changed) > NAMED:
        yield f"and {len(found.changed) - NAMED:,} more micrographs have changed"


def _named(doubts: Sequence[Doubt]) -> Iterator[str]:
    yield from (f"  {doubt.words()}" for doubt in doubts[:NAMED])
    if len(doubts) > NAMED:
        yield f"  and {len(doubts) - NAMED:,} more"


def _made_from(store: PatchStore) -> str:
    targets = sum(source.pairs > 0 for source in store.sources)
    if store.about["kind"] == "pairs":
        return f"{_counted(targets, 'pair')} of micrographs"
    return _counted(targets, "micrograph")


def _scale(store: PatchStore) -> str:
    if store.settings.scale == "z-score":
        return "mean 0 and standard deviation 1 of each micrograph"
    return "95th percentile of each micrograph's positive pixels is 1, clipped to 0–1"


def _noise(store: PatchStore) -> str:
    chosen = store.settings
    if store.about["kind"] == "pairs":
        return "that of the noisy micrographs"
    poisson = [f"Poisson at {chosen.poisson:,g} electrons"] if chosen.poisson else []
    gaussian = [f"Gaussian, σ {chosen.gaussian:g}"] if chosen.gaussian else []
    clipped = ", clipped to 0–1" if chosen.clip and chosen.scale == "positive" else ""
    return (" + ".join([*poisson, *gaussian]) or "none") + f"{clipped}; seed {chosen.noise_seed}"


def _size(count: int) -> str:
    """Return bytes with the unit that suits them, in powers of 1,000."""
    unit, name = next(
        (pair for pair in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if count >= pair[0]), (1, "B")
    )
    return f"{count / unit:,.2f} {name}" if unit > 1 else f"{count} B"


def _counted(count: int, name: str) -> str:
    return f"{count:,} {name}{'' if count == 1 else 's'}"

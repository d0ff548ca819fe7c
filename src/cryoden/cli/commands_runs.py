"""Commands about runs: which console shows which, and what a comparison looks like on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryoden.checkpoints.asked import folder_to_resume, how_to_resume, is_settled, merged
from cryoden.cli import show_experiment
from cryoden.cli.console import OUT, print_json, show_remarks, show_table
from cryoden.cli.endings import say
from cryoden.cli.flags_runs import (
    Baseline,
    BuildPatches,
    CheckPatches,
    Compare,
    Export,
    PatchesInfo,
    PatchSets,
    Report,
)
from cryoden.cli.show_training import follow_training
from cryoden.compute import devices
from cryoden.compute.ranks import given
from cryoden.errors import SettingsError, TrainingError, printable
from cryoden.events.history import clock
from cryoden.events.training import TrainingEvent
from cryoden.experiment import workflow
from cryoden.experiment.data_source import data_source, opened
from cryoden.runs import comparison_report, report
from cryoden.runs.compare import RunSummary
from cryoden.runs.compare import opened as opened_run
from cryoden.runs.folder import RunFolder
from cryoden.runs.table import FIGURES
from cryoden.runs.targets import Reached, Targets, reached
from cryoden.training.preview_request import RunControl

Asked = PatchSets | Baseline | Compare | Export | Report


def done(asked: Asked, *, as_json: bool) -> bool:
    """Run one command and return whether all of it is well."""
    match asked:
        case PatchSets():
            return _patches(asked, as_json=as_json)
        case Baseline():
            return _baseline(asked, as_json=as_json)
        case Compare():
            return _compare(asked, as_json=as_json)
        case Export():
            show_experiment.export(asked, as_json=as_json)
        case Report():
            _report(asked)
    return True


def _patches(asked: PatchSets, *, as_json: bool) -> bool:
    match asked.action:
        case BuildPatches() as action:
            show_experiment.build_patches(action, as_json=as_json)
        case CheckPatches() as action:
            return show_experiment.check_patches(action, as_json=as_json)
        case PatchesInfo() as action:
            show_experiment.patches_info(action, as_json=as_json)
    return True


def _baseline(asked: Baseline, *, as_json: bool) -> bool:
    """Run the experiment, or resume it, and return whether it came to its end."""
    if given().number > 1:
        problem = "the baseline experiment runs on one GPU, and torchrun has started several processes"
        raise SettingsError("S03", None, problem, fix="Start it without torchrun")
    resumed, control = folder_to_resume(asked.resume, asked.run, None, say), RunControl()
    run = resumed or asked.run
    if run is None:
        raise SettingsError("S03", None, "give --run to keep the run", fix="See cryoden baseline --help")
    events = _experiment(asked, run, control, is_resumed=resumed is not None)
    try:
        return _ended_well(events, run, control, as_json=as_json)
    except TrainingError as error:
        if not is_settled(error, asked.resume):
            raise
        say(str(error))
        return True


def _ended_well(events: Iterator[TrainingEvent], run: Path, control: RunControl, *, as_json: bool) -> bool:
    ended = follow_training(events, as_json=as_json, stop=control.stop)
    if not as_json:
        words = f"Run folder: {printable(run)} ({clock(ended.elapsed)})"
        OUT.print(words, soft_wrap=True, markup=False)
    if ended.reason == "stopped":
        say(how_to_resume(run, "baseline").strip())
        raise KeyboardInterrupt  # as of any other command
    return ended.reason == "completed"


def _experiment(
    asked: Baseline, run: Path, control: RunControl, *, is_resumed: bool
) -> Iterator[TrainingEvent]:
    if is_resumed and not asked.data:
        return workflow.resume(run, merged(run, asked.baseline), force=asked.force, control=control)
    devices.resolve(asked.baseline.device)  # before all pairs are looked at
    pairs = opened(asked.data, asked.patches, asked.reading)
    where = data_source(pairs, asked.data, asked.patches, asked.reading)
    if is_resumed:
        again = pairs, where
        return workflow.resume(run, asked.baseline, again, force=asked.force, control=control)
    return workflow.baseline(pairs, RunFolder(run), asked.baseline, where, control)


def _report(asked: Report) -> None:
    for folder in map(RunFolder, asked.runs):
        remarks = report.write(folder)
        words = f"Written: {printable(folder.text)} and {folder.report.name}"
        OUT.print(words, soft_wrap=True, markup=False)
        show_remarks(remarks)


def _compare(asked: Compare, *, as_json: bool) -> bool:
    """Compare runs, show the result, and return whether no target was missed."""
    runs = [opened_run(run) for run in asked.runs]
    found = _compared(asked, runs)
    if as_json:
        _print_json(runs, found)
    else:
        show_table(*comparison_report.columns(runs), figures=True)
        show_table(("run", "target", "", "numbers"), comparison_report.results(found))
    if asked.report is not None:
        comparison_report.write(runs, found, asked.report, overwrite=asked.overwrite)
        OUT.print(f"Written: {printable(asked.report)}", soft_wrap=True, markup=False)
    return all(one.passed is not False for one in found)


def _compared(asked: Compare, runs: list[RunSummary]) -> list[Reached]:
    """Compare all runs with the reference run, except itself and those of another loss."""
    if asked.against is None:
        return []
    reference = opened_run(asked.against)
    targets = Targets(reference, asked.within, asked.batches)
    return [
        one
        for run in runs
        if run.comparable and run.place != reference.place
        for one in reached(run, targets)
    ]


def _print_json(runs: list[RunSummary], found: list[Reached]) -> None:
    for run in runs:
        print_json("run", {figure.title: figure.text(run) for figure in FIGURES})
    for one in found:
        print_json("target", vars(one))

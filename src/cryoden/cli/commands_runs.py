"""Commands about runs: which console shows which, and what a comparison looks like on a terminal."""

from __future__ import annotations

from cryoden.cli import show_experiment
from cryoden.cli.console import OUT, print_json, show_table
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
from cryoden.errors import printable
from cryoden.runs import comparison_report, report
from cryoden.runs.compare import RunSummary, opened
from cryoden.runs.folder import RunFolder
from cryoden.runs.table import FIGURES
from cryoden.runs.targets import Reached, Targets, reached

Asked = PatchSets | Baseline | Compare | Export | Report


def done(asked: Asked, *, as_json: bool) -> bool:
    """Run one command and return whether all of it is well."""
    match asked:
        case PatchSets():
            return _patches(asked, as_json=as_json)
        case Baseline():
            return show_experiment.baseline(asked, as_json=as_json)
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


def _report(asked: Report) -> None:
    for folder in map(RunFolder, asked.runs):
        report.write(folder)
        words = f"Written: {printable(folder.text)} and {folder.report.name}"
        OUT.print(words, soft_wrap=True, markup=False)


def _compare(asked: Compare, *, as_json: bool) -> bool:
    """Compare runs, show the result, and return whether no target was missed."""
    runs = [opened(run) for run in asked.runs]
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
    reference = opened(asked.against)
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

"""What a comparison of runs looks like on a terminal."""

from __future__ import annotations

from cryoden.cli.console import OUT, print_json, show_table
from cryoden.cli.flags_runs import Compare
from cryoden.errors import printable
from cryoden.runs import comparison_report
from cryoden.runs.compare import RunSummary, opened
from cryoden.runs.table import FIGURES
from cryoden.runs.targets import Reached, Targets, reached


def compare(asked: Compare, *, as_json: bool) -> bool:
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

"""Runs compared as a page: one table, curves over one another, targets passed or failed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from cryoden.reporting.html_page import filled
from cryoden.reporting.markdown import write as write_page
from cryoden.runs.compare import LOSS, RunSummary, courses
from cryoden.runs.loss_plot import overlay
from cryoden.runs.table import FIGURES
from cryoden.runs.targets import Reached

CURVES = "curves.png"
MARKS = {True: "✔ passed", False: "✘ failed", None: "? unknown"}


def columns(runs: Sequence[RunSummary]) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the table: a figure a row, a run a column; figures nobody has are left out."""
    head = ["", *(run.name for run in runs)]
    rows = [[figure.title, *(figure.text(run) for run in runs)] for figure in FIGURES[1:]]
    return head, [row for row in rows if set(row[1:]) != {"–"}]


def results(found: Sequence[Reached]) -> list[list[str]]:
    """Return a row for each target of each run."""
    return [[one.run, one.target, MARKS[one.passed], one.numbers] for one in found]


def write(
    runs: Sequence[RunSummary], found: Sequence[Reached], path: Path, *, overwrite: bool = False
) -> None:
    """Write the page as HTML, or, where the name ends in ``.md``, as Markdown with its picture beside it.

    Raises
    ------
    OutputError
        O02 to O06 when it cannot be written.
    """
    with TemporaryDirectory() as folder:
        picture = (path.parent if path.suffix == ".md" else Path(folder)) / f"{path.stem}_{CURVES}"
        label, by_epoch = courses(runs)
        overlay(by_epoch, picture, label)
        text = markdown(runs, found, picture.name)
        write_page(text, path, title="Runs compared", pictures=[picture], overwrite=overwrite)


def markdown(runs: Sequence[RunSummary], found: Sequence[Reached], picture: str) -> str:
    """Return the page as Markdown."""
    head, rows = columns(runs)
    label, _ = courses(runs)
    return filled(
        __package__,
        "comparison.md",
        head=head,
        rows=rows,
        reported=[run.name for run in runs if run.state == "reported"],
        picture=picture,
        label="Loss" if label == LOSS else label,
        courses=[(run.name, _course(run)) for run in runs],
        results=results(found),
        figures=FIGURES,
    )


def _course(run: RunSummary) -> str:
    found = run.convergence()
    return found.words() if found else "its steps are unknown"

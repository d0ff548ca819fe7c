"""Runs compared as a page: one table, curves over one another, targets passed or failed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from cryoden.reporting.markdown import table
from cryoden.reporting.markdown import write as write_page
from cryoden.runs.compare import RunSummary
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


def judgements(found: Sequence[Reached]) -> list[list[str]]:
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
        overlay({run.name: run.course() for run in runs}, picture)
        text = markdown(runs, found, picture.name)
        write_page(text, path, title="Runs compared", pictures=[picture], overwrite=overwrite)


def markdown(runs: Sequence[RunSummary], found: Sequence[Reached], picture: str) -> str:
    """Return the page as Markdown."""
    parts = ["# Runs compared", table(*columns(runs)), _reported(runs)]
    parts += [f"![Loss by epoch]({picture})", "## How each curve behaves", _courses(runs)]
    if found:
        rows = judgements(found)
        parts += ["## Targets", table(("run", "target", "", "numbers"), rows)]
    parts += ["## What the figures are", "\n".join(f"- **{one.title}**: {one.means}" for one in FIGURES)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _reported(runs: Sequence[RunSummary]) -> str:
    names = ", ".join(run.name for run in runs if run.state == "reported")
    words = "Reported figures were not measured here, and may be of other data and another loss"
    return f"{words}: {names}." if names else ""


def _courses(runs: Sequence[RunSummary]) -> str:
    known = [(run.name, run.convergence()) for run in runs]
    rows = [(name, found.words() if found else "its steps are not known") for name, found in known]
    return table(("run", "course"), rows)

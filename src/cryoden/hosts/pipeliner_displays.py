"""What the CCP-EM Pipeliner shows of finished jobs: curves, pictures before and after, tables, reports.

Contract: ``pipeliner.results_display_objects`` of ccpem-pipeliner 1.6.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from pipeliner.display_tools import create_results_display_object, mini_montage_from_many_files
from pipeliner.results_display_objects import ResultsDisplayObject

from cryoden.dataset.star_files import MICROGRAPH
from cryoden.errors import CryodenError
from cryoden.events.quality import References
from cryoden.events.snr_gain import IN_DB, gain_of
from cryoden.events.training import EpochFinished
from cryoden.hosts.listed_results import DENOISED, MISSING, RAW
from cryoden.io.star import having, read_tables
from cryoden.runs import metrics
from cryoden.runs.folder import RunFolder
from cryoden.runs.record import read

SHOWN, SIZE = 4, 1200  # micrographs before and after; px of the picture's width
MOST = 500  # micrographs to leaf through, as in their own jobs
Displays = list[ResultsDisplayObject]
Curves = dict[str, dict[str, Callable[[EpochFinished], float | None]]]


def of_training(run: RunFolder) -> Displays:
    """Return curves of a run, a region of a micrograph before and after, and its report."""
    epochs = [event for event in metrics.read(run.metrics) if isinstance(event, EpochFinished)]
    curves = [_curve(title, lines, epochs, run) for title, lines in _curves(run).items()]
    return [*filter(None, curves), *_picture(run), *_page("Report of the training", run.report)]


def _curves(run: RunFolder) -> Curves:
    known: References | None = None
    with suppress(CryodenError):
        known = read(run.path).started.references
    return {
        "Loss": {
            "training": lambda epoch: epoch.train_loss,
            "validation": lambda epoch: epoch.validation_loss,
        },
        IN_DB: {"validation": lambda epoch: known and gain_of(known, epoch.quality)},
    }


def _curve(
    title: str,
    lines: dict[str, Callable[[EpochFinished], float | None]],
    epochs: Sequence[EpochFinished],
    run: RunFolder,
) -> ResultsDisplayObject | None:
    """Return a plot by epoch; ``None`` where the run has no such numbers."""
    points = {name: _known((epoch.epoch, value(epoch)) for epoch in epochs) for name, value in lines.items()}
    drawn = {name: found for name, found in points.items() if found}
    if not drawn:
        return None
    return create_results_display_object(
        "graph",
        title=f"{title} by epoch",
        xvalues=[[x for x, _ in found] for found in drawn.values()],
        yvalues=[[y for _, y in found] for found in drawn.values()],
        xaxis_label="epoch",
        yaxis_label=title,
        data_series_labels=list(drawn),
        modes=["lines+markers"],
        associated_data=[str(run.metrics)],
    )


def _known(points: Iterable[tuple[int, float | None]]) -> list[tuple[int, float]]:
    return [(x, y) for x, y in points if y is not None and math.isfinite(y)]


def _picture(run: RunFolder) -> Displays:
    if not run.denoised.is_file():
        return []
    words = "Region of a validation micrograph, raw and denoised"
    return [
        create_results_display_object(
            "image",
            title=words,
            image_path=str(run.denoised),
            image_desc=words,
            associated_data=[str(run.model)],
        )
    ]


def of_results(listed: Path) -> Displays:
    """Return the first micrographs of a list of results, raw beside denoised, and all results."""
    pairs = _before_and_after(listed)
    shown = pairs[:SHOWN]
    beside = mini_montage_from_many_files(
        [file for pair in shown for file in pair],
        str(listed.parent),
        nimg=2 * len(shown),
        montagesize=SIZE,
        ncols=2,
        title="Raw and denoised",
        labels=[f"{kind}: {Path(raw).name}" for raw, _ in shown for kind in ("raw", "denoised")],
        associated_data=[str(listed)],
    )
    every = create_results_display_object(  # make_image_carousel leaves the quotes around names with spaces
        "carousel",
        title="Denoised micrographs",
        image_names=[made for _, made in pairs[:MOST]],
        image_index_file=str(listed),
    )
    return [beside, every]


def _before_and_after(listed: Path) -> list[tuple[str, str]]:
    """Return the names of micrographs, each with that of its result."""
    tables = read_tables(listed)
    for names in ((RAW, *MICROGRAPH), (*MICROGRAPH, DENOISED)):
        if table := having(tables, names):
            return [(raw, made) for raw, made in table.columns(names) if made != MISSING]
    return []


def of_evaluation(numbers: Path, page: Path) -> Displays:
    """Return what an evaluation concludes, its table, and its report."""
    from cryoden.evaluation import json_file  # noqa: PLC0415  needs torch, and a list of jobs is to appear at once
    from cryoden.evaluation.columns import columns  # noqa: PLC0415  the same
    from cryoden.evaluation.conclusions import conclusions  # noqa: PLC0415  the same

    table = json_file.load(numbers)
    shown = columns(table)
    said = [
        f"{one.mark} {one.name}: {finding.words}"
        for one in conclusions(table)
        for finding in (one.better, *one.findings)
    ]
    return [
        create_results_display_object(
            "text", title="Conclusions", display_data="\n".join(said), associated_data=[str(numbers)]
        ),
        create_results_display_object(
            "table",
            title="Denoisers and simple filters",
            headers=[one.title for one in shown],
            header_tooltips=[one.means for one in shown],
            table_data=[[one.text(table, row) for one in shown] for row in table.rows],
            associated_data=[str(numbers)],
        ),
        *_page("Report of the evaluation", page),
    ]


def _page(title: str, page: Path) -> Displays:
    if not page.is_file():
        return []
    return [
        create_results_display_object(
            "html", title=title, html_file=str(page), associated_data=[str(page)], start_collapsed=True
        )
    ]

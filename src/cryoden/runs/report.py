"""A run as a page to read: Markdown, and the same as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from cryoden.errors import Remark, RunError
from cryoden.events.closing import closed
from cryoden.events.history import History, clock, length
from cryoden.events.reference_lines import GAIN_REFERENCES, REFERENCES
from cryoden.events.snr_gain import gain_of, in_db, reference_gains
from cryoden.events.training import TrainingEvent
from cryoden.io.leftovers import remove_leftovers
from cryoden.reporting.html_page import filled
from cryoden.reporting.markdown import write as write_page
from cryoden.runs.folder import RunFolder
from cryoden.runs.loss_plot import draw
from cryoden.runs.record import RunRecord, read
from cryoden.runs.report_sections import (
    as_used,
    checks,
    convergence,
    evaluation,
    left_out,
    methods,
    performance,
    tensors,
)
from cryoden.settings.fields import fields_of

SEEN = 8  # names of micrographs that are listed


def finished(folder: RunFolder, events: Iterable[TrainingEvent]) -> Iterator[TrainingEvent]:
    """Pass events on; however the run ends, the folder it made then has its plot and its report.

    A second Ctrl-C is in a hurry: then there is neither. Nor is there where another process has the run.
    """
    own: list[RunFolder] = []  # it is made before the first event
    with _written(own), closed(events):
        for event in events:
            own[:] = [folder]
            yield event


@contextmanager
def _written(folders: Iterable[RunFolder]) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if not (isinstance(error, RunError) and error.code == "R05"):
            _write_all(folders)
        raise
    _write_all(folders)


def _write_all(folders: Iterable[RunFolder]) -> None:
    for folder in folders:
        if folder.record.is_file():
            write(folder)


def completed(folder: RunFolder) -> None:
    """Make good what a run that has ended lacks because it was killed then; errors as `write`.

    Its plot and its reports are made, and what it was writing, and its sign of life, removed.
    """
    remove_leftovers(folder.path)
    with suppress(OSError):
        folder.heartbeat.unlink()
    if not all(file.exists() for file in (folder.plot, folder.report, folder.text)):
        write(folder)


def write(folder: RunFolder) -> list[Remark]:
    """Draw the losses and write both reports again.

    Returns
    -------
    list of Remark
        R08: what is not in them, because it lies outside the folder, and a link in it says where.

    Raises
    ------
    RunError
        R01 to R03 for a folder that holds no whole run, R08 for one that is a link to another's.
    OutputError
        O02, O03 or O06 when they cannot be written.
    """
    outside = left_out(folder)
    record = read(folder.path)
    history = record.history()
    draw(history, folder.plot)
    text = report(record, history)
    pictures = [folder.plot, *filter(partial(_is_shown, folder), (folder.denoised, folder.pairs))]
    for path in (folder.text, folder.report):
        write_page(text, path, title=f"Run {record.name}", pictures=pictures)
    return outside


def _is_shown(folder: RunFolder, picture: Path) -> bool:
    return picture.is_file() and not folder.leads_out(picture)


def report(record: RunRecord, history: History) -> str:
    """Return the report as Markdown; pictures are files beside it."""
    found = evaluation(record)
    return filled(
        __package__,
        "run.md",
        record=record,
        history=history,
        started=record.started,
        known=record.started.references,
        references=REFERENCES,
        gain_references=GAIN_REFERENCES,
        reference_gains=reference_gains(record.started.references),
        steps=int(record.about["steps"]),
        memory=history.epochs[-1].gpu_bytes if history.epochs else None,
        settings=_settings(record, history),
        performance=performance(history),
        convergence=convergence(record, history),
        tensors=tensors(record),
        checks=checks(record),
        evaluation=found,
        methods=methods(found),
        is_shown=partial(_is_shown, record.folder),
        left_out=[remark.text for remark in left_out(record.folder)],
        loss=_loss,
        gain_of=gain_of,
        in_db=in_db,
        length=length,
        clock=clock,
        names=_names,
    )


def _settings(record: RunRecord, history: History) -> dict[str, str]:
    """Return the settings as they were used, whatever stood for "choose for me"."""
    chosen = record.started.settings
    used = as_used(record, history)
    return {
        name: used.get(name, f"{getattr(chosen, name)} {setting.unit}".strip())
        for name, (_, setting) in fields_of(type(chosen)).items()
    }


def _names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - SEEN:,} more" if len(names) > SEEN else ""
    return ", ".join(names[:SEEN]) + more


def _loss(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"

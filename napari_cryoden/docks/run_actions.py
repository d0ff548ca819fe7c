"""What can be done with a run in the dock "Runs", and in words why not."""

from __future__ import annotations

from collections.abc import Sequence

from cryoden.runs.compare import RunSummary
from cryoden.runs.record import SETTINGS
from cryoden.settings.training import TrainingSettings
from napari_cryoden.plots.runs_table import verdict_words

RESUMED = "Continue this run from its last checkpoint"
RESUMED_CHANGED = "Continue it with what has changed, after confirmation"
OTHERS = "Described by a file, not a run of this program"


def about(run: RunSummary) -> str:
    """Return what is said of a selected run."""
    if run.record is None:
        return f"{run.state} · {run.hardware or 'unknown hardware'} · described in {run.place.name}"
    began = run.record.began[:16].replace("T", " ")
    message = f"{run.record.message.rstrip('.')}." if run.record.message else ""
    verdict = f" {words}." if (words := verdict_words(run)) else ""
    return f"{began} UTC · {run.network} · {run.hardware}. {message}{verdict}"


def with_changes(words: str, differences: Sequence[str]) -> str:
    """Return what is said of a run, and below it what has changed since, a line each."""
    return "\n".join([words, *(f"• {one}" for one in differences)])


def all_the_same(run: RunSummary, differences: Sequence[str]) -> str:
    """Return the question before a run continues with other data than it had."""
    question = f"{run.name} has changed since. Resume it all the same? Its record and report will say so."
    return with_changes(question, differences)


def not_one(run: RunSummary | None) -> str:
    """Return why nothing can be done with a selection; empty where it is one run of this program."""
    if run is None:
        return "Select one run"
    return "" if run.record else OTHERS


def no_settings(run: RunSummary | None) -> str:
    """Return why its settings cannot be used for training."""
    ours = (
        run and run.record and SETTINGS.get(run.record.about.get("settings", "training")) is TrainingSettings
    )
    return not_one(run) or (
        "" if ours else ("A run of the baseline experiment: repeat it with cryoden baseline")
    )


def no_model(run: RunSummary | None) -> str:
    """Return why its model cannot be used."""
    there = run and run.record and run.record.has_model
    return not_one(run) or ("" if there else "No model: no epoch was better than the starting model")


def no_report(run: RunSummary | None) -> str:
    """Return why its report cannot be opened."""
    there = run and run.record and run.record.folder.report.is_file()
    return not_one(run) or ("" if there else "No report yet; cryoden report writes one")


def not_resumed(run: RunSummary | None, *, is_busy: bool) -> str:
    """Return why it cannot be resumed; ``is_busy`` while another training runs in the window."""
    if (problem := not_one(run)) or run is None or run.record is None:
        return problem
    if is_busy:
        return "A training run is active in this window; stop it or wait until it ends"
    if run.state == "running":
        return "It is running"
    if run.record.is_over:
        return "It is finished; to train longer, use cryoden train --resume with more epochs and --force"
    return "" if run.record.has_checkpoint else "It has no checkpoint"


def not_deleted(runs: Sequence[RunSummary]) -> str:
    """Return why not all of these can be deleted."""
    if any(run.record is None for run in runs):
        return OTHERS
    if any(run.state == "running" for run in runs):
        return "A running training cannot be deleted; stop it first"
    return "" if runs else "Select runs first"


def words(selected: int, trouble: str, searching: bool, listed: int) -> str:
    """Return what is said while no run, or several, are selected."""
    if selected:
        return f"{selected} runs selected"
    if trouble or searching:
        return trouble or "Searching for runs …"
    return "Select a run" if listed else "No runs here yet: train a model first"

"""A run of this window that continues one on disk, or says in what that one differs."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from cryoden.errors import ChangedRunError
from cryoden.events.training import TrainingEvent
from cryoden.runs.record import read
from cryoden.settings.baseline import BaselineSettings
from cryoden.training.preview_request import RunControl


@dataclass(frozen=True)
class Changed:
    """A run that was not resumed, because settings or data are others than they were: each in words."""

    folder: Path
    differences: Sequence[str]


def resuming(
    folder: Path, control: RunControl, *, force: bool
) -> Generator[TrainingEvent | Changed, None, None]:
    """Yield the events of a resumed run, of whichever command; errors as of `resume_training`."""
    from cryoden.experiment import workflow  # noqa: PLC0415  it loads torch, which docking must not
    from cryoden.workflows import train_model  # noqa: PLC0415  as above

    is_baseline = isinstance(read(folder).started.settings, BaselineSettings)
    resume = workflow.resume if is_baseline else train_model.resume_training
    events = resume(folder, force=force, control=control)
    try:
        with closing(cast("Generator[TrainingEvent, None, None]", events)):
            yield from events
    except ChangedRunError as error:
        yield Changed(folder, error.differences)
        raise

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cryoden.errors import ChangedRunError
from cryoden.events.training import Resumed, TrainingFinished
from cryoden.training.preview_request import RunControl
from napari_cryoden.jobs.resuming import Changed, resuming
from tests.cryoden.checkpoints.interrupted import begun, halves, until


def test_a_changed_run_is_an_event_and_then_the_error_that_it_is_unless_it_is_forced(tmp_path: Path) -> None:
    data, run = halves(tmp_path / "data", 2), tmp_path / "run"
    until(begun(data, run), 2)
    half = data / "m0_ODD.mrc"
    half.write_bytes(half.read_bytes()[:-4] + b"\0\0\0\0")
    os.utime(half, (1, 1))
    events = resuming(run, RunControl(), force=False)
    changed = next(events)
    assert isinstance(changed, Changed)
    assert changed.folder == run
    assert [one.split(":")[0] for one in changed.differences] == ["m0_ODD.mrc"]
    with pytest.raises(ChangedRunError, match="T17 "):
        next(events)
    forced = list(resuming(run, RunControl(), force=True))
    assert any(isinstance(event, Resumed) for event in forced)
    assert isinstance(forced[-1], TrainingFinished)

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryoden.errors import Remark
from cryoden.events.batch import FileFinished, FileStarted
from napari_cryoden.jobs.batch import KEPT


def test_thousands_of_files_keep_no_more_than_the_last_ones(batch: Any) -> None:
    job = batch.batch
    for number in range(3 * KEPT):
        path = Path(f"m{number}.mrc")
        job.fold(FileStarted(path, number, 3 * KEPT))
        job.fold(FileFinished(path, path, 1.0, (Remark("F28", "pixel size missing"),) if number % 2 else ()))
        if number % 7 == 0:
            job.changed.emit()
    job.changed.emit()
    shown = [batch.files.results.item(row).text() for row in range(batch.files.results.count())]
    assert shown[-2:] == ["m298.mrc · 1.0 s", "m299.mrc · 1.0 s · warnings: 1"]
    assert (len(shown), len(job.results), shown[0][:5]) == (KEPT, KEPT, "m200.")
    assert batch.files.done.text() == "<b>Done</b> (300)"
    assert batch.files.results.item(KEPT - 1).toolTip() == "m299.mrc\nF28: pixel size missing"

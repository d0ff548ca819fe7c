from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cryoden.reporting.contact_sheet import is_sheet
from napari_cryoden.docks.batch import BatchWidget
from napari_cryoden.jobs.contact_sheet import ContactSheetJob
from tests.napari_cryoden.grids import results


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would be shown by the system's own program."""
    found: list[str] = []
    monkeypatch.setattr(
        "napari_cryoden.docks.batch.QDesktopServices.openUrl", lambda url: found.append(url.toLocalFile())
    )
    return found


def test_after_a_batch_a_button_draws_its_results_and_opens_the_picture(
    qtbot: Any, ready: Any, viewer: Any, grids: Path, opened: list[str]
) -> None:
    other = BatchWidget(viewer)  # as in the dock of all steps: it opens nothing of its own
    qtbot.addWidget(other)
    assert not ready.sheet_button.isEnabled()
    with qtbot.waitSignal(ready.batch.ended):
        ready.denoise_button.click()
        assert not ready.sheet_button.isEnabled()
    file = results(grids) / "contact_sheet.png"
    for _ in range(2):  # the second replaces the first
        with qtbot.waitSignal(ready.sheet.ended):
            ready.sheet_button.click()
            assert not ready.sheet_button.isEnabled()
        assert is_sheet(file)
    assert opened == [str(file)] * 2
    assert ready.sheet.status == f"Contact sheet: {file}"


def test_a_picture_that_cannot_be_written_is_said_and_nothing_is_opened(
    qtbot: Any, ready: Any, grids: Path, opened: list[str], viewer: Any, notices: list[str]
) -> None:
    with qtbot.waitSignal(ready.batch.ended):
        ready.denoise_button.click()
    (results(grids) / "contact_sheet.png").write_text("of others")
    with qtbot.waitSignal(ready.sheet.ended):
        ready.sheet_button.click()
    assert ContactSheetJob.of(viewer).status.startswith("O05")
    assert len(notices) == 1
    assert not opened

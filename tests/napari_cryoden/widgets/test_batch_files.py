from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication

from cryoden.formats import micrographs
from tests.napari_cryoden.grids import ALL, results, run, spoil


def test_failures_can_be_copied_whole(qtbot: Any, ready: Any, grids: Path) -> None:
    bad = spoil(grids)
    run(qtbot, ready)
    ready.files.copy_button.click()
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text() == ready.batch.failures[0].message
    assert str(bad) in clipboard.text()
    clipboard.clear()
    qtbot.keyClick(ready.files.failures, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard.text() == ready.batch.failures[0].message


def test_a_finished_file_opens_beside_its_micrograph_once(
    qtbot: Any, ready: Any, grids: Path, viewer: Any
) -> None:
    run(qtbot, ready)
    listed = ready.files.results
    listed.itemDoubleClicked.emit(listed.item(3))
    assert [layer.name for layer in viewer.layers] == ["m3", "m3 · denoised"]
    raw, denoised = viewer.layers
    np.testing.assert_array_equal(raw.scale, denoised.scale)
    np.testing.assert_array_equal(denoised.data, micrographs.read(results(grids) / ALL[3]).data)
    assert viewer.canvas.grid.enabled
    assert denoised.metadata["cryoden"]["model"] == str(ready.model.path)
    ready.files.open_button.click()
    assert len(viewer.layers) == 2, "the last one is open already"
    listed.item(0).setSelected(True)
    ready.files.open_button.click()
    assert [layer.name for layer in viewer.layers if layer.visible] == ["m0", "m0 · denoised"]


def test_a_result_that_is_gone_is_told_in_one_line(
    qtbot: Any, ready: Any, grids: Path, viewer: Any, notices: Any
) -> None:
    run(qtbot, ready)
    gone = results(grids) / ALL[3]
    gone.unlink()
    ready.files.open_button.click()
    assert [line[:3] for line in notices] == ["F49"]
    assert str(gone) in notices[0]
    assert list(viewer.layers) == []


def test_after_a_batch_what_is_done_is_in_sight_and_no_empty_list(qtbot: Any, ready: Any) -> None:
    ready.window().resize(1366, 768)
    assert not ready.files.failures.isVisible()
    run(qtbot, ready)
    assert not ready.files.failures.isVisible()
    assert not ready.files.results.visibleRegion().isEmpty()

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QMenu

from tests.napari_cryoden import runs
from tests.napari_cryoden.plots.drawing import drawn


def test_nothing_of_pyqtgraph_lies_over_the_plot(qtbot: Any, plot: Any) -> None:
    drawn(qtbot, plot, runs.history())
    assert [menu for menu in plot.findChildren(QMenu) if menu.isVisible()] == []

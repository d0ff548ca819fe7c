from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtWidgets import QApplication, QMenu

from napari_cryoden.plots.curve_plot import add_curve, curve_plot, with_legend
from tests.napari_cryoden import runs
from tests.napari_cryoden.plots.drawing import drawn


def test_nothing_of_pyqtgraph_lies_over_the_plot(qtbot: Any, plot: Any) -> None:
    drawn(qtbot, plot, runs.history())
    assert [menu for menu in plot.findChildren(QMenu) if menu.isVisible()] == []


@pytest.mark.parametrize("count", [1, 2, 5])
def test_no_curve_can_cross_the_legend_and_names_are_no_markup(qtbot: Any, count: int) -> None:
    plot = with_legend(curve_plot("power", "resolution"))
    qtbot.addWidget(plot)
    plot.resize(500, 240)
    plot.show()
    names = [f"run <b>{number}</b> & more" for number in range(count)]
    for _ in range(2):
        plot.clear()
        for name in names:
            add_curve(plot, ([0, 1], [1, 0]), "w", name)
    qtbot.waitExposed(plot)
    QApplication.processEvents()
    item = plot.getPlotItem()
    assert [label.item.toPlainText() for _, label in item.legend.items] == names
    assert item.legend.sceneBoundingRect().bottom() <= item.getViewBox().sceneBoundingRect().top() + 1
    assert item.getViewBox().height() > 60

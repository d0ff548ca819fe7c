"""A plot of curves in the viewer's theme, which nobody can zoom away by accident."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import pyqtgraph as pg
from qtpy.QtCore import Qt

TOP_ROW = 0  # of the plot's own layout, meant for a title


def curve_plot(left: str, bottom: str) -> Any:
    """Return an empty plot with named axes."""
    plot = pg.PlotWidget(enableMenu=False)
    menu = plot.getPlotItem().ctrlMenu
    menu.setParent(plot, menu.windowFlags())  # pyqtgraph gives it no owner: it would outlive the window
    plot.hideButtons()
    plot.setMouseEnabled(x=False, y=False)
    plot.setLabel("left", left)
    plot.setLabel("bottom", bottom)
    for name in ("left", "bottom"):
        plot.getAxis(name).enableAutoSIPrefix(False)
    plot.showGrid(x=False, y=True, alpha=0.15)
    return plot


def with_legend(plot: Any, names: int = 2) -> Any:
    """Return the plot with a legend of so many names a row above it: within it curves would cross them."""
    item = plot.getPlotItem()
    item.layout.removeItem(item.titleLabel)
    item.legend = pg.LegendItem(colCount=names, verSpacing=-6, horSpacing=16)
    item.layout.addItem(item.legend, TOP_ROW, 1, Qt.AlignmentFlag.AlignLeft)
    return plot


def add_curve(plot: Any, points: Sequence[Any], pen: Any, name: str) -> None:
    """Draw a curve, its name in the legend as it is; pyqtgraph would take a ``<`` in it for markup."""
    plot.plot(*points, pen=pen, name=escape(name, quote=False))


def take_theme(plot: Any, theme: Any) -> None:
    """Take the colors of a theme of napari."""
    text = theme.text.as_hex("long")
    plot.setBackground(theme.background.as_hex("long"))
    legend = plot.getPlotItem().legend
    if legend is not None:
        legend.setLabelTextColor(text)
    for name in ("left", "bottom"):
        plot.getAxis(name).setPen(text)
        plot.getAxis(name).setTextPen(text)

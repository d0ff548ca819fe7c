"""A plot of curves in the viewer's theme, which nobody can zoom away by accident."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg


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


def with_legend(plot: Any, corner: tuple[int, int] = (-8, 4)) -> Any:
    """Return the plot with a legend in it, so many px from the left or right and from the top or bottom."""
    plot.addLegend(offset=corner)
    return plot


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

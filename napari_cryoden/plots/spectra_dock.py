"""Power spectra and Fourier ring correlations of compared layers, below the canvas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from cryoden.image.spectra import RadialProfile
from napari_cryoden.jobs.derived_layers import DerivedLayersJob, Spectra
from napari_cryoden.plots.curve_plot import add_curve, curve_plot, take_theme, with_legend
from napari_cryoden.plots.loss_legend import colors
from napari_cryoden.widgets.dock import below
from napari_cryoden.window import plain

TITLE, BOTTOM = "Spectra", "resolution (Å)"
COLORS = ("constant", "validation", "train", "linear", "floor")
TICKS = (100, 50, 30, 20, 15, 10, 8, 6, 5, 4, 3, 2)  # Å
APART = 30  # of the axis's width, from one of them to the next at least
EMPTY = "Compare layers and press Spectra."
ALONE = (
    "FRC of the two layers with each other: includes shared noise. Open the other raw half to "
    "see what is signal."
)
HONEST = (
    "FRC with the other raw half, {}: halves do not share noise, so this is signal. Denoising "
    "cannot raise the curve where there is no signal."
)


class SpectraDock(QWidget):
    """Follows what the window computes and draws the last spectra."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = plain(viewer)
        self.deriving = DerivedLayersJob.of(viewer)
        self.power = with_legend(curve_plot("power", BOTTOM))
        self.correlation = with_legend(curve_plot("FRC", BOTTOM))
        self.power.setLogMode(x=False, y=True)
        self.words = QLabel(EMPTY)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setWordWrap(True)
        row = QHBoxLayout()
        row.addWidget(self.power)
        row.addWidget(self.correlation)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 4, 2)
        column.addLayout(row, stretch=1)
        column.addWidget(self.words)
        self.setMinimumHeight(128)
        self._shown: Spectra | None = None
        self.deriving.changed.connect(self._follow)
        self.viewer.events.theme.connect(self._take_theme)
        self._take_theme()

    def _follow(self) -> None:
        if self.deriving.spectra is not self._shown:
            self._draw()

    def _draw(self) -> None:
        self._shown = found = self.deriving.spectra
        if found is None:
            return
        self._curves(self.power, found.power)
        self._curves(self.correlation, found.correlation)
        self.words.setText(HONEST.format(found.against) if found.against else ALONE)

    def _curves(self, plot: Any, profiles: Mapping[str, RadialProfile]) -> None:
        plot.clear()
        for color, (name, profile) in zip(COLORS, profiles.items(), strict=False):
            pen = pg.mkPen(colors(self._dark)[color], width=2)
            add_curve(plot, binned(profile), pen, name)
        last = max(profile.frequencies[-1] for profile in profiles.values())
        plot.getAxis("bottom").setTicks([[(1 / each, str(each)) for each in ticks(last)]])

    def _take_theme(self, event: Any = None) -> None:  # noqa: ARG002  napari passes its event
        theme = get_theme(self.viewer.theme)
        self._dark = theme.type == "dark"
        for plot in (self.power, self.correlation):
            take_theme(plot, theme)
        self._draw()


def ticks(last: float) -> list[int]:
    """Return the lengths in Å that are written below frequencies up to ``last`` per Å, none on another."""
    marked: list[int] = []
    for each in reversed(TICKS):  # fine to coarse, where they crowd
        if 1 / each < last and (not marked or 1 / marked[-1] - 1 / each >= last / APART):
            marked.append(each)
    return marked


def binned(profile: RadialProfile, most: int = 200) -> tuple[Any, Any]:
    """Return a profile averaged to about so many points; a plot has no more columns for them."""
    group = max(1, len(profile.values) // most)
    length = len(profile.values) // group * group
    weights = profile.counts[:length].reshape(-1, group)
    values, frequencies = (
        np.average(each[:length].reshape(-1, group), axis=1, weights=weights)
        for each in (profile.values, profile.frequencies)
    )
    return frequencies, values


def show_spectra(viewer: Any) -> SpectraDock:
    """Return the window's spectra; dock them when there are none, or when they were closed."""
    return below(viewer, TITLE, SpectraDock)

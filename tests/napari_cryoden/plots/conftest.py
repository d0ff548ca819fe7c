"""Fixtures that several files of tests share."""

from __future__ import annotations

from typing import Any

import pytest

from napari_cryoden.plots.loss_plot import LossPlot


@pytest.fixture
def plot(qtbot: Any) -> Any:
    made = LossPlot()
    qtbot.addWidget(made)
    made.resize(900, 200)
    made.show()
    return made

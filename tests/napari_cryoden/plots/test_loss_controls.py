from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtGui import QPixmap

from cryoden.events.loss_range import y_range
from cryoden.events.snr_gain import reference_gains
from napari_cryoden.plots.loss_controls import GAIN, LOSSES
from tests.napari_cryoden import runs
from tests.napari_cryoden.plots.drawing import drawn


def test_the_last_epochs_fill_the_plot_when_asked_for(qtbot: Any, plot: Any) -> None:
    drawn(qtbot, plot, runs.history(30))
    plot.controls.span.setCurrentText("last 10 epochs")
    (left, right), (low, high) = plot.plot.viewRange()
    assert left == pytest.approx(200, abs=5)
    assert right == pytest.approx(300, abs=5)
    whole = y_range(runs.history(30))
    assert high - low <= whole[1] - whole[0]


def test_a_logarithmic_axis_keeps_every_line_beside_its_curve(qtbot: Any, plot: Any) -> None:
    history = runs.history()
    drawn(qtbot, plot, history)
    plot.controls.log.setChecked(True)
    shown = plot._curves["validation"].getData()[1]  # as drawn
    np.testing.assert_allclose(shown, np.log10([e.validation_loss for e in history.epochs]))
    assert plot._lines["linear"].value() == pytest.approx(math.log10(runs.REFERENCES.linear))
    low, high = plot.plot.viewRange()[1]
    assert low < plot._lines["linear"].value() < high
    plot.controls.log.setChecked(False)
    assert plot._lines["linear"].value() == pytest.approx(runs.REFERENCES.linear)


def test_the_run_before_is_laid_over_this_one_when_asked_for(qtbot: Any, plot: Any) -> None:
    before = runs.history(12)
    drawn(qtbot, plot, runs.history(5))
    assert not plot.controls.earlier.isEnabled()
    plot.show_history(runs.history(5), before)
    qtbot.waitUntil(plot.controls.earlier.isEnabled)
    plot.controls.earlier.setChecked(True)
    x, y = plot._curves["earlier"].getData()
    assert list(x) == [epoch.step for epoch in before.epochs]
    assert list(y) == [epoch.validation_loss for epoch in before.epochs]


def test_what_is_seen_is_saved_as_a_picture_and_the_losses_as_a_table(
    qtbot: Any, plot: Any, tmp_path: Path
) -> None:
    history = runs.history()
    drawn(qtbot, plot, history)
    for name in ("p.png", "t.csv"):
        plot.controls.save(tmp_path / name)
    picture = QPixmap(str(tmp_path / "p.png"))
    assert picture.width() == plot.plot.width() + plot.legend.width()
    assert picture.height() >= plot.plot.height()
    rows = (tmp_path / "t.csv").read_text().splitlines()
    assert len(rows) == 1 + len(history.steps) + len(history.epochs)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.png", "t.csv"]


def test_a_plot_that_cannot_be_saved_says_so_in_one_line(
    qtbot: Any, plot: Any, tmp_path: Path, notices: list[str]
) -> None:
    drawn(qtbot, plot, runs.history())
    plot.controls.save(tmp_path / "nowhere" / "p.png")
    assert "O06" in notices[-1]


def test_a_logarithmic_axis_is_for_losses(qtbot: Any, plot: Any) -> None:
    drawn(qtbot, plot, runs.history(banded=True))
    assert not plot.controls.log.isVisible()
    plot.controls.shown.setCurrentIndex(LOSSES)
    plot.controls.log.setChecked(True)
    assert plot._lines["linear"].value() == pytest.approx(math.log10(runs.REFERENCES.linear))
    plot.controls.shown.setCurrentIndex(GAIN)
    assert plot._lines["linear"].value() == pytest.approx(reference_gains(runs.BANDED)["linear"])

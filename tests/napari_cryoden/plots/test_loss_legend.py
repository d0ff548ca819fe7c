from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from qtpy.QtWidgets import QLabel

from cryoden.events.history import History
from cryoden.events.loss_range import y_range
from cryoden.events.reference_lines import REFERENCES
from cryoden.events.snr_gain import band_gain, in_db, reference_gains
from napari_cryoden.plots.loss_controls import LOSSES
from napari_cryoden.plots.loss_legend import colors
from tests.napari_cryoden import runs
from tests.napari_cryoden.plots.drawing import drawn, luminance


def test_the_legend_tells_every_value_doing_nothing_included(qtbot: Any, plot: Any) -> None:
    drawn(qtbot, plot, runs.history())
    told = {name: label.text() for name, label in plot.legend.values.items()}
    assert told["identity"] == "↑ 1.9500"
    assert told["constant"] == "1.0000"
    assert told["gaussian"] == "0.9900 @ 20 Å"
    assert told["best"] == "0.9800 @ 5"


def test_no_word_of_the_legend_is_cut_off(qtbot: Any, plot: Any) -> None:
    drawn(qtbot, plot, runs.history())
    for label in plot.legend.findChildren(QLabel):
        assert label.width() >= label.sizeHint().width()
        assert plot.legend.rect().contains(label.geometry())


def test_a_line_far_from_the_run_is_out_of_view_and_the_legend_points_to_it(qtbot: Any, plot: Any) -> None:
    history = History()
    far = replace(runs.REFERENCES, identity=1.9, constant=0.9985, linear=0.9956, floor=0.976)
    history.add(runs.started(far))
    for number, loss in enumerate((0.9963, 0.9958, 0.9958)):
        history.add(runs.epoch(number, loss))
    low, high = y_range(history)
    assert low < 0.976
    assert 0.9985 < high < 1.9
    drawn(qtbot, plot, history)
    assert plot.legend.values["identity"].text() == "↑ 1.9000"
    assert plot.legend.values["floor"].text() == "0.9760"


@pytest.mark.parametrize(("dark", "background"), [(True, "#262930"), (False, "#efebe9")])
def test_every_line_stands_out_from_the_background(dark: Any, background: Any) -> None:
    behind = luminance(background)
    for name, color in colors(dark).items():
        light, deep = max(luminance(color), behind), min(luminance(color), behind)
        assert (light + 0.05) / (deep + 0.05) > (1.3 if name == "steps" else 3)


def test_what_a_run_is_judged_by_stands_first(plot: Any) -> None:
    rows = plot.legend.layout()
    first = [rows.itemAtPosition(row, 1).widget().text() for row in range(5)]
    assert first == [
        "validation",
        "best validation",
        "noise floor",
        "Wiener filter",
        "raw input (no denoising)",
    ]


def test_each_reference_is_drawn_where_the_legend_says(qtbot: Any, plot: Any) -> None:
    drawn(qtbot, plot, runs.history())
    for name, line in plot._lines.items():
        if name not in REFERENCES:
            continue
        said = plot.legend.values[name].text().strip("↑↓ ").split(" ")[0]
        assert line.value() == pytest.approx(float(said), abs=5e-5)
    assert plot._lines["floor"].value() == runs.FLOOR


def test_the_legend_has_rows_for_what_is_shown_only(qtbot: Any, plot: Any) -> None:
    drawn(qtbot, plot, runs.history(banded=True))
    names = plot.legend.names
    seen = [name for name, label in names.items() if label.isVisible()]
    assert seen == ["validation", "best", "linear", "identity", "gaussian", "ceiling"]
    assert names["validation"].text() == "SNR gain"
    gains = reference_gains(runs.BANDED)
    assert plot.legend.values["best"].text() == f"{in_db(band_gain(runs.BAND, 0.3))} @ 5"
    assert plot.legend.values["identity"].text() == "+0.0 dB"
    assert plot.legend.values["ceiling"].text() == f"↑ {in_db(gains['ceiling'])}"
    assert plot.legend.values["gaussian"].text() == f"↓ {in_db(gains['gaussian'])} @ 20 Å"
    assert "above it" in names["linear"].toolTip()
    plot.controls.shown.setCurrentIndex(LOSSES)
    assert [name for name, label in names.items() if not label.isVisible()] == ["ceiling"]
    assert names["validation"].text() == "validation"
    assert "below it" in names["linear"].toolTip()

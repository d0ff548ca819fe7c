from __future__ import annotations

import re
from typing import Any

import pytest

from cryoden.evaluation import json_file
from cryoden.image.filters import gaussian
from cryoden.model.general import GENERAL
from napari_cryoden.plots.evaluation_dock import show_evaluation


@pytest.fixture
def evaluate(docked: Any) -> Any:
    return docked("Evaluate")[1]


@pytest.fixture
def smoothed(viewer: Any, add_halves: Any) -> list[Any]:
    """The halves of one pair, and layers named as the results of denoising them."""
    raw: list[Any] = add_halves()[:2]
    for layer in raw:
        place = {name: getattr(layer, name) for name in ("scale", "units", "axis_labels")}
        viewer.add_image(gaussian(layer.data, 3), name=f"{layer.name} · denoised", **place)
    return raw


def test_denoised_layers_and_a_model_are_judged_beside_simple_filters(
    qtbot: Any, evaluate: Any, viewer: Any, smoothed: Any, model: Any, tmp_path: Any
) -> None:
    assert evaluate.even.layer is smoothed[0]
    assert evaluate.denoised_odd.layer.name == "m1_ODD · denoised"
    evaluate.model.path = model
    with qtbot.waitSignal(evaluate.evaluating.ended):
        evaluate.evaluate_button.click()
        assert not evaluate.evaluate_button.isEnabled()
    shown = viewer.window.dock_widgets["Evaluation"]
    cells = [
        [shown.table.item(line, place).text() for place in range(shown.table.columnCount())]
        for line in range(shown.table.rowCount())
    ]
    names = [line[0].removesuffix(" *") for line in cells]
    assert names[0] == "raw"
    assert names[-3:] == ["Wiener", model.parent.name, "m1_EVN · denoised"]  # named after its run
    titles = [shown.table.horizontalHeaderItem(place).text() for place in range(shown.table.columnCount())]
    gains = {
        name: line[titles.index("SNR gain (high-pass)")] for name, line in zip(names, cells, strict=True)
    }
    assert float(gains["m1_EVN · denoised"]) > 5
    assert float(gains["raw"]) == 0
    assert re.search("m1_EVN · denoised: (No better|Worse) than", shown.words.text())
    evaluate.save(tmp_path / "a.html")
    evaluate.save(tmp_path / "a.json")
    assert "m1_EVN · denoised" in (tmp_path / "a.html").read_text(encoding="utf-8")
    assert json_file.load(tmp_path / "a.json") == evaluate.evaluating.result.table


def test_the_row_of_a_result_is_visible_however_low_the_dock_becomes(
    qtbot: Any, evaluate: Any, viewer: Any, smoothed: Any
) -> None:
    assert evaluate.denoised_even.layer.name == f"{smoothed[0].name} · denoised"
    table = show_evaluation(viewer).table
    table.setFixedHeight(600)
    with qtbot.waitSignal(evaluate.evaluating.ended):
        evaluate.evaluate_button.click()
    table.setFixedHeight(120)
    bar: Any = table.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    assert bar.value() == bar.maximum()


def test_how_far_the_training_of_the_general_model_covers_a_micrograph_is_said(
    qtbot: Any, evaluate: Any, viewer: Any, smoothed: Any
) -> None:
    assert evaluate.even.layer is smoothed[0]
    evaluate.model.path = GENERAL
    with qtbot.waitSignal(evaluate.evaluating.ended):
        evaluate.evaluate_button.click()
    words = show_evaluation(viewer).words.text()
    assert re.search(r"✔ The model's training covers spectra like this one \(\d+ % of \d+ scenes", words)

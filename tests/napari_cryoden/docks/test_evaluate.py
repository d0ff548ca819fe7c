from __future__ import annotations

import re
from typing import Any

import pytest

from cryoden.evaluation import json_file
from cryoden.image.filters import gaussian
from napari_cryoden.jobs.evaluation import EvaluationJob


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


def test_the_dock_says_what_is_missing(evaluate: Any, viewer: Any, add_halves: Any, tmp_path: Any) -> None:
    assert evaluate.evaluate_button.toolTip() == "Open both raw halves of a micrograph"
    raw = add_halves()
    assert (evaluate.even.layer, evaluate.odd.layer) == (raw[0], raw[1])
    assert evaluate.evaluate_button.isEnabled()
    evaluate.denoised_even.layer = raw[2]
    assert evaluate.evaluate_button.toolTip() == "Choose both denoised halves, or none"
    evaluate.denoised_odd.layer = raw[3]
    evaluate.model.path = tmp_path / "none.safetensors"
    assert "There is no model file" in evaluate.evaluate_button.toolTip()
    viewer.layers.remove(raw[2])
    assert evaluate.denoised_even.layer is None


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
    assert names[-3:] == ["Wiener", "model", "m1_EVN · denoised"]
    titles = [shown.table.horizontalHeaderItem(place).text() for place in range(shown.table.columnCount())]
    gains = {name: line[titles.index("SNR gain (all)")] for name, line in zip(names, cells, strict=True)}
    assert float(gains["m1_EVN · denoised"]) > 5
    assert float(gains["raw"]) == 0
    assert re.search("m1_EVN · denoised: (No better|Worse) than", shown.words.text())
    evaluate.save(tmp_path / "a.html")
    evaluate.save(tmp_path / "a.json")
    assert "m1_EVN · denoised" in (tmp_path / "a.html").read_text(encoding="utf-8")
    assert json_file.load(tmp_path / "a.json") == evaluate.evaluating.result.table


def test_a_report_that_exists_is_not_replaced(
    qtbot: Any, evaluate: Any, add_halves: Any, notices: list[str], tmp_path: Any
) -> None:
    add_halves()
    with qtbot.waitSignal(evaluate.evaluating.ended):
        evaluate.evaluate_button.click()
    (tmp_path / "mine.html").write_text("mine")
    evaluate.save(tmp_path / "mine.html")
    assert notices[0].startswith("O05")
    assert (tmp_path / "mine.html").read_text() == "mine"


@pytest.mark.usefixtures("step_by_step")
def test_canceling_leaves_the_last_table(qtbot: Any, evaluate: Any, viewer: Any, add_halves: Any) -> None:
    add_halves()
    job = EvaluationJob.of(viewer)
    evaluate.evaluate_button.click()
    with qtbot.waitSignal(job.ended) as ended:
        evaluate.cancel_button.click()
    assert ended.args == ["Canceled. Nothing was changed."]
    assert job.result is None
    assert evaluate.evaluate_button.isEnabled()


def test_two_different_scenes_are_refused_in_one_line(
    qtbot: Any, evaluate: Any, add_halves: Any, notices: list[str]
) -> None:
    raw = add_halves()
    evaluate.odd.layer = raw[3]
    with qtbot.waitSignal(evaluate.evaluating.ended):
        evaluate.evaluate_button.click()
    assert notices[0].startswith("D03")

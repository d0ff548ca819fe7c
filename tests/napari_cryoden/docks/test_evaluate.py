from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def evaluate(docked: Any) -> Any:
    return docked("Evaluate")[1]


def test_the_dock_says_what_is_missing(evaluate: Any, viewer: Any, add_halves: Any, tmp_path: Any) -> None:
    assert evaluate.evaluate_button.toolTip() == "Open both raw halves of a micrograph"
    raw = add_halves()
    assert (evaluate.even.layer, evaluate.odd.layer) == (raw[0], raw[1])
    assert evaluate.evaluate_button.isEnabled()
    evaluate.denoised_even.layer = raw[2]
    assert evaluate.evaluate_button.toolTip() == "Choose both denoised halves, or none"
    evaluate.denoised_odd.layer = raw[3]
    evaluate.model.path = tmp_path / "none.safetensors"
    assert "No such model file" in evaluate.evaluate_button.toolTip()
    viewer.layers.remove(raw[2])
    assert evaluate.denoised_even.layer is None


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


def test_two_different_scenes_are_refused_in_one_line(
    qtbot: Any, evaluate: Any, add_halves: Any, notices: list[str]
) -> None:
    raw = add_halves()
    evaluate.odd.layer = raw[3]
    with qtbot.waitSignal(evaluate.evaluating.ended):
        evaluate.evaluate_button.click()
    assert notices[0].startswith("D03")


def test_one_denoised_half_alone_is_not_chosen(docked: Any, viewer: Any, add_halves: Any, model: Any) -> None:
    add_halves()
    evaluate = docked("Evaluate")[1]
    evaluate.model.path = model
    for half in ("EVN", "ODD"):
        assert evaluate.denoised_even.layer is evaluate.denoised_odd.layer is None
        assert evaluate.evaluate_button.isEnabled()
        viewer.add_image(viewer.layers[f"m1_{half}"].data, name=f"m1_{half} · denoised")
    assert evaluate.denoised_even.layer.name == "m1_EVN · denoised"
    assert evaluate.denoised_odd.layer.name == "m1_ODD · denoised"

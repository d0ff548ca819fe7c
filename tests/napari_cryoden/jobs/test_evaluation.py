from __future__ import annotations

from typing import Any

import pytest

from napari_cryoden.jobs.evaluation import EvaluationJob


@pytest.fixture
def evaluate(docked: Any) -> Any:
    return docked("Evaluate")[1]


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

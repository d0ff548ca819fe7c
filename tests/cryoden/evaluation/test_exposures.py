from __future__ import annotations

import pytest

from cryoden.evaluation import exposures
from cryoden.evaluation.evaluate import EvaluationFinished, evaluate
from cryoden.settings.tools import EvaluationSettings
from tests.cryoden.evaluation.planted import (
    subject,
)


def test_the_halves_of_a_scene_are_cut_to_the_center_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposures, "CENTER", 256)  # of 1024, which takes sixteen times as long
    *_, last = evaluate([subject(1, 320)], [], EvaluationSettings(region="center"))
    assert isinstance(last, EvaluationFinished)
    assert last.table.pixels == 256**2

from __future__ import annotations

from cryoden.events.quality import UNJUDGED, UNUSUAL, Coverage, TrainingStatus


def test_a_micrograph_is_usual_where_enough_scenes_are_as_unusual_as_it() -> None:
    assert Coverage(UNUSUAL, "").is_usual
    assert not Coverage(UNUSUAL / 2, "").is_usual


def test_the_kind_of_a_status_does_not_make_it_another_one() -> None:
    assert TrainingStatus("wait", UNJUDGED.words, "any") == UNJUDGED

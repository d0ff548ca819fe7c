from __future__ import annotations

from tests.cryoden.evaluation.planted import (
    finished,
)


def test_no_filter_invents_and_none_is_said_to_hand_back_its_input() -> None:
    filters = [row for row in finished().table.rows if row.kind in {"low-pass", "wiener"}]
    assert len(filters) == 9
    assert max(row.mean.hallucinated for row in filters) < 0.05
    assert max(row.mean.noise_left for row in filters) < 0.5

from __future__ import annotations

from tests.cryoden.evaluation.planted import (
    finished,
)


def test_the_best_low_pass_is_the_one_the_truth_would_choose_and_beats_doing_nothing() -> None:
    table = finished().table
    best = table.best_low_pass()
    assert best is not None
    by_truth = max((r for r in table.rows if r.kind == "low-pass"), key=lambda r: r.mean.truth_db or 0)
    assert abs(table.rows.index(best) - table.rows.index(by_truth)) <= 1
    assert best.mean.detail > 1.5 * table.raw.mean.detail

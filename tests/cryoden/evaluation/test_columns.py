from __future__ import annotations

from dataclasses import fields, replace

import pytest

from cryoden.evaluation.columns import COLUMNS, TRUTH_COLUMNS, Column
from cryoden.evaluation.scores import Checks, Curves, Row, Scores, Table

NEARLY_ZERO = -1e-9  # what rounding leaves of nothing, and its sign differs from machine to machine
SCORES = Scores(**{one.name: NEARLY_ZERO for one in fields(Scores)})
CHECKS = Checks(**{one.name: NEARLY_ZERO for one in fields(Checks)})


def row(scores: Scores) -> Row:
    return Row("model", "model", scores, {}, Curves((), (), (), ()), CHECKS)


@pytest.mark.parametrize("column", COLUMNS + TRUTH_COLUMNS, ids=lambda column: column.title)
def test_a_figure_that_rounds_to_zero_has_no_minus(column: Column) -> None:
    raw = row(replace(SCORES, detail=0.1, coarse=0.1))
    same = row(replace(SCORES, detail=0.1 + NEARLY_ZERO, coarse=0.1 + NEARLY_ZERO))
    table = Table((raw, same, row(SCORES)), "Å", r_half=0.1, pixels=1)
    assert [column.text(table, one) for one in table.rows if "-" in column.text(table, one)] == []

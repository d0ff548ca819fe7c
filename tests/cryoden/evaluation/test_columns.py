from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from cryoden.evaluation.bands import BANDS
from cryoden.evaluation.columns import COLUMNS, TRUTH_COLUMNS, Column, band_columns
from cryoden.evaluation.scores import Checks, Curves, Row, Scores, Table

NEARLY_ZERO = -1e-9  # what rounding leaves of nothing, and its sign differs from machine to machine
BY_BAND = dict.fromkeys(("bands", "slopes"), (NEARLY_ZERO,) * len(BANDS))
FIGURES: dict[str, Any] = {one.name: NEARLY_ZERO for one in fields(Scores)}
SCORES = Scores(**(FIGURES | BY_BAND))
CHECKS = Checks(**{one.name: NEARLY_ZERO for one in fields(Checks)})


def row(scores: Scores) -> Row:
    return Row("model", "model", scores, {}, Curves((), (), (), ()), CHECKS)


@pytest.mark.parametrize("column", COLUMNS + TRUTH_COLUMNS, ids=lambda column: column.title)
def test_a_figure_that_rounds_to_zero_has_no_minus(column: Column) -> None:
    raw = row(replace(SCORES, detail=0.1, coarse=0.1))
    same = row(replace(SCORES, detail=0.1 + NEARLY_ZERO, coarse=0.1 + NEARLY_ZERO))
    table = Table((raw, same, row(SCORES)), "Å", r_half=0.1, pixels=1)
    assert [column.text(table, one) for one in table.rows if "-" in column.text(table, one)] == []


def test_each_band_has_its_correlation_and_calibration() -> None:
    scores = replace(SCORES, bands=(0.5, 0.25, 0.1, 0.0, None), slopes=(1.0, 0.9, 0.75, None, None))
    table = Table((row(scores),), "Å", r_half=0.1, pixels=1)
    shown = {column.title: column.text(table, table.raw) for column in band_columns(table)}
    assert shown["CC 35–22 Å"] == "0.100"
    assert [column.text(table, table.raw) for column in band_columns(table)][2:4] == ["1.00", "0.250"]
    assert "CC 14–7 Å" not in shown  # nothing there in any row


def test_tables_of_versions_without_bands_have_no_columns_for_them() -> None:
    table = Table((row(replace(SCORES, bands=(), slopes=())),), "Å", r_half=0.1, pixels=1)
    assert band_columns(table) == ()

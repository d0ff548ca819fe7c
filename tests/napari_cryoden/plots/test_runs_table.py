from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cryoden.runs.compare import RunSummary, opened
from cryoden.runs.external import SHIPPED
from cryoden.runs.table import FIGURES
from napari_cryoden.plots.runs_table import RunsTable


@pytest.fixture
def table(qtbot: Any) -> RunsTable:
    made = RunsTable([FIGURES[0], FIGURES[1]])
    qtbot.addWidget(made)
    return made


def shown() -> list[RunSummary]:
    return [opened(name) for name in SHIPPED]


def test_a_run_is_a_row_of_the_figures_that_were_asked_for(table: RunsTable) -> None:
    table.show_runs(shown())
    assert (table.rowCount(), table.columnCount()) == (len(SHIPPED), 2)
    items = [table.item(0, place) for place in (0, 1)]
    assert [item.text() for item in items if item is not None] == [shown()[0].name, "reported"]


def test_what_is_selected_stays_selected_while_it_is_there(table: RunsTable) -> None:
    first, second, *_ = shown()
    table.show_runs([first, second])
    table.selectRow(1)
    table.show_runs([second, first])
    assert [run.place for run in table.chosen()] == [second.place]
    table.show_runs([first])
    assert table.chosen() == []


def test_the_tip_of_a_name_is_its_place(table: RunsTable) -> None:
    table.show_runs([replace(shown()[0], place=Path("/data/far"))])
    item = table.item(0, 0)
    assert item is not None
    assert item.toolTip() == str(Path("/data/far"))

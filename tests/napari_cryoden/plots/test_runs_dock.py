from __future__ import annotations

from typing import Any

from cryoden.runs.compare import opened
from cryoden.runs.external import SHIPPED
from napari_cryoden.plots.runs_dock import show_runs


def test_each_run_is_a_curve_and_a_row_and_the_next_ones_take_their_place(viewer: Any) -> None:
    runs = [opened(name) for name in SHIPPED]
    dock = show_runs(viewer)
    dock.show_runs(runs)
    curves = dock.plot.getPlotItem().listDataItems()
    assert {curve.name() for curve in curves} == {run.name for run in runs}
    assert dock.table.rowCount() == len(runs)
    dock.show_runs(runs[:1])
    assert len(dock.plot.getPlotItem().listDataItems()) == dock.table.rowCount() == 1


def test_one_dock_serves_a_window(viewer: Any) -> None:
    assert show_runs(viewer) is show_runs(viewer)

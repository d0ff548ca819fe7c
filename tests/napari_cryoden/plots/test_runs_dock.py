from __future__ import annotations

from typing import Any

from cryoden.runs.compare import opened
from cryoden.runs.external import SHIPPED
from cryoden.runs.folder import RunFolder
from cryoden.runs.keeper import kept_in
from napari_cryoden.plots.runs_dock import show_runs
from tests.napari_cryoden import runs


def test_each_run_is_a_curve_and_a_row_and_the_next_ones_take_their_place(viewer: Any) -> None:
    several = [opened(name) for name in SHIPPED]
    dock = show_runs(viewer)
    dock.show_runs(several)
    curves = dock.plot.getPlotItem().listDataItems()
    assert {curve.name() for curve in curves} == {run.name for run in several}
    assert dock.table.rowCount() == len(several)
    dock.show_runs(several[:1])
    assert len(dock.plot.getPlotItem().listDataItems()) == dock.table.rowCount() == 1


def test_one_dock_serves_a_window(viewer: Any) -> None:
    assert show_runs(viewer) is show_runs(viewer)


def test_the_axis_says_what_runs_are_compared_by(viewer: Any, tmp_path: Any) -> None:
    list(kept_in(RunFolder(tmp_path / "run"), runs.events(5, banded=True)))
    dock, run = show_runs(viewer), opened(tmp_path / "run")
    dock.show_runs([run])
    assert dock.plot.getAxis("left").labelText == "SNR gain (dB)"
    dock.show_runs([run, opened(SHIPPED[0])])
    assert dock.plot.getAxis("left").labelText == "loss"

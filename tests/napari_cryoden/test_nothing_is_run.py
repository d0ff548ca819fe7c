"""No file makes the viewer run anything, and nothing in it talks to another machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cryoden.runs.record import read
from napari_cryoden.layers.picks_layer import is_picks
from tests.cryoden.checkpoints.interrupted import begun, halves, until
from tests.cryoden.movies.movies import movie_frames, write_mrc
from tests.cryoden.picking.planted import PLACES, discs, written
from tests.cryoden.security.audited import TAINT, Audit
from tests.cryoden.security.test_nothing_is_run import HOSTILE
from tests.napari_cryoden.docks.test_runs import select


@pytest.fixture
def audit(viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Audit]:
    """What is seen once the window is there, where code would be found in the current folder."""
    assert viewer
    monkeypatch.chdir(tmp_path)
    audit = Audit(tmp_path)
    yield audit
    audit.listens = False
    assert not (tmp_path / TAINT).exists()


def test_what_opens_picks_denoises_and_makes_halves_is_quiet(
    audit: Audit, viewer: Any, docked: Callable[..., Any], qtbot: Any, tmp_path: Path
) -> None:
    viewer.open(written(tmp_path / "a.mrc", discs()), plugin="napari-cryoden")
    (tmp_path / "a.box").write_text("".join(f"{x - 20} {y - 20} 40 40\n" for y, x in PLACES))
    viewer.open(tmp_path / "a.box", plugin="napari-cryoden")
    picks = docked("Picks")[1]
    picks.form.fields["diameter"].value = 60.0
    with qtbot.waitSignal(picks.picking.ended):
        picks.pick_button.click()
    assert len([layer for layer in viewer.layers if is_picks(layer)]) == 2
    (tmp_path / "movies").mkdir()
    write_mrc(tmp_path / "movies" / "m0.mrcs", movie_frames(4))
    movies = docked("From movies")[1]
    movies.movies.path = tmp_path / "movies"
    with qtbot.waitSignal(movies.making.ended):
        movies.make_button.click()
    qtbot.waitUntil(lambda: not movies.opening.running)
    assert movies.status.text().startswith("1 done, 0 failed")
    assert audit.taken() == []


def test_a_resumed_run_is_quiet_and_a_run_of_pickles_is_refused(
    audit: Audit, docked: Callable[..., Any], qtbot: Any, tmp_path: Path
) -> None:
    audit.listens = False  # what this test does itself is not looked at
    until(begun(halves(tmp_path / "data", 2), tmp_path / "runs" / "left"), 6)
    shutil.copytree(tmp_path / "runs" / "left", tmp_path / "runs" / "pickled")
    for checkpoint in (tmp_path / "runs" / "pickled" / "checkpoints").glob("step-*"):
        HOSTILE["pickled.safetensors"][0](checkpoint)
    audit.listens = True
    dock = docked("Runs")[1]
    qtbot.waitUntil(dock.look_button.isEnabled)
    dock.root.path = tmp_path / "runs"
    qtbot.waitUntil(lambda: dock.table.rowCount() == 2)
    select(dock, "pickled")
    with qtbot.waitSignal(dock.run.failed) as failed:
        dock.resume_button.click()
    assert failed.args[0].startswith("R04")
    qtbot.waitUntil(dock.look_button.isEnabled)
    select(dock, "left")
    with qtbot.waitSignal(dock.run.ended):
        dock.resume_button.click()
    assert read(tmp_path / "runs" / "left").state == "completed"
    assert audit.taken() == []


def test_a_file_that_would_run_something_is_data_or_is_refused_where_it_is_opened(
    audit: Audit, viewer: Any, docked: Callable[..., Any], qtbot: Any, tmp_path: Path, notices: list[str]
) -> None:
    viewer.open(written(tmp_path / "a.mrc", discs()), plugin="napari-cryoden")
    listed, picks = docked("Open micrographs")[1], docked("Picks")[1]
    for name in ("pickled.cs", "expression.cs", "group.csg", "list.star", "label.mrc", "picks.box"):
        hostile = tmp_path / name
        HOSTILE[name][0](hostile)
        if hostile.suffix in {".mrc", ".box"}:
            viewer.open(hostile, plugin="napari-cryoden")
        listed.folder.path = hostile
        qtbot.waitUntil(lambda: not listed.list.checking)
        picks.open([hostile])
        assert audit.taken() == []
    refused = {notice[:3] for notice in notices}
    assert {"F58", "K02"} <= refused
    assert "G03" not in refused

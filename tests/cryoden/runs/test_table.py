from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cryoden.runs.compare import opened
from cryoden.runs.folder import RunFolder
from cryoden.runs.keeper import kept_in
from cryoden.runs.table import FIGURES, gained
from tests.napari_cryoden import runs


def test_a_run_of_this_program_tells_how_far_it_came_from_the_filter_to_the_floor(tmp_path: Path) -> None:
    list(kept_in(RunFolder(tmp_path / "mine"), runs.events(5)))
    run, known = opened(tmp_path / "mine"), runs.REFERENCES
    assert gained(replace(run, kept=known.linear)) == pytest.approx(0)
    assert gained(replace(run, kept=runs.FLOOR)) == pytest.approx(1)
    assert gained(replace(run, kept=None)) is None


def test_what_a_run_does_not_tell_is_a_dash() -> None:
    words = {figure.title: figure.text(opened("climate")) for figure in FIGURES}
    assert words["to floor"] == words["best validation"] == "–"
    assert words["state"] == "reported"

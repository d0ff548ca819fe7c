from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cryoden.runs.compare import opened
from cryoden.runs.folder import RunFolder
from cryoden.runs.keeper import kept_in
from cryoden.runs.targets import Targets, reached
from tests.napari_cryoden import runs


def test_targets_are_judged_with_their_numbers(log: Path) -> None:
    targets = Targets(opened("experiment"), within=10, batches=(12, 15))
    final, speed, smooth = reached(opened(log), targets)
    assert (final.passed, speed.passed, smooth.passed) == (True, True, True)
    assert "0.013 of experiment (reported)" in final.numbers
    assert speed.numbers == "14.3 batch/s"
    stricter = Targets(opened("experiment"), within=-50, batches=(20, 30))
    assert [one.passed for one in reached(opened(log), stricter)] == [False, False, True]


def test_what_is_not_known_is_neither_passed_nor_failed() -> None:
    climate = opened("climate")
    assert [one.passed for one in reached(climate, Targets(climate, batches=(1, 2)))] == [True, None, None]


def test_two_runs_on_halves_are_judged_by_the_particle_band(tmp_path: Path) -> None:
    list(kept_in(RunFolder(tmp_path / "run"), runs.events(5, banded=True)))
    reference = opened(tmp_path / "run")
    assert reference.band is not None
    for share, passed in ((0.92, True), (0.88, False)):
        worse = replace(reference, band=share * reference.band, final=0.0)
        found, _ = reached(worse, Targets(reference))
        assert (found.target, found.passed) == ("particle band CC within 10 %", passed)
    older, _ = reached(replace(reference, band=None), Targets(reference))
    assert older.target == "final loss within 10 %"

from __future__ import annotations

from pathlib import Path

from cryoden.dataset.opening import open_halves
from cryoden.events.training import TrainingStarted
from cryoden.micrograph import Windowed
from cryoden.sampling.copies import without_copies
from cryoden.workflows.train_model import train_halves
from tests.cryoden.scenes import scene, write_halves
from tests.cryoden.training.short_runs import settings


def pair(seed: int) -> tuple[Windowed, Windowed]:
    return scene(seed).even, scene(seed).odd


def test_each_micrograph_is_kept_once_whichever_half_comes_first() -> None:
    pairs = [pair(1), pair(2), pair(1), pair(2)[::-1]]
    kept, (warning,) = without_copies("abcd", pairs)
    assert kept == ["a", "b"]
    assert warning.startswith("D14: 2 of 4 pairs show a micrograph that is there already: m1_EVN (as m1_EVN)")


def test_different_exposures_are_all_kept() -> None:
    assert without_copies("ab", [pair(1), pair(2)]) == (["a", "b"], ())


def test_a_link_and_a_copy_of_a_pair_are_never_on_the_other_side_of_a_validation(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_halves(tmp_path, scene(seed))
    for half in ("EVN", "ODD"):
        (tmp_path / f"linked_{half}.mrc").symlink_to(f"m1_{half}.mrc")
        (tmp_path / f"z_{half}.mrc").write_bytes((tmp_path / f"m2_{half}.mrc").read_bytes())
    events = train_halves(open_halves([tmp_path]), None, settings(epochs=1, steps_per_epoch=1))
    started = next(event for event in events if isinstance(event, TrainingStarted))
    assert len(started.training + started.validation) == 2
    assert "D14: 2 of 4 pairs" in started.warnings[0]

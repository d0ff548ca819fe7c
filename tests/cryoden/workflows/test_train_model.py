from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cryoden.dataset import opening
from cryoden.errors import HalvesError
from cryoden.micrograph import HalfPair
from cryoden.workflows import train_model
from tests.cryoden.scenes import scene, write_halves
from tests.cryoden.training.short_runs import settings


def test_training_from_files_equals_training_from_memory(tmp_path: Path) -> None:
    known = [scene(i) for i in range(3)]
    for one in known:
        write_halves(tmp_path, one)
    on_disk = list(
        train_model.train_halves(opening.open_halves([tmp_path]), None, settings(validation_fraction=0.3))
    )
    in_memory = list(
        train_model.train_halves([one.halves for one in known], None, settings(validation_fraction=0.3))
    )
    assert [vars(e).get("loss") for e in on_disk] == [vars(e).get("loss") for e in in_memory]


def test_halves_of_two_pixel_sizes_are_not_trained_together() -> None:
    one, two = scene(1), scene(2)
    mixed = [one.halves, HalfPair(replace(two.even, pixel_size=3.0), replace(two.odd, pixel_size=3.0))]
    with pytest.raises(HalvesError, match="D06"):
        next(iter(train_model.train_halves(mixed, None, settings())))

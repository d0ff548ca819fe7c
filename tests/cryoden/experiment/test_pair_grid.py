from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from cryoden.experiment.pair_grid import PairGrid, divided
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.training_pairs import HeldPairs, TrainingPairs
from cryoden.micrograph import Micrograph
from cryoden.settings.baseline import BaselineSettings, PatchSettings


def numbered(count: int, shape: tuple[int, int], settings: PatchSettings) -> PatchPairs:
    """Return pairs of halves whose pixels are all different, so that a pixel tells where it is from."""
    size = shape[0] * shape[1]
    ramps = [
        np.arange(1 + n * size, 1 + (n + 1) * size, dtype=np.float32).reshape(shape) for n in range(count)
    ]
    made = [Micrograph(ramp, 1.0, f"m{number}") for number, ramp in enumerate(ramps)]
    return PatchPairs(made, made, settings)


def pixels(pairs: PatchPairs, indices: Iterable[int]) -> set[float]:
    """Return the pixels of pairs as numbers of the ramps, which scaling has made others of."""
    found = set()
    for index in indices:
        which, top, left = pairs.grid.place(int(index))
        cut = pairs.targets[which].window(top, left, pairs.edge, pairs.edge)
        found |= set(cut.ravel().tolist())
    return found


@pytest.mark.parametrize(("count", "shape"), [(1, (96, 230)), (1, (240, 100)), (2, (80, 96)), (5, (80, 96))])
@pytest.mark.parametrize("stride", [16, 32, 24])
def test_no_pixel_of_a_held_out_pair_is_in_a_training_pair(
    count: int, shape: tuple[int, int], stride: int
) -> None:
    pairs = numbered(count, shape, PatchSettings(patch=32, stride=stride, scale="z-score"))
    training, held = divided(pairs.grid, 4)
    assert len(training) >= len(pairs) // 4
    assert 1 <= len(held) <= 4
    assert not pixels(pairs, training) & pixels(pairs, held)
    source = TrainingPairs(pairs, training, BaselineSettings())
    seen = [index for step in range(1, source.steps + 1) for _, index in source.items(1, step)]
    assert sorted(seen) == sorted(training)
    assert len(list(HeldPairs(pairs, held).grid())) == len(held)


def test_a_patch_lies_where_its_number_says_and_is_found_there() -> None:
    grid = PairGrid([(100, 130), (20, 200), (64, 64)], PatchSettings(patch=32, stride=20))
    assert grid.counts == [20, 0, 4]
    assert [grid.place(index) for index in (0, 5, 19, 20, 23)] == [
        (0, 0, 0), (0, 20, 0), (0, 60, 80), (2, 0, 0), (2, 20, 20),
    ]  # fmt: skip

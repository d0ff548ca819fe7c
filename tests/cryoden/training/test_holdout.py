from __future__ import annotations

import numpy as np
import pytest

from cryoden.errors import MicrographError, TrainingError
from cryoden.training.holdout import Region, split
from tests.cryoden.scenes import scene


def pixels(region: Region) -> set[tuple[int, int, int]]:
    rows, columns = (
        range(region.top, region.top + region.height),
        range(region.left, region.left + region.width),
    )
    return {(id(region.pair), row, column) for row in rows for column in columns}


@pytest.mark.parametrize("number", [1, 2, 7])
def test_training_and_held_out_regions_share_no_pixel_and_lose_none(number: int) -> None:
    pairs = [scene(i, (96, 128)).pair for i in range(number)]
    training, held_out = split(pairs, 0.25, 32, seed=0)
    seen = [pixels(region) for region in (*training, *held_out)]
    assert len(set.union(*seen)) == sum(map(len, seen)) == number * 96 * 128


def test_whole_micrographs_are_held_out_when_there_are_several() -> None:
    pairs = [scene(i, (96, 128)).pair for i in range(8)]
    training, held_out = split(pairs, 0.25, 32, seed=0)
    assert (len(training), len(held_out)) == (6, 2)
    assert {(r.height, r.width) for r in held_out} == {(96, 128)}


def test_a_lone_pair_gives_up_strips_spread_over_its_longer_side() -> None:
    training, held_out = split([scene(0, (64, 1000)).pair], 0.2, 32, seed=0)
    assert sum(region.width for region in held_out) == 200
    assert len(held_out) == 6
    assert all(region.width >= 32 and region.height == 64 for region in (*training, *held_out))
    assert abs(np.mean([region.left + region.width / 2 for region in held_out]) - 500) < 5


def test_a_small_lone_pair_gives_up_one_strip_at_its_end() -> None:
    training, held_out = split([scene(0, (90, 64)).pair], 0.2, 32, seed=0)
    assert (training[0].height, training[0].width) == (58, 64)
    assert (held_out[0].top, held_out[0].height) == (58, 32)


def test_the_seed_decides_which_micrographs_are_held_out() -> None:
    pairs = [scene(i, (40, 40)).pair for i in range(8)]
    chosen = {split(pairs, 0.15, 32, seed)[1][0].pair.name for seed in range(12)}
    assert split(pairs, 0.15, 32, 5)[1] == split(pairs, 0.15, 32, 5)[1]
    assert len(chosen) > 2


def test_a_micrograph_smaller_than_a_patch_is_named_with_both_sizes() -> None:
    with pytest.raises(
        MicrographError, match=r"D12  m0_EVN — smaller than a patch \(96×128 px, patch 100 px\)"
    ):
        split([scene(0, (96, 128)).pair, scene(1, (96, 128)).pair], 0.2, 100, seed=0)


def test_a_lone_micrograph_too_small_for_two_patches_is_refused() -> None:
    with pytest.raises(MicrographError, match=r"D12 .*too small to hold a part out"):
        split([scene(0, (96, 100)).pair], 0.2, 64, seed=0)


def test_no_pairs_are_refused_in_words() -> None:
    with pytest.raises(TrainingError, match="no pairs to train on"):
        split([], 0.2, 64, seed=0)

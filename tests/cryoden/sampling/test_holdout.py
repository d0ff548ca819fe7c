from __future__ import annotations

import numpy as np
import pytest

from cryoden.errors import MicrographError, TrainingError
from cryoden.micrograph import Pixels
from cryoden.sampling.holdout import Region, TrainingPair, fitting_edge, hold_out, narrowed, split
from cryoden.training.working_micrograph import WorkingMicrograph, reach
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


def test_strips_begin_and_end_where_patches_do() -> None:
    training, held = hold_out([(100, 1000)], 0.2, 64, seed=0, step=24)
    assert all(part.left % 24 == 0 and (part.width - 64) % 24 == 0 for part in held)
    ends = [(part.left, part.left + part.width) for part in sorted((*training, *held), key=lambda p: p.left)]
    assert [end for _, end in ends[:-1]] == [begin for begin, _ in ends[1:]]
    assert (ends[0][0], ends[-1][1]) == (0, 1000)


class Watched:
    """A micrograph that remembers which of its pixels were read."""

    name, path, pixel_size = "watched", None, 1.0

    def __init__(self, shape: tuple[int, int]) -> None:
        self.data = scene(0, shape).even.data
        self.shape, self.read = shape, np.zeros(shape, bool)

    def window(self, top: int, left: int, height: int, width: int) -> Pixels:
        self.read[top : top + height, left : left + width] = True
        return self.data[top : top + height, left : left + width].copy()


@pytest.mark.parametrize("scale", [1.0, 1.1, 1.9, 2.5, 3.0, 4.7])
@pytest.mark.parametrize("sides", [(110, 480), (470, 120), (100, 150)])
def test_of_a_lone_micrograph_no_pixel_is_read_for_both_at_any_working_pixel(
    scale: float, sides: tuple[int, int]
) -> None:
    watched = Watched((round(sides[0] * scale), round(sides[1] * scale)))
    half = WorkingMicrograph(watched, scale)
    assert half.normalization.std > 0  # measured on all of it, as what shows a network any micrograph
    pair = TrainingPair(half, half)
    edge = fitting_edge([pair], 64)
    parts = split([pair], 0.25, edge, seed=0)
    seen = []
    for regions in (parts[0], narrowed(parts[1], reach(half))):
        watched.read[:] = False
        for region in regions:
            half.window(region.top, region.left, region.height, region.width)
        seen.append(watched.read.copy())
    assert seen[0].any()
    assert seen[1].any()
    assert not (seen[0] & seen[1]).any()


def test_a_micrograph_smaller_than_a_patch_is_named_with_both_sizes() -> None:
    with pytest.raises(
        MicrographError, match=r"D12  m0_EVN — smaller than a patch \(96×128 px, patch 100 px\)"
    ):
        split([scene(0, (96, 128)).pair, scene(1, (96, 128)).pair], 0.2, 100, seed=0)


def test_a_lone_micrograph_too_small_for_two_patches_is_refused() -> None:
    with pytest.raises(MicrographError, match=r"D12 .*too small to hold out a part"):
        split([scene(0, (96, 100)).pair], 0.2, 64, seed=0)


def test_no_pairs_are_refused_in_words() -> None:
    with pytest.raises(TrainingError, match="no pairs to train on"):
        split([], 0.2, 64, seed=0)

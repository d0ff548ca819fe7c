from __future__ import annotations

import numpy as np
import pytest
import torch

from cryoden.micrograph import Micrograph, Pixels
from cryoden.sampling.holdout import Region, TrainingPair, split
from cryoden.sampling.patches import PatchSource
from cryoden.sampling.source import Batch
from cryoden.sampling.stream import Stream
from tests.cryoden.scenes import scene


def source(*, seed: int = 0, swap: bool = False, size: int = 1) -> PatchSource:
    pairs = [scene(i, (96, 128)).pair for i in range(3)]
    return PatchSource([Region(pair, 0, 0, 96, 128) for pair in pairs], 32, seed, swap=swap, size=size)


def test_a_patch_depends_on_seed_step_and_index_alone() -> None:
    forward, backward = source(), source()
    places = [(step, index) for step in range(6) for index in range(4)]
    one = {place: forward.draw(*place) for place in places}
    two = {place: backward.draw(*place) for place in reversed(places)}
    assert all(np.array_equal(one[place], two[place]) for place in places)
    assert len({one[place][0].tobytes() for place in places}) == len(places)
    assert not np.array_equal(source(seed=1).draw(0, 0), one[0, 0])


def batches(steps: range, threads: int = 2) -> list[Batch]:
    stream = Stream(source(size=2), threads, torch.device("cpu"))
    return [Batch(one.noisy.copy(), one.target.copy()) for one in stream.batches((1, step) for step in steps)]


def test_any_number_of_threads_draws_the_same_stream() -> None:
    streams = [batches(range(1, 9), threads) for threads in (1, 5)]
    assert all(np.array_equal(a.noisy, b.noisy) for a, b in zip(*streams, strict=True))


def test_a_stream_taken_up_later_goes_on_as_if_it_had_never_stopped() -> None:
    whole, rest = batches(range(1, 10)), batches(range(6, 10))
    assert all(np.array_equal(a.noisy, b.noisy) for a, b in zip(whole[5:], rest, strict=True))
    direct = source().batch(6, 2)
    assert np.array_equal(rest[0].noisy, direct.noisy)
    assert np.array_equal(rest[0].target, direct.target)


def test_noisy_and_target_are_turned_alike_and_all_eight_orientations_occur() -> None:
    ramp = Micrograph(np.arange(64 * 64).reshape(64, 64).astype(np.float32), 1.0, "ramp")
    drawn = PatchSource([Region(TrainingPair(ramp, ramp), 0, 0, 64, 64)], 64, 0, swap=False)
    patches = [drawn.draw(step, 0) for step in range(100)]
    assert all(np.array_equal(noisy, target) for noisy, target in patches)
    assert len({noisy.tobytes() for noisy, _ in patches}) == 8


def test_halves_change_places_and_supervised_pairs_do_not() -> None:
    dark, bright = (Micrograph(v + scene().even.data, 1.0, "m") for v in (np.float32(0), np.float32(0)))
    bright.data[0, 0] = 1e9
    region = Region(TrainingPair(dark, bright), 0, 0, 160, 160)
    for swap, expected in ((True, {0, 1}), (False, {0})):
        drawn = PatchSource([region], 160, 0, swap=swap)
        found = {int(np.argmax([patch.max() for patch in drawn.draw(step, 0)])) ^ 1 for step in range(20)}
        assert found == expected


def halves(signal: Pixels, edge: int) -> PatchSource:
    """Return patches of two halves of one signal, of independent noise."""
    numbers = np.random.default_rng(4)
    one, other = (
        Micrograph(signal + numbers.standard_normal(signal.shape, np.float32), 1.0, "half") for _ in range(2)
    )
    region = Region(TrainingPair(one, other), 0, 0, *signal.shape)
    return PatchSource([region], edge, 0, swap=True)


def test_halves_keep_their_sum_and_have_other_noise_each_time() -> None:
    signal = np.zeros((80, 80), np.float32)
    source = halves(signal, 64)
    pair = source.regions[0].pair
    sums: dict[float, list[bytes]] = {}
    for step in range(300):
        one, other = source.draw(step, 0)
        sums.setdefault(round(float((one + other).astype(np.float64).sum()), 1), []).append(one.tobytes())
    places = [
        pair.noisy.window(t, c, 64, 64) + pair.target.window(t, c, 64, 64)
        for t in range(17)
        for c in range(17)
    ]
    assert set(sums) <= {round(float(place.astype(np.float64).sum()), 1) for place in places}
    again = [drawn for drawn in sums.values() if len(drawn) > 1]
    assert again
    assert all(len(set(drawn)) == len(drawn) for drawn in again)


def test_the_noise_of_halves_stays_independent_and_as_strong_and_their_signal_shared() -> None:
    rows = np.arange(512, dtype=np.float32)
    signal = np.sin(rows / 9)[:, None] * np.sin(rows / 13)[None]
    drawn = [halves(signal, 96).draw(step, 0) for step in range(120)]
    one, other = (np.stack([pair[side] for pair in drawn]).ravel() for side in range(2))
    assert np.cov(one, other)[0, 1] == pytest.approx(signal.var(), abs=0.01)
    assert one.var() == pytest.approx(signal.var() + 1, abs=0.02)
    assert other.var() == pytest.approx(signal.var() + 1, abs=0.02)


def test_patches_stay_inside_their_region() -> None:
    marked = scene(0, (64, 200))
    training, held_out = split([marked.pair], 0.2, 32, seed=0)
    for part in training:  # training pixels are dark in the gray scale of all
        marked.even.data[:, part.left : part.left + part.width] -= 1000
    for regions, is_dark in ((training, True), (held_out, False)):
        drawn = PatchSource(regions, 32, 0, swap=False)
        assert all((drawn.draw(step, 0)[0].max() < 0) == is_dark for step in range(30))


def test_the_validation_grid_covers_the_held_out_region_once() -> None:
    ramp = Micrograph(np.arange(96 * 160).reshape(96, 160).astype(np.float32), 1.0, "ramp")
    grid = list(PatchSource([Region(TrainingPair(ramp, ramp), 0, 0, 96, 160)], 32, 0, swap=False).grid())
    values = np.concatenate([batch.noisy.ravel() for batch in grid])
    assert len(grid) == 15
    assert len(np.unique(values)) == 96 * 160


def half_blank(share: float, *, target_too: bool = True) -> TrainingPair:
    """Return halves of which a share of the columns is filled with one value."""
    sides = [np.random.default_rng(seed).normal(size=(192, 256)).astype(np.float32) for seed in (1, 2)]
    for side in sides[: 2 if target_too else 1]:
        side[:, : round(256 * share)] = 0.25
    return TrainingPair(*(Micrograph(side, 3.0, "m") for side in sides))


@pytest.mark.parametrize("target_too", [True, False])
def test_blank_parts_are_neither_learned_from_nor_judged_with(target_too: bool) -> None:
    pair = half_blank(0.5, target_too=target_too)
    for one in (pair, TrainingPair(pair.target, pair.noisy)):
        drawn = PatchSource([Region(one, 0, 0, 192, 256)], 64, 3, swap=True)
        for noisy, target in (drawn.draw(step, 0) for step in range(60)):
            assert (abs(noisy + target - 0.5) < 1e-6).mean() < 0.25
            assert (abs(noisy - target) < 1e-6).mean() < 0.25  # nor is the noise from there
        judged = [(batch.noisy[0, 0], batch.target[0, 0]) for batch in drawn.grid()]
        assert len(judged) == 6
        for sides in judged:
            assert max((side == np.float32(0.25)).mean() for side in sides) < 0.25


def test_a_target_without_noise_may_be_constant_in_places() -> None:
    noisy, clean = half_blank(0).noisy, Micrograph(np.zeros((192, 256), np.float32), 3.0, "clean")
    drawn = PatchSource([Region(TrainingPair(noisy, clean), 0, 0, 192, 256)], 64, 3, swap=False)
    assert len(list(drawn.grid())) == 12


def test_where_nearly_all_is_blank_what_there_is_is_used() -> None:
    drawn = PatchSource([Region(half_blank(1.0), 0, 0, 192, 256)], 64, 3, swap=True)
    assert drawn.draw(1, 0)[0].shape == (64, 64)
    assert len(list(drawn.grid())) == 12

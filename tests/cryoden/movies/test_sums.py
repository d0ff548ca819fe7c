from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cryoden.errors import Remark
from cryoden.micrograph import Array, Pixels
from cryoden.movies.frames import GroupedFrames, groups_of
from cryoden.movies.sums import Dose, Sums, summed
from cryoden.simulation.optics import Grid
from tests.cryoden.movies.movies import EDGE, FRAMES, PIXEL, RATE, correlation, counted, drift, moved_scenes

CPU = torch.device("cpu")
INSIDE = slice(20, -20)  # not reached by what moves in at the edges


class InMemory:
    """A movie of an array."""

    def __init__(self, data: Array | NDArray[np.uint8]) -> None:
        self.path, self.frames, self.shape = Path("m.mrcs"), len(data), (data.shape[1], data.shape[2])
        self.pixel_size: float | None = PIXEL
        self.warnings: tuple[Remark, ...] = ()
        self._data = data

    def frame(self, index: int) -> Pixels:
        return np.asarray(self._data[index], np.float32)


def grouped(data: Array | NDArray[np.uint8], size: int = 1) -> GroupedFrames:
    return GroupedFrames(InMemory(data), groups_of(len(data), size))


@pytest.fixture(scope="module", name="scenes")
def _scenes() -> Array:
    return moved_scenes(drift())


@pytest.fixture(scope="module", name="made")
def _made(scenes: Array) -> Sums:
    return summed(grouped(counted(scenes)), drift(), Dose(), CPU)


def test_a_moving_scene_is_summed_where_it_was_first(scenes: Array) -> None:
    made = summed(grouped(scenes), drift(), Dose(), CPU)
    assert np.abs(made.full - FRAMES * scenes[0])[INSIDE, INSIDE].max() < 0.02 * FRAMES


def test_noise_of_the_two_halves_is_independent(made: Sums, scenes: Array) -> None:
    truth = RATE * FRAMES / 2 * scenes[0]
    noise = [(half - truth)[INSIDE, INSIDE] for half in (made.even, made.odd)]
    assert abs(correlation(*noise)) < 4 / np.sqrt(noise[0].size)
    assert correlation(made.even[INSIDE, INSIDE], made.odd[INSIDE, INSIDE]) > 0.5  # of the scene


def test_noise_is_independent_at_every_frequency(made: Sums, scenes: Array) -> None:
    truth = RATE * FRAMES / 2 * scenes[0]
    even, odd = (np.fft.rfft2((half - truth)[INSIDE, INSIDE]) for half in (made.even, made.odd))
    edge = even.shape[0]
    ring = np.hypot(np.fft.fftfreq(edge)[:, None], np.fft.rfftfreq(edge))
    for low in np.arange(0.05, 0.5, 0.05):
        inside = (ring >= low) & (ring < low + 0.05)
        cross = (even * odd.conj()).real[inside].sum()
        power = np.sqrt((abs(even[inside]) ** 2).sum() * (abs(odd[inside]) ** 2).sum())
        assert abs(cross / power) < 4 / np.sqrt(inside.sum())


def test_even_and_odd_add_up_to_the_full_sum_and_electrons_are_kept(made: Sums) -> None:
    assert np.array_equal(made.even + made.odd, made.full)
    assert made.full.mean() == pytest.approx(RATE * FRAMES, rel=0.02)


def test_nothing_comes_around_from_the_other_side() -> None:
    data = np.ones((2, 64, 64))
    data[1, -8:] = 50  # at the bottom of a frame that has moved up
    made = summed(grouped(data), np.array([[0.0, 0.0], [-8.0, 0.0]]), Dose(), CPU)
    assert made.full[:40].max() < 3


@pytest.mark.parametrize("parts", [3, 4])
def test_more_independent_sums_add_up_to_the_same(parts: int, scenes: Array) -> None:
    made = summed(grouped(counted(scenes)), drift(), Dose(), CPU, parts=parts)
    assert len(made.parts) == parts
    assert np.allclose(sum(made.parts), made.full, atol=1e-2)
    twice = summed(grouped(counted(scenes)), drift(), Dose(), CPU)
    assert np.allclose(made.even, twice.even, atol=1e-2)


def test_dose_weighting_leaves_the_noise_white_and_is_the_same_for_all_sums() -> None:
    noise = np.random.default_rng(0).normal(10, 1, (20, 128, 128))
    ends = [1.5 * (index + 1) for index in range(20)]
    made = summed(grouped(noise), np.zeros((20, 2)), Dose(ends), CPU)
    ring = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.rfftfreq(128))
    ratios = []
    for image in (made.full, made.even, made.odd):
        power = abs(np.fft.rfft2(image)) ** 2
        low, high = (power[(ring > a) & (ring < b)].mean() for a, b in ((0.05, 0.2), (0.35, 0.5)))
        ratios.append(low / high)
    assert ratios[0] == pytest.approx(1, abs=0.05)
    assert ratios[1:] == pytest.approx([1, 1], abs=0.2)  # even frames come earlier
    assert np.array_equal(made.even + made.odd, made.full)


def test_late_frames_count_less_in_fine_detail() -> None:
    wave = np.cos(2 * np.pi * np.arange(128) / 4)[None, :] * np.ones((128, 1))  # 6 Å
    data = np.stack([wave, wave, 0 * wave, 0 * wave])
    late = data[::-1].copy()
    early, after = (
        summed(grouped(one), np.zeros((4, 2)), Dose([10, 20, 30, 40]), CPU).full.std() for one in (data, late)
    )
    assert early > 1.3 * after


def test_damage_at_3_angstrom_is_that_of_the_published_curve() -> None:
    grid = Grid(300, 300, 1.0, CPU)
    weight = next(Dose([20.0]).weights(grid))[100, 0]  # 1/3 Å: Nc = 0.245 · 3^1.665 + 2.81 = 4.336
    assert float(weight) == pytest.approx(np.exp(-20 / (2 * 4.336)), rel=1e-3)
    at_200 = next(Dose([20.0], 200).weights(grid))[100, 0]
    assert float(at_200) == pytest.approx(np.exp(-20 / (2 * 0.8 * 4.336)), rel=1e-3)


def test_binned_sums_are_smaller_and_keep_electrons_and_place(scenes: Array) -> None:
    made = summed(grouped(scenes), drift(), Dose(), CPU, bin_by=2)
    assert made.full.shape == (EDGE // 2, EDGE // 2)
    assert made.pixel_size == 2 * PIXEL
    assert made.full.mean() == pytest.approx(4 * FRAMES * scenes[0].mean(), rel=0.02)
    blocks = scenes[0].reshape(EDGE // 2, 2, EDGE // 2, 2).mean((1, 3))
    assert correlation(made.full[INSIDE, INSIDE], blocks[INSIDE, INSIDE]) > 0.95

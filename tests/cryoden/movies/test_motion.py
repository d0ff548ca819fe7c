from __future__ import annotations

import numpy as np
import pytest
import torch

from cryoden.movies.motion import FARTHEST, measure
from tests.cryoden.movies.movies import EDGE, PIXEL, centered, counted, drift, moved_scenes

CPU = torch.device("cpu")


@pytest.mark.parametrize("seed", range(3))
def test_a_drift_is_found_to_a_fifth_of_a_pixel(seed: int) -> None:
    shifts = drift(seed=seed)
    frames = counted(moved_scenes(shifts, seed=seed + 10), seed=seed)
    found = measure((frame.astype(np.float32) for frame in frames), PIXEL, 500, CPU)
    assert found.settled
    assert np.abs(centered(found.shifts) - centered(shifts)).max() <= 0.2


def test_the_first_frame_is_where_the_shifts_begin() -> None:
    frames = counted(moved_scenes(drift()))
    found = measure((frame.astype(np.float32) for frame in frames), PIXEL, 500, CPU)
    assert found.shifts[0].tolist() == [0, 0]
    down, right = found.shifts[-1]
    assert down > 5  # as it moved
    assert right < -3


def test_without_a_weight_all_of_the_image_is_kept_and_found_as_well() -> None:
    shifts = drift()
    frames = counted(moved_scenes(shifts), rate=30)
    found = measure((frame.astype(np.float32) for frame in frames), PIXEL, 0, CPU)
    assert np.abs(centered(found.shifts) - centered(shifts)).max() <= 0.1


def test_sides_that_differ_and_are_odd_do_not_matter() -> None:
    shifts = drift()
    frames = counted(moved_scenes(shifts))[:, :201, : EDGE - 5]
    found = measure((frame.astype(np.float32) for frame in frames), PIXEL, 500, CPU)
    assert np.abs(centered(found.shifts) - centered(shifts)).max() <= 0.25


def test_a_frame_is_not_held_where_it_is_by_its_own_noise() -> None:
    shifts = drift()
    frames = counted(moved_scenes(shifts, contrast=0.1, seed=10), rate=1, seed=0)
    found = measure((frame.astype(np.float32) for frame in frames), PIXEL, 100, CPU)
    error = centered(found.shifts) - centered(shifts)
    assert np.sqrt((error**2).mean()) < 0.7  # 1.2 px where each frame is compared with itself, too


def test_noise_alone_ends_without_a_complaint() -> None:
    frames = np.random.default_rng(0).poisson(1.0, (6, 128, 128)).astype(np.float32)
    found = measure(iter(frames), PIXEL, 500, CPU)
    assert np.isfinite(found.shifts).all()
    assert np.abs(found.shifts).max() <= 2 * 20 * FARTHEST * 128

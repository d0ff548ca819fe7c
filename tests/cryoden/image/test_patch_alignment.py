from __future__ import annotations

import numpy as np
import pytest

from cryoden.image.patch_alignment import alignment
from tests.cryoden.scenes import scene


def test_independent_noise_is_too_faint_to_judge_and_not_called_shifted() -> None:
    draw = np.random.default_rng(0)
    for edge in (64, 256, 257):
        found = [alignment(*draw.normal(size=(2, edge, edge)).astype(np.float32)) for _ in range(20)]
        assert {(one.seen, one.shifted) for one in found} == {(False, False)}


@pytest.mark.parametrize("shift", [(0, 0), (1, 0), (-3, 5), (32, -32)])
def test_a_shift_is_measured_under_noise_and_a_slope(shift: tuple[int, int]) -> None:
    known = scene(3, (512, 512), signal=0.5)
    slope = np.linspace(0, 60, 512, dtype=np.float32)
    found = alignment(np.roll(known.even.data, shift, (0, 1)) + slope, known.odd.data + slope)
    assert (found.down, found.right, found.seen) == (*shift, True)

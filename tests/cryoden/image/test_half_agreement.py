from __future__ import annotations

import numpy as np
import pytest

from cryoden.image.half_agreement import agreement
from tests.cryoden.scenes import scene


@pytest.mark.parametrize("edge", [192, 640])
def test_halves_of_one_scene_agree_and_share_no_noise(edge: int) -> None:
    known = scene(1, (edge, edge))
    found = agreement(known.even.data, known.odd.data)
    assert found.same_scene
    assert found.shift is None
    assert found.fine == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("edge", [192, 640])
def test_halves_of_two_scenes_do_not(edge: int) -> None:
    one, other = scene(1, (edge, edge)), scene(2, (edge, edge))
    assert not agreement(one.even.data, other.odd.data).same_scene


def test_a_shift_of_one_scene_is_told_in_pixels() -> None:
    known = scene(3, (1024, 1024), signal=1.0)
    found = agreement(known.even.data, np.roll(known.odd.data, (-32, 64), (0, 1)))
    assert not found.same_scene
    assert found.shift == (32, -64)


def test_noise_that_both_share_is_seen_at_the_finest_scale() -> None:
    known = scene(1, (192, 192))
    assert agreement(known.even.data, known.even.data).fine == pytest.approx(1)

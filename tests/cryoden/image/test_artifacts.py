from __future__ import annotations

import numpy as np
import pytest

from cryoden.image.artifacts import checkerboard, seams
from cryoden.image.filters import gaussian
from cryoden.micrograph import Pixels

EDGE = 512
PERIODS = (2, 4, 8)


def white(seed: int, edge: int = EDGE) -> Pixels:
    return np.random.default_rng(seed).standard_normal((edge, edge), np.float32)


def board(square: int = 1) -> Pixels:
    odd = np.indices((EDGE, EDGE)) // square % 2
    return np.where(odd[0] == odd[1], np.float32(1), np.float32(-1))


class TestCheckerboard:
    @pytest.mark.parametrize("period", PERIODS)
    @pytest.mark.parametrize("sigma", [0, 1, 4, 16])
    def test_is_not_seen_in_noise_however_smooth(self, period: int, sigma: float) -> None:
        assert checkerboard(100 + gaussian(white(0), sigma), period) < 2

    @pytest.mark.parametrize("period", PERIODS)
    def test_is_seen_where_pixels_were_repeated(self, period: int) -> None:
        repeated = np.kron(white(0, EDGE // period), np.ones((period, period), np.float32))
        assert checkerboard(repeated, period) > 10

    @pytest.mark.parametrize("square", [1, 2, 4])
    def test_of_a_hundredth_of_the_deviation_is_seen_on_a_smooth_image(self, square: int) -> None:
        image = gaussian(white(0), 8)
        assert checkerboard(image + 0.01 * image.std() * board(square), 2 * square) > 4
        assert checkerboard(image + 0.1 * image.std() * board(square), 2 * square) > 100

    @pytest.mark.parametrize("square", [1, 2, 4])
    def test_that_no_eye_sees_is_none(self, square: int) -> None:
        image = gaussian(white(0), 8)
        assert checkerboard(image + 0.002 * image.std() * board(square), 2 * square) < 1.5

    def test_is_seen_where_every_second_step_of_a_smooth_image_is_missing(self) -> None:
        smooth = gaussian(white(0, EDGE // 2), 4)
        assert checkerboard(np.kron(smooth, np.ones((2, 2), np.float32)), 2) > 10

    def test_is_seen_where_every_second_pixel_has_more_contrast(self) -> None:
        assert checkerboard(white(0) * (1 + 0.1 * board()), 2) > 10

    def test_of_another_period_is_not_taken_for_it(self) -> None:
        stripes = np.cos(2 * np.pi * np.arange(EDGE) / 5).astype(np.float32)
        assert checkerboard(white(0) + stripes, 4) < 2
        assert checkerboard(white(0) + stripes, 5) > 100

    def test_an_image_too_small_to_tell_is_refused(self) -> None:
        with pytest.raises(ValueError, match="more than 80 px"):
            checkerboard(white(0, 80), 8)


class TestSeams:
    def test_noise_has_none(self) -> None:
        assert seams(white(0), 128) == pytest.approx(1, abs=0.05)

    def test_tiles_of_different_gray_are_seen_in_both_directions(self) -> None:
        smooth = gaussian(white(0), 4)
        stepped = smooth + 0.2 * smooth.std() * board(128)
        assert seams(stepped, 128) > 2
        assert seams(stepped, 100) == pytest.approx(1, abs=0.1)
        assert seams(stepped.T, 128) == pytest.approx(seams(stepped, 128))

    def test_an_image_of_one_tile_is_refused(self) -> None:
        with pytest.raises(ValueError, match="longer than 512 px"):
            seams(white(0), EDGE)

from __future__ import annotations

import numpy as np

from cryoden.picking.maxima import maxima, standardized


def hill(places: list[tuple[float, float]], heights: list[float]) -> np.ndarray:
    row, column = np.indices((60, 80))
    made = sum(
        height * np.exp(-(np.hypot(row - y, column - x) ** 2) / 18)
        for (y, x), height in zip(places, heights, strict=True)
    )
    return np.asarray(made, np.float32)


EVERYWHERE = np.ones((60, 80), bool)


def test_hills_are_found_to_parts_of_a_pixel_the_highest_first() -> None:
    places, heights = maxima(hill([(20.3, 30.7), (45.0, 10.2)], [1.0, 2.0]), EVERYWHERE, 8)
    np.testing.assert_allclose(places[:2], [[45.0, 10.2], [20.3, 30.7]], atol=0.05)
    assert heights[0] > heights[1]


def test_of_two_that_are_too_close_the_higher_one_stays() -> None:
    image = hill([(20, 20), (20, 32)], [1.0, 0.8])
    assert len(maxima(image, EVERYWHERE, 11)[0]) == 2
    places, _ = maxima(image, EVERYWHERE, 13)
    np.testing.assert_allclose(places, [[20, 20]], atol=0.2)


def test_what_a_loser_would_have_displaced_stays() -> None:
    """Of three in a row, the middle one loses to the first, and does not take the last one with it."""
    image = hill([(20, 20), (20, 32), (20, 44)], [1.0, 0.9, 0.8])
    assert len(maxima(image, EVERYWHERE, 15)[0]) == 2


def test_no_maximum_is_where_none_may_be() -> None:
    usable = EVERYWHERE.copy()
    usable[:30] = False
    assert len(maxima(hill([(20, 20)], [1.0]), usable, 5)[0]) == 0


def test_a_flat_image_has_none() -> None:
    assert len(maxima(np.zeros((60, 80), np.float32), EVERYWHERE, 5)[0]) == 0


def test_a_response_is_in_standard_deviations_of_its_noise_whatever_stands_out() -> None:
    noise = np.random.default_rng(0).normal(3, 2, (60, 80)).astype(np.float32)
    noise[:3, :3] = 500
    found = standardized(noise, EVERYWHERE)
    assert abs(np.median(found)) < 0.01
    assert abs(found[10:].std() - 1) < 0.05


def test_a_response_that_is_flat_nearly_everywhere_stays_finite() -> None:
    flat = np.zeros((60, 80), np.float32)
    flat[30, 30] = 1
    assert np.isfinite(standardized(flat, EVERYWHERE)).all()

from __future__ import annotations

import numpy as np
import pytest

from cryoden.picking.picks import Picks, fitted, made, outside


def picks(**facts: object) -> Picks:
    centers = np.array([[10.0, 20.0], [30.0, 5.0]])
    return Picks("m.mrc", centers, np.array([2.0, 1.0]), np.arange(2), **facts)  # type: ignore[arg-type]  # facts


def test_picks_on_a_binned_micrograph_are_scaled_by_the_pixel_sizes() -> None:
    found = fitted(picks(pixel_size=2.0, diameter=8.0), (100, 100), 1.0)
    np.testing.assert_allclose(found.centers, [[20, 40], [60, 10]])
    assert (found.pixel_size, found.diameter) == (1.0, 16.0)
    np.testing.assert_allclose(found.in_file().centers, picks().centers)


def test_pixel_sizes_that_differ_by_less_than_a_percent_are_one() -> None:
    assert fitted(picks(pixel_size=1.005), (100, 100), 1.0).factor == 1


def test_picks_of_an_image_of_another_size_are_scaled_by_the_sizes() -> None:
    found = fitted(picks(shape=(50, 40), pixel_size=3.0), (100, 80), 3.0)
    np.testing.assert_allclose(found.centers, 2 * picks().centers)


def test_rows_that_are_counted_from_the_other_edge_are_turned_and_turned_back() -> None:
    found = picks().mirrored(40)
    assert found.centers[:, 0].tolist() == [29, 9]
    np.testing.assert_allclose(found.in_file().centers, picks().centers)


def test_turned_and_scaled_picks_go_back_to_what_the_file_counts() -> None:
    found = fitted(picks(pixel_size=2.0), (100, 100), 1.0).mirrored(100)
    np.testing.assert_allclose(found.in_file().centers, picks().centers)


def test_picks_beside_the_micrograph_are_said_to_be() -> None:
    (said,) = outside(picks(), (20, 100))
    assert said.code == "K06"
    assert "1 of 2 picks" in said.text
    assert not outside(picks(), (31, 21))
    assert outside(picks(), (30, 21))


def test_picks_that_are_in_no_file_have_no_rows() -> None:
    assert made(np.zeros((3, 2)), np.ones(3)).rows.tolist() == [-1] * 3
    assert len(made(np.zeros((3, 2)), np.ones(3)).chosen(np.array([True, False, True]))) == 2


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_scaling_there_and_back_is_nothing(factor: float) -> None:
    again = picks().scaled(factor).scaled(1 / factor)
    np.testing.assert_allclose(again.centers, picks().centers)
    assert again.factor == pytest.approx(1)

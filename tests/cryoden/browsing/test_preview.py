from __future__ import annotations

from dataclasses import replace

import pytest

from cryoden.browsing.preview import coarse, preview_edge, sized
from cryoden.micrograph import Micrograph
from tests.cryoden.scenes import scene


@pytest.fixture
def micrograph() -> Micrograph:
    return replace(scene(1, (1024, 1280)).even, pixel_size=1.0)


@pytest.mark.parametrize(("pixel_size", "edge"), [(0.83, 8), (1.0, 7), (3.0, 2), (7.5, 1), (None, 7)])
def test_a_preview_has_coarser_pixels_than_the_network(
    micrograph: Micrograph, pixel_size: float | None, edge: int
) -> None:
    assert preview_edge(replace(micrograph, pixel_size=pixel_size), 3.0) == edge


def test_of_a_small_micrograph_there_is_none(micrograph: Micrograph) -> None:
    assert preview_edge(replace(micrograph, data=micrograph.data[:100, :100]), 3.0) == 1


def test_the_network_takes_its_pixels_for_its_own_and_they_get_their_true_size_back(
    micrograph: Micrograph,
) -> None:
    small = coarse(micrograph, 7, 3.0)
    assert (small.shape, small.pixel_size) == ((146, 182), 3.0)
    assert small.data[0, 0] == pytest.approx(micrograph.data[:7, :7].mean())
    assert sized(small, micrograph, 7).pixel_size == 7.0

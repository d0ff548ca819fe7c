from __future__ import annotations

import pytest

from cryoden.model.checkpoint import Model
from cryoden.model.pixel_scale import scale_for

MODEL = Model("unet", {}, 1.0, working_pixel=3.0)


@pytest.mark.parametrize(("pixel_size", "scale"), [(1.0, 3.0), (3.0, 1.0), (4.0, 0.75), (5.0, 0.6)])
def test_coarse_pixels_are_enlarged_to_those_a_network_works_at(pixel_size: float, scale: float) -> None:
    found, warnings = scale_for(MODEL, pixel_size)
    assert found == pytest.approx(scale)
    assert not warnings


def test_pixels_coarser_than_any_in_training_are_enlarged_no_further_and_reported() -> None:
    scale, (warning,) = scale_for(MODEL, 10.0)
    assert scale == pytest.approx(0.6)
    assert "10 Å/px" in warning.text


def test_a_network_without_a_working_pixel_sees_the_micrographs_own() -> None:
    assert scale_for(Model("baseline", {}, 4.0), 4.0) == (1.0, ())


def test_a_network_of_the_micrographs_own_pixels_says_where_their_size_is_unknown() -> None:
    scale, (odd,) = scale_for(Model("baseline", {}, 4.0), None)
    assert scale == 1.0
    assert str(odd) == "F28: no pixel size in the header, the model was trained at 4 Å/px"
    assert scale_for(Model("baseline", {}, None), None) == (1.0, ())


def test_sizes_that_cannot_be_count_as_unknown() -> None:
    assert scale_for(MODEL, 2e-10) == scale_for(MODEL, None)
    assert scale_for(Model("unet", {}, 2e4, working_pixel=3.0), 1.5)[0] == pytest.approx(3.0)


def test_a_model_goes_by_the_pixel_size_of_the_micrograph_where_both_are_known() -> None:
    trained = Model("unet", {}, 0.8, working_pixel=4.0)
    assert scale_for(trained, 0.8) == (5.0, ())
    assert scale_for(trained, 2.0) == (2.0, ())
    scale, (odd,) = scale_for(trained, 6.0)
    assert scale == pytest.approx(0.8)  # enlarged as if it had 5 Å/px
    assert "trained at 0.8 Å/px, this micrograph has 6 Å/px" in odd.text

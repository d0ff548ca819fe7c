from __future__ import annotations

from cryoden.model.checkpoint import Model
from cryoden.model.pixel_scale import scale_for


def test_a_model_goes_by_the_pixel_size_of_the_micrograph_where_both_are_known() -> None:
    trained = Model("unet", {}, 0.8, working_pixel=4.0)
    assert scale_for(trained, 0.8) == (5.0, ())
    assert scale_for(trained, 2.0) == (2.0, ())
    scale, (odd,) = scale_for(trained, 6.0)
    assert scale == 1
    assert "trained at 0.8 Å/px, this micrograph has 6 Å/px" in odd

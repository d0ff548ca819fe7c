from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.napari_cryoden.deriving import finished


def test_a_low_pass_and_a_residual_come_to_stand_beside_the_two(
    dock: Any, viewer: Any, halves: list[Any], qtbot: Any
) -> None:
    raw, other = halves[:2]
    dock.modes["grid"].click()
    dock.low_pass_button.click()
    finished(dock, qtbot)
    dock.residual_button.click()
    finished(dock, qtbot)
    low, residual = dock.comparison.layers[2:]
    assert (low.name, residual.name) == (f"{raw.name} · low-pass 20 Å", f"{raw.name} · residual")
    assert low.data.std() < raw.data.std() / 2
    assert tuple(low.scale) == tuple(raw.scale)
    np.testing.assert_allclose(residual.data, raw.data - other.data)
    assert sum(residual.contrast_limits) == pytest.approx(0)
    assert viewer.canvas.grid.shape == (2, 2)

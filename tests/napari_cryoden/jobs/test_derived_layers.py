from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_cryoden.jobs import derived_layers
from napari_cryoden.threads.job import OUTDATED
from tests.napari_cryoden.deriving import finished


def test_a_residual_comes_to_stand_beside_the_others(
    dock: Any, viewer: Any, halves: list[Any], qtbot: Any
) -> None:
    raw, other = halves[:2]
    dock.modes["grid"].click()
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


def test_what_cannot_be_computed_is_not_tried_again_and_again(
    dock: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def broken(*arguments: Any) -> Any:
        tries.append(arguments)
        raise MemoryError("no room")

    monkeypatch.setattr(derived_layers, "made", broken)
    with qtbot.waitSignal(dock.deriving.ended):
        dock.modes["grid"].click()
    assert dock.deriving.state == "failed"
    assert not dock.deriving.running
    assert len(tries) == 1
    assert dock.comparison.active


@pytest.mark.parametrize("what", ["grid", "residual"])
def test_what_is_ready_when_a_layer_shows_another_micrograph_is_not_added(
    dock: Any, viewer: Any, halves: list[Any], qtbot: Any, what: str
) -> None:
    """As when somebody pages on in Browse."""
    with qtbot.waitSignal(dock.deriving.ended) as ended:
        (dock.modes["grid"] if what == "grid" else dock.residual_button).click()
        halves[0].data = halves[2].data.copy()
        dock.denoised.layer = halves[3]  # nothing is begun anew
    assert ended.args[0] == OUTDATED
    assert set(viewer.layers) == set(halves)


def test_a_residual_is_not_shown_beside_another_micrograph_later(
    dock: Any, halves: list[Any], qtbot: Any
) -> None:
    dock.filters.low_pass.setChecked(False)
    dock.residual_button.click()
    finished(dock, qtbot)
    residual = dock.deriving.added
    dock.end_button.click()
    halves[0].data = halves[2].data.copy()
    dock.modes["grid"].click()
    assert dock.comparison.layers == halves[:2]
    assert not residual.visible


def test_a_residual_whose_layer_shows_another_micrograph_when_nothing_is_compared_is_shown_alone(
    dock: Any, viewer: Any, halves: list[Any], qtbot: Any
) -> None:
    def page_on(event: Any) -> None:  # noqa: ARG001  napari passes its event
        viewer.layers.events.inserted.disconnect(page_on)
        halves[0].data = halves[2].data.copy()

    viewer.layers.events.inserted.connect(page_on)
    with qtbot.waitSignal(dock.deriving.ended):
        dock.residual_button.click()
    assert dock.deriving.added.visible
    assert not dock.comparison.active

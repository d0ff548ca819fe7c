from __future__ import annotations

from typing import Any


def test_the_layer_the_user_has_selected_is_offered(docked: Any, viewer: Any, add_halves: Any) -> None:
    *_, third, _ = add_halves()
    viewer.layers.selection.active = third
    assert docked("Denoise")[1].layer.layer is third

from __future__ import annotations

from typing import Any

from napari_cryoden.window import main_window, plain


def test_behind_the_proxy_of_a_dock_stands_the_viewer_and_both_have_one_window(
    viewer: Any, docked: Any
) -> None:
    proxy = docked("Compare")[1].viewer
    assert plain(proxy) is plain(viewer)
    assert main_window(proxy) is main_window(viewer)

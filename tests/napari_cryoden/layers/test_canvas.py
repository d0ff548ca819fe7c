from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from napari.settings import get_plugin_settings

from napari_cryoden.layers.canvas import cells
from napari_cryoden.layers.side_by_side import SideBySide
from tests.napari_cryoden.listing import look, opened


@pytest.fixture
def dock(docked: Any) -> Any:
    return docked("Open micrographs")[1]


@pytest.fixture
def scale_bar(viewer: Any) -> Any:
    return viewer.canvas.overlays.scale_bar


def test_the_scale_bar_appears_with_the_first_pixel_size(
    qtbot: Any, dock: Any, scale_bar: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    look(qtbot, dock, write_mrc("a.mrc", noise, pixel_size=None))
    opened(qtbot, dock)
    assert not scale_bar.visible
    look(qtbot, dock, write_mrc("b.mrc", noise))
    opened(qtbot, dock)
    assert scale_bar.visible
    assert scale_bar.position == "bottom_left"  # notifications come up at the right
    scale_bar.visible = False
    opened(qtbot, dock)
    assert not scale_bar.visible
    dock.viewer.open(tmp_path / "b.mrc", plugin="napari-cryoden")
    assert not scale_bar.visible


@pytest.mark.parametrize("wanted", [True, False])
def test_a_file_dropped_on_the_canvas_brings_the_scale_bar_unless_the_preferences_say_no(
    viewer: Any, scale_bar: Any, write_mrc: Any, noise: Any, wanted: bool
) -> None:
    get_plugin_settings("napari-cryoden").viewing.scale_bar = wanted
    viewer.open(write_mrc("a.mrc", noise), plugin="napari-cryoden")
    assert scale_bar.visible == wanted


@pytest.mark.parametrize(
    ("count", "canvas", "shape"),
    [
        (2, (900, 300), (1, 2)),  # raw left and denoised right, always
        (3, (600, 600), (2, 2)),
        (3, (300, 900), (1, 3)),
        (3, (900, 300), (3, 1)),
        (4, (600, 800), (2, 2)),
        (4, (250, 1200), (1, 4)),  # above a plot
        (5, (600, 800), (2, 3)),
    ],
)
def test_square_pictures_stand_where_they_are_largest(
    count: int, canvas: tuple[float, float], shape: tuple[int, int]
) -> None:
    assert cells(count, canvas, (100, 100)) == shape


def test_wide_pictures_stand_above_one_another_sooner() -> None:
    assert cells(3, (700, 900), (100, 100)) == (2, 2)
    assert cells(3, (700, 900), (100, 300)) == (3, 1)


def test_a_scale_bar_that_comes_while_layers_without_pixel_size_are_compared_stays(
    viewer: Any, scale_bar: Any, write_mrc: Any, noise: Any
) -> None:
    comparison = SideBySide(viewer)
    comparison.show(viewer.add_image(noise), viewer.add_image(noise))
    viewer.open(write_mrc("a.mrc", noise), plugin="napari-cryoden")
    comparison.leave()
    assert scale_bar.visible

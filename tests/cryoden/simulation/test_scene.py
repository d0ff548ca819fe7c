from __future__ import annotations

import pytest
import torch

from cryoden.simulation.optics import Grid
from cryoden.simulation.scene import Contrast, Scene


@pytest.mark.parametrize("solid", [{"carbon": 0.1}, {"gold": 1}, {"contamination": 1}])
def test_a_scene_with_any_solid_is_not_bare(solid: dict[str, int]) -> None:
    assert Scene().bare
    assert not Scene(**solid).bare  # type: ignore[arg-type]  # any of its numbers


def contrast(particles: float) -> Contrast:
    nothing = torch.zeros(12, 12)
    part = torch.full((12, 12), particles)
    grid = Grid(12, 12, 2.0, torch.device("cpu"))
    return Contrast(part, nothing, nothing, torch.full((12, 12), 0.5), (), grid, 8)


def test_contrast_is_relative_to_what_reaches_the_camera_and_never_leaves_it_dark() -> None:
    assert float(contrast(0.2).intensity[0, 0]) == pytest.approx(0.6)
    assert float(contrast(-5.0).intensity[0, 0]) == pytest.approx(0.01)


def test_the_margin_around_a_micrograph_is_cut_on_all_sides_alike() -> None:
    rows = torch.arange(12.0)[:, None].expand(12, 12)
    cropped = contrast(0.0).cropped(rows)
    assert cropped.shape == (8, 8)
    assert cropped[:, 0].tolist() == list(range(2, 10))

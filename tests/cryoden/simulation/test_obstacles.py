from __future__ import annotations

import numpy as np
import torch

from cryoden.simulation import obstacles
from cryoden.simulation.obstacles import FILM, Solids
from cryoden.simulation.optics import Grid
from cryoden.simulation.scene import Scene

GRID = Grid(256, 256, 4.0, torch.device("cpu"))


def solids(**chosen: float) -> Solids:
    shown = Scene(edge=256, pixel_size=4.0, **chosen)  # type: ignore[arg-type]  # any of its numbers
    return obstacles.solids(shown, GRID, np.random.default_rng(1), torch.Generator().manual_seed(1))


def test_a_bare_scene_lets_every_electron_through() -> None:
    found = solids()
    assert float(found.transmission.min()) == 1
    assert float(found.phase.abs().max()) == 0


def test_carbon_covers_its_share_of_the_width_with_a_film() -> None:
    film = solids(carbon=0.3).film
    assert float(film.max()) == FILM
    assert 0.15 < float((film > FILM / 2).float().mean()) < 0.45


def test_gold_stops_more_electrons_than_ice_of_the_same_kind_of_ball() -> None:
    gold, crystals = solids(gold=3), solids(contamination=3)
    assert float(gold.beads.max()) < float(crystals.crystals.max())  # the smaller balls
    assert float(gold.transmission.min()) < float(crystals.transmission.min())


def test_the_slope_of_the_ice_leaves_its_mean() -> None:
    flat, steep = (
        obstacles.thickness(
            Scene(slope=slope), GRID, np.random.default_rng(2), torch.Generator().manual_seed(2)
        )
        for slope in (0.0, 0.4)
    )
    assert bool((flat == 1).all())
    assert abs(float(steep.mean()) - 1) < 0.05
    assert 0.2 < float(steep.max() - steep.min()) < 0.8

from __future__ import annotations

import numpy as np
import pytest
import torch

from cryoden.image.spectra import radial_power
from cryoden.simulation import specimen
from cryoden.simulation.assemblies import AssemblyRecipe, Structure, assembly
from cryoden.simulation.optics import Grid, Optics
from cryoden.simulation.specimen import Particle

CPU = torch.device("cpu")
AMPLITUDE = Optics(amplitude=1.0, astigmatism=0, b_factor=0)  # −2 at zero frequency, not −2 · 0.07
UPRIGHT = np.eye(3, dtype=np.float32)


def atom(row: float, column: float, weight: float = 1000.0) -> Structure:
    return Structure(np.array([[row, column, 9]], np.float32), np.array([weight], np.float32), "atom", 0.1)


def middle(image: torch.Tensor) -> tuple[float, float]:
    """The center of mass on a torus: where the longest wave of each axis has its crest."""
    spectrum = torch.fft.fft2(-image)
    turns = (-torch.angle(spectrum[1, 0]), -torch.angle(spectrum[0, 1]))
    row, column = (
        float(turn) / (2 * np.pi) * side % side for turn, side in zip(turns, image.shape, strict=True)
    )
    return row, column


@pytest.mark.parametrize("pixel_size", [0.7, 1.2, 1.6, 2.0, 3.0, 3.3, 4.0])
def test_an_atom_lies_at_the_center_of_its_particle_and_its_own_place_in_it(pixel_size: float) -> None:
    grid = Grid(64, 80, pixel_size, CPU)
    placed = [Particle(0, (20.3, 47.8), 0.0, UPRIGHT)]
    contrast = specimen.particles(placed, [atom(8.0, -5.0)], grid, AMPLITUDE, 1e-3)
    expected = (20.3 + 8 / pixel_size, 47.8 - 5 / pixel_size)
    np.testing.assert_allclose(middle(contrast), expected, atol=0.01)


@pytest.mark.parametrize("pixel_size", [1.0, 3.5])
def test_the_phase_of_a_particle_adds_up_to_its_weights_without_the_ice_it_displaces(
    pixel_size: float,
) -> None:
    structure = assembly(AssemblyRecipe("C3", 120))
    grid = Grid(192, 192, pixel_size, CPU)
    placed = [Particle(0, (90.0, 100.0), 0.0, UPRIGHT)] * 2
    contrast = specimen.particles(placed, [structure], grid, AMPLITUDE, 1e-3)
    phase = contrast.sum().item() * pixel_size**2 / -2
    assert phase == pytest.approx(AMPLITUDE.interaction * 2 * structure.weights.sum() * (1 - 0.6), rel=1e-3)


def test_particles_at_other_heights_are_at_other_defoci() -> None:
    grid, structure = Grid(192, 192, 1.0, CPU), assembly(AssemblyRecipe("C3", 120))

    def contrast(height: float, defocus: float) -> torch.Tensor:
        optics = Optics(defocus=defocus)
        return specimen.particles([Particle(0, (90.0, 90.0), height, UPRIGHT)], [structure], grid, optics, 40)

    torch.testing.assert_close(contrast(2000.0, 1.0), contrast(0.0, 1.2), rtol=0, atol=1e-4)
    assert (contrast(0.0, 1.0) - contrast(0.0, 1.2)).abs().max() > 1e-2


def test_ice_scatters_most_in_a_ring_at_its_oxygen_distance_and_as_it_is_thick() -> None:
    grid = Grid(512, 512, 0.8, CPU)
    thin, thick = (
        specimen.ice_texture(grid, thickness, 1.0, torch.Generator().manual_seed(1), Optics())
        for thickness in (200.0, 400.0)
    )
    assert thick.var() == pytest.approx(2 * thin.var().item(), rel=1e-4)
    found = radial_power(thin.numpy(), 0.8)
    peak = 1 / found.frequencies[found.values.argmax()]
    assert peak == pytest.approx(3.77, abs=0.3)


@pytest.mark.parametrize("moved", [1e-3, 0.049, 0.051, 3.0, 80.0])
def test_moving_water_leaves_what_its_frames_have_in_common(moved: float) -> None:
    times = (np.arange(4000) + 0.5) / 4000
    expected = np.exp(-moved * np.abs(times[:, None] - times[None])).mean()
    assert specimen._still(torch.tensor(moved)).item() == pytest.approx(expected, rel=2e-3)


def test_a_ball_is_as_thick_as_a_sphere() -> None:
    thickness = specimen.discs(Grid(200, 200, 2.0, CPU), [(10.0, -20.0)], [100.0])
    assert thickness.max() == pytest.approx(200, rel=1e-3)
    assert thickness.sum().item() * 4 == pytest.approx(4 / 3 * np.pi * 100**3, rel=1e-2)
    np.testing.assert_allclose(np.unravel_index(int(thickness.argmax()), (200, 200)), (110, 80))

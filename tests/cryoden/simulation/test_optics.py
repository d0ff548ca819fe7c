from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cryoden.simulation.optics import Grid, Optics, damage

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("voltage", "wavelength", "interaction"),
    [(100.0, 0.037014, 0.9244e-3), (200.0, 0.025079, 0.7288e-3), (300.0, 0.019687, 0.6526e-3)],
)
def test_wavelength_and_interaction_are_those_of_the_textbooks(
    voltage: float, wavelength: float, interaction: float
) -> None:
    found = Optics(voltage=voltage)
    assert found.wavelength == pytest.approx(wavelength, rel=1e-4)  # Å
    assert found.interaction == pytest.approx(interaction, rel=2e-4)  # rad/(V Å)


@pytest.mark.parametrize(("along", "sign"), [("columns", 1), ("rows", -1)])
def test_the_contrast_transfer_is_zero_where_the_formula_says(along: str, sign: int) -> None:
    optics = Optics(defocus=1.2, astigmatism=900.0, axis=0.0, amplitude=0.1)
    side = 16_384
    grid = Grid(4, side, 0.8, CPU) if along == "columns" else Grid(side, 4, 0.8, CPU)
    transfer = optics.transfer(grid)[0] if along == "columns" else optics.transfer(grid)[: side // 2, 0]
    crossings = np.flatnonzero(np.diff(np.signbit(transfer.numpy())))[:12]
    # πλ(Δf x − λ² Cs x²/2) + arcsin w = nπ for x = k²: a parabola
    length, defocus = optics.wavelength, 12_000 + sign * 450
    for number, crossing in enumerate(crossings, start=1):
        right = number - math.asin(0.1) / math.pi
        roots = np.roots([-(length**3) * 2.7e7 / 2, length * defocus, -right])
        expected = math.sqrt(min(roots)) * side * 0.8
        assert crossing == pytest.approx(expected, abs=1.01)
    assert len(crossings) == 12


def test_dense_matter_is_dark_and_a_height_is_a_defocus() -> None:
    grid = Grid(64, 64, 1.5, CPU)
    assert Optics().transfer(grid)[0, 0] == pytest.approx(-2 * 0.07)
    high, defocused = Optics(defocus=1.0).transfer(grid, 3000.0), Optics(defocus=1.3).transfer(grid)
    torch.testing.assert_close(high, defocused, atol=1e-3, rtol=0)


def test_the_envelope_halves_the_logarithm_of_a_b_factor() -> None:
    # intensities fall by exp(−B k²/2), amplitudes by exp(−B k²/4)
    found = Optics(b_factor=80.0).envelope(Grid(8, 8, 1.0, CPU))
    assert found[0, 4] ** 2 == pytest.approx(math.exp(-80 / 2 * 0.5**2))


@pytest.mark.parametrize("dose", [0.5, 40.0, 200.0])
def test_damage_is_the_mean_of_what_each_electron_leaves(dose: float) -> None:
    grid = Grid(64, 64, 1.0, CPU)
    left = damage(grid, dose)[0]
    for at in (2, 8, 20, 32):
        critical = 0.245 * (at / 64) ** -1.665 + 2.81
        seen = np.exp(-np.linspace(0, dose, 100_001) / (2 * critical))
        assert left[at] == pytest.approx(np.trapezoid(seen) / 100_000, rel=1e-4)
    assert left[0] == left[1]  # nothing is infinitely resistant on a finite grid

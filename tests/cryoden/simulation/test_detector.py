from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cryoden.image.spectra import radial_power
from cryoden.simulation.detector import Detector
from cryoden.simulation.optics import Grid

GRID = Grid(1024, 1024, 1.3, torch.device("cpu"))
FLAT = torch.full((1024, 1024), 20.0)


def recorded(detector: Detector) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of an even illumination, and the power of their noise in ten bands up to Nyquist."""
    pixels = detector.recorded(detector.expected(FLAT, GRID), GRID, torch.Generator().manual_seed(1)).numpy()
    found = radial_power(pixels, 1.3)
    bands = np.array_split(found.values[4:], 10)
    return pixels, np.array([band.mean() for band in bands])


def test_counts_are_poisson_and_their_noise_is_white() -> None:
    pixels, power = recorded(Detector(efficiency=0.8))
    assert np.array_equal(pixels, np.round(pixels))
    assert pixels.mean() == pytest.approx(16, rel=2e-3)
    assert pixels.var() / pixels.mean() == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(power, 16, rtol=0.03)


def test_integrated_charge_has_the_coloured_noise_of_its_blur() -> None:
    detector = Detector(efficiency=0.8, transfer=0.2, integrating=True, spread=0.5, readout=1.5)
    pixels, power = recorded(detector)
    assert pixels.mean() == pytest.approx(16, rel=2e-3)
    frequencies = radial_power(pixels, 1.3).frequencies[4:] * 2 * 1.3  # Nyquist = 1
    expected = 16 * (1 + 0.5**2) * 0.2 ** (2 * frequencies**2) + 1.5**2
    np.testing.assert_allclose(power, [band.mean() for band in np.array_split(expected, 10)], rtol=0.03)


@pytest.mark.parametrize("integrating", [False, True])
def test_contrast_falls_to_the_transfer_at_nyquist(integrating: bool) -> None:
    detector = Detector(efficiency=1, transfer=0.3, integrating=integrating, spread=0, readout=0)
    columns = torch.arange(1024) * math.pi / 2  # half of Nyquist
    arriving = 1e5 * (1 + 0.5 * torch.cos(columns)).expand(1024, 1024)
    counts = detector.recorded(detector.expected(arriving, GRID), GRID, torch.Generator().manual_seed(1))
    wave = 2 * (counts * torch.cos(columns)).mean() / counts.mean()
    assert wave.item() == pytest.approx(0.5 * 0.3**0.25, rel=1e-3)

"""What lies behind the particles of the general model's training scenes, ``(h, w)`` contrasts."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from cryoden.simulation.optics import Grid
from cryoden.simulation.scene import Contrast, Scene

CLOUDED, STRANGE, MIXED = 0.7, 0.25, 0.15  # shares of the unusual scenes with each kind of background


def between(numbers: np.random.Generator, low: float, high: float) -> float:
    """Return a number drawn evenly on a logarithmic scale."""
    return float(np.exp(numbers.uniform(np.log(low), np.log(high))))


def haze(numbers: np.random.Generator, contrast: Contrast, scene: Scene) -> Tensor | float:
    """Return the faint clouds that a usual micrograph may have."""
    usual = float(contrast.particles.std()) or 0.02
    return (
        0.0
        if numbers.random() < 0.6
        else usual * between(numbers, 0.05, 0.5) * clouds(numbers, contrast, scene)
    )


def beyond(numbers: np.random.Generator, contrast: Contrast, scene: Scene) -> Tensor | float:
    """Return a background beyond the plausible: clouds, no particles, noise like particles."""
    usual = float(contrast.particles.std()) or 0.02
    total: Tensor | float = 0.0
    if numbers.random() < CLOUDED:
        total = usual * between(numbers, 0.05, 6) * clouds(numbers, contrast, scene)
    if numbers.random() < STRANGE:
        total = total + usual * between(numbers, 0.1, 3) * strange(numbers, contrast, scene)
    if numbers.random() < MIXED:
        total = total + between(numbers, 0.3, 2) * scrambled(contrast.particles)
    return total


def clouds(numbers: np.random.Generator, contrast: Contrast, scene: Scene) -> Tensor:
    """Return a random field of unit variance: uneven thickness, broken particles, smooth slopes."""
    grid = contrast.grid
    if numbers.random() < 0.5:
        frequency = grid.squared.sqrt().clamp_min(1 / between(numbers, 300, 1500))
        falling = frequency ** -numbers.uniform(0.5, 2.5) * torch.exp(-((frequency * 30) ** 2))
    else:
        falling = torch.exp(-2 * (math.pi * between(numbers, 12, 500)) ** 2 * grid.squared)
    if numbers.random() < 0.6:
        falling = falling * scene.optics.transfer(grid)
    return unit(grid.filtered(torch.randn_like(contrast.texture), falling))


def strange(numbers: np.random.Generator, contrast: Contrast, scene: Scene) -> Tensor:
    """Return films, filaments and patches, of unit variance, as the microscope shows them.

    Near its zeros a random field draws lines, above a level patches.
    """
    grid, width = contrast.grid, between(numbers, 60, 900)
    field = smooth(grid, width)
    slope = 4.44 / width  # of a field of that spectrum, per Å
    thick = between(numbers, 12, 80)
    if numbers.random() < 0.5:
        shape = torch.exp(-((field / (slope * thick)) ** 2))
    else:
        shape = torch.sigmoid((field - numbers.uniform(0, 1.5)) / (slope * thick / 4))
    if numbers.random() < 0.5:
        shape = shape * torch.sigmoid(4 * smooth(grid, between(numbers, 300, 1500)))
    return unit(grid.filtered(shape, scene.optics.transfer(grid) * scene.optics.envelope(grid)))


def smooth(grid: Grid, width: float) -> Tensor:
    """Return a random field of unit variance without structure much finer than ``width`` Å."""
    white = torch.randn(grid.height, grid.width, device=grid.device)
    return unit(grid.filtered(white, torch.exp(-grid.squared * width**2)))


def unit(image: Tensor) -> Tensor:
    """Return the image with zero mean and unit variance."""
    return (image - image.mean()) / image.std().clamp_min(1e-9)


def scrambled(image: Tensor) -> Tensor:
    """Return noise with the spectrum of the image."""
    phases = torch.fft.rfft2(torch.randn_like(image))
    spectrum = torch.fft.rfft2(image).abs() * phases / phases.abs().clamp_min(1e-6)
    noise: Tensor = torch.fft.irfft2(spectrum, s=image.shape)
    return noise

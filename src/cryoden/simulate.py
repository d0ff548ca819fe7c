"""Simulated pairs of halves with a known truth, small enough for a demonstration.

Weak-phase images of randomly oriented hollow, symmetric particles: projected potential →
contrast transfer → Poisson counts, independent for the two halves. Sources: Rullgård et al.
(2011); Vulović et al. (2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cryoden.micrograph import HalfPair, Micrograph, Pixels

Spectrum = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """What one simulated exposure looks like.

    Parameters
    ----------
    edge : int
        Side of the micrograph in px.
    pixel_size : float
        Å/px.
    particles : int
        How many, at random places and orientations.
    defocus : float
        Underfocus in µm.
    dose : float
        e⁻/Å² of both halves together.
    contrast : float
        Standard deviation of the phase shift in the middle of a particle, in rad.
    seed : int
        The same seed gives the same pair.
    """

    edge: int = 1024
    pixel_size: float = 2.0
    particles: int = 60
    defocus: float = 1.6
    dose: float = 40.0
    contrast: float = 0.12
    seed: int = 0


def sample_pairs() -> list[HalfPair]:
    """Return two simulated pairs; every call gives the same pixels."""
    return [simulated(Scene(seed=seed), f"sample{seed}") for seed in (1, 2)]


def simulated(scene: Scene, name: str) -> HalfPair:
    """Return the two halves of one scene, as counts."""
    numbers = np.random.default_rng(scene.seed)
    expected = scene.dose / 2 * scene.pixel_size**2 * (1 + clean(scene))
    even, odd = (numbers.poisson(expected).astype(np.float32) for _ in range(2))
    return HalfPair(
        Micrograph(even, scene.pixel_size, f"{name}_EVN"), Micrograph(odd, scene.pixel_size, f"{name}_ODD")
    )


def clean(scene: Scene) -> Pixels:
    """Return the ``(h, w)`` relative contrast of a scene without noise."""
    numbers = np.random.default_rng((scene.seed, 1))
    phase = np.zeros((scene.edge, scene.edge))
    radius = round(75 / scene.pixel_size)
    for top, left in numbers.integers(0, scene.edge - 2 * radius, (scene.particles, 2)):
        phase[top : top + 2 * radius, left : left + 2 * radius] += _particle(radius, scene, numbers)
    frequencies = _frequencies(scene)
    seen = np.fft.irfft2(np.fft.rfft2(phase) * transfer(frequencies, scene.defocus), s=phase.shape)
    return seen.astype(np.float32)


def transfer(frequencies: Spectrum, defocus: float) -> Spectrum:
    """Return the contrast transfer function at 300 kV, Cs 2.7 mm, amplitude contrast 0.07.

    Parameters
    ----------
    frequencies : ndarray
        Spatial frequencies in 1/Å.
    defocus : float
        Underfocus in µm.

    References
    ----------
    Rohou & Grigorieff (2015), eq. 2 to 4; envelope exp(−B k² / 4) with B = 60 Å².
    """
    wavelength, spherical, amplitude, b_factor = 0.019687, 2.7e7, 0.07, 60.0
    squared = frequencies**2
    shift = np.pi * wavelength * squared * (defocus * 1e4 - 0.5 * wavelength**2 * squared * spherical)
    # Dense matter is dark under focus, hence the sign; 2 is the weak-phase factor.
    wave: Spectrum = -2 * np.sin(shift + np.arcsin(amplitude)) * np.exp(-b_factor * squared / 4)
    return wave


def _frequencies(scene: Scene) -> Spectrum:
    rows = np.fft.fftfreq(scene.edge, scene.pixel_size)[:, None]
    columns = np.fft.rfftfreq(scene.edge, scene.pixel_size)[None]
    radii: Spectrum = np.hypot(rows, columns)
    return radii


def _particle(radius: int, scene: Scene, numbers: np.random.Generator) -> Spectrum:
    """Return the projection of a shell of 24 blobs, octahedrally placed and randomly turned."""
    turned = _blobs() @ _rotation(numbers).T * radius * 0.62
    y, x = np.mgrid[-radius:radius, -radius:radius]
    width = radius * 0.13
    projected = np.zeros(y.shape)
    for row, column, _ in turned:
        projected += np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * width**2))
    return scene.contrast * projected


def _blobs() -> NDArray[np.float64]:
    """Return the 24 corners of a truncated octahedron on the unit sphere."""
    corners = [(0.0, s * 1.0, t * 2.0) for s in (-1, 1) for t in (-1, 1)]
    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    return np.array([[corner[i] for i in order] for corner in corners for order in orders]) / 5**0.5


def _rotation(numbers: np.random.Generator) -> NDArray[np.float64]:
    q, r = np.linalg.qr(numbers.normal(size=(3, 3)))
    turned: NDArray[np.float64] = q * np.sign(np.diag(r))
    return turned

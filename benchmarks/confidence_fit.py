"""Find the constants of `cryoden.denoising.confidence`, anew for a new general model.

    python benchmarks/confidence_fit.py [--scenes 140] [--device auto]

Simulated exposures of all kinds are drawn: 0.7 to 3 Å/px, halves of 2 to 60 e⁻/Å², random assemblies on
0.5 to 120 % of the area or none, packed or not, counting and integrating detectors, some with carbon, balls
of ice or gold. Of a number of places in each it is known how strong what is shown there is, and whether it
is right. The constants are those that make this most likely.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from confidence import WORKING, shown
from scipy.optimize import minimize
from scipy.special import erf

from cryoden.compute import devices
from cryoden.denoising import ice_ring, ring_gains
from cryoden.denoising.confidence import SUREST, amplitude
from cryoden.denoising.denoise import Denoiser
from cryoden.micrograph import Array, Pixels
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.simulation.assemblies import Structure, assembly, random_recipe
from cryoden.simulation.detector import Detector
from cryoden.simulation.exposure import exposed
from cryoden.simulation.optics import Optics
from cryoden.simulation.scene import Scene

SEED = 4711  # of scenes that judge nothing
SIDE = 1500.0  # Å
PLACES = 3000  # of each exposure
FAINTEST = 3e-4  # amplitude below which there is none to take the logarithm of


def scene(numbers: np.random.Generator, seed: int) -> tuple[Scene, Structure]:
    """Return a scene of any kind, and its particle."""

    def between(low: float, high: float) -> float:
        return float(np.exp(numbers.uniform(np.log(low), np.log(high))))

    size = between(0.7, 3)
    edge = int(np.clip(SIDE / size, 640, 1600))
    structure = assembly(random_recipe(numbers))
    covered = 0 if numbers.random() < 0.12 else between(0.005, 1.2)
    count = covered * (edge * size) ** 2 / (np.pi * (0.8 * structure.radius) ** 2)
    drawn = Scene(
        edge=edge,
        pixel_size=size,
        particles=int(min(800, max(1, count))) if covered else 0,
        packed=bool(numbers.random() < 0.25),
        optics=Optics(defocus=float(numbers.uniform(0.6, 3))),
        dose=between(4, 120),
        detector=Detector(
            integrating=bool(numbers.random() < 0.25), transfer=float(numbers.uniform(0.15, 0.6))
        ),
        ice=float(numbers.uniform(150, 700)),
        slope=float(numbers.choice([0, 0.05, 0.2])),
        carbon=float(numbers.uniform(0.15, 0.6)) if numbers.random() < 0.12 else 0.0,
        contamination=int(numbers.integers(1, 4)) if numbers.random() < 0.12 else 0,
        gold=3 if numbers.random() < 0.05 else 0,
        seed=seed,
    )
    return drawn, structure


def places(denoiser: Denoiser, raw: Pixels, truth: Pixels, size: float) -> Array | None:
    """Return ``(3, PLACES)``: amplitudes, their mean in the micrograph, and 1 where it is right."""
    made = shown(denoiser, raw, truth, size)
    scored = devices.sent((raw - raw.mean()) / raw.std(), denoiser.place.device)
    noise = ring_gains.floor(ice_ring.spectrum(scored), size, max(1.0, WORKING / size), 1.0)
    if made is None or noise is None:
        return None
    here = amplitude(made.picture / float(raw.std()), noise, made.size)
    known = made.inside(here), made.inside(made.agreement() > 0)
    chosen = np.random.default_rng(0).integers(len(known[0]), size=PLACES)
    return np.array([known[0][chosen], np.full(PLACES, float(here.mean())), known[1][chosen]])


def drawn(asked: argparse.Namespace) -> Iterator[Array]:
    """Yield the places of every scene of which a confidence is given."""
    denoiser = Denoiser(load(asked.model), DenoisingSettings(device=asked.device, confidence=True))
    for index in range(asked.scenes):
        one, structure = scene(np.random.default_rng((SEED, index)), 50_000 + index)
        exposure = exposed(one, [structure], denoiser.place.device)
        found = places(denoiser, exposure.even, exposure.clean_with_ice, one.pixel_size)
        if found is not None:
            yield found


def fitted(known: Array) -> Array:
    """Return factor and powers for ``(3, n)`` places."""
    logarithms = np.stack([np.ones_like(known[0]), *np.log(np.maximum(known[:2], FAINTEST))])
    right = known[2] > 0

    def surprise(powers: Array) -> float:
        said = 0.5 + (SUREST - 0.5) * erf(np.exp(np.clip(powers @ logarithms, -8, 2)) / 2**0.5)
        return float(-np.log(np.clip(np.where(right, said, 1 - said), 1e-6, None)).mean())

    found = minimize(surprise, np.array([2.0, 0.5, 0.5]), method="Nelder-Mead").x
    return np.array([np.exp(found[0]), found[1], found[2]])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the constants."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=GENERAL)
    parser.add_argument("--scenes", type=int, default=140)
    parser.add_argument("--device", default="auto")
    found = list(drawn(parser.parse_args(arguments)))
    constants = ", ".join(f"{value:.3g}" for value in fitted(np.concatenate(found, axis=1)))
    print(f"STRENGTH, HERE, WHOLE = {constants}  # {len(found)} exposures")


if __name__ == "__main__":
    main()

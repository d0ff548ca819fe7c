"""Is the confidence right? What it says, and how often that is so, by kind of micrograph.

    python benchmarks/confidence.py [DATA] [--factor NAME...] [--side 1500] [--micrographs 3] [--device auto]

Simulated are the factors of hardship.py, level by level, none of which the calibration has seen
(`confidence_fit.py`), and empty ice. The area of all micrographs of a level, but its borders, is sorted into
eighths by what is said of it. A row has what is said and what is right on average, the error of calibration,
which is the mean over the eighths of their difference without sign, and both for each eighth. Right is a
place around which the structures of 40 to 200 Å that are shown correlate positively with those of the truth,
which is all that both halves share.

DATA is the folder of real.py. A K2 half is judged by the other one, a frame of apoferritin by the mean of
the other frames. Their own noise lets places disagree that are right: in the place of what is said stands
how often they should agree, if it was right, for a normal distribution of what is wrong.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from hardship_scenes import FACTORS, USUAL, Level, sample
from real_data import arrays, frames
from torch import Tensor

from cryoden.compute import devices
from cryoden.denoising import ice_ring, ring_gains
from cryoden.denoising.confidence import SAMPLES, shared, structure
from cryoden.denoising.denoise import Denoiser, finished
from cryoden.denoising.ring_filter import summed
from cryoden.image.resampling import Resampling
from cryoden.micrograph import Array, Micrograph, Pixels
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings

WORKING = 3.0  # Å, pixels on which all is compared
BORDER = 100.0  # Å that are left out
PARTS, DRAWS = 8, 40  # of the area; of noise
EMPTY = [Level(f"{dose} e⁻/Å²", {"dose": dose}, covered=0) for dose in (120, 40, 20, 10, 4)]
FAINT = [Level(f"{mass} kDa, 4 % covered", {"dose": 10}, covered=0.04, mass=mass) for mass in (440, 2000)]
SOLID = [Level("2 balls of ice", {"contamination": 2}), Level("3 gold beads", {"gold": 3})]
KINDS = {
    name: levels
    for name, levels in FACTORS.items()
    if name not in {"eight-bits", "gain", "columns", "graphene"}
} | {"empty": EMPTY, "sparse and faint": FAINT, "solids": SOLID}


@dataclass(frozen=True, eq=False)
class Places:
    """What is said of places and whether it is so, ``(n,)`` each."""

    said: Array
    right: Array

    def reliability(self) -> Array:
        """Return ``(2, PARTS)``: both on average, in parts of the area ordered by what is said."""
        parts = np.array_split(np.argsort(self.said), PARTS)
        return np.array([[values[part].mean() for part in parts] for values in (self.said, self.right)])

    def row(self) -> str:
        """Return cells of a table."""
        said, right = self.reliability()
        error = np.abs(said - right).mean()
        pairs = " | ".join(f"{a:.2f} {b:.2f}" for a, b in zip(said, right, strict=True))
        return f"{self.said.mean():.2f} | {self.right.mean():.2f} | {error:.3f} | {pairs} |"


def joined(places: Sequence[Places]) -> Places:
    """Return the places of several micrographs as those of one."""
    return Places(
        *(np.concatenate(parts) for parts in zip(*((p.said, p.right) for p in places), strict=True))
    )


@dataclass(frozen=True, eq=False)
class Shown:
    """A denoised micrograph, its confidence, and what it is compared with, ``(h, w)`` of ``size`` Å/px."""

    picture: Tensor
    confidence: Tensor
    truth: Tensor
    size: float

    def inside(self, image: Tensor) -> Array:
        """Return the pixels away from borders."""
        border = math.ceil(BORDER / self.size)
        return image[border:-border, border:-border].flatten().double().cpu().numpy()

    def agreement(self) -> Tensor:
        """Return what the structures share with those of the truth."""
        return shared(structure(self.picture, self.size), structure(self.truth, self.size), self.size)

    def places(self) -> Places:
        """Return what is said and whether it is right."""
        return Places(self.inside(self.confidence), self.inside(self.agreement() > 0))

    def noisy_places(self, noise: ring_gains.Floor) -> Places:
        """Return how often the truth should agree, which has noise itself, and whether it does."""
        seen = structure(self.picture, self.size)
        found, mean = self.agreement(), shared(seen, seen, self.size)
        mean = mean.clamp_min(0) * (found.sum() / mean.sum())  # the other image's unit may be another
        gain = np.sqrt(noise(np.linspace(0, 0.5, SAMPLES)))
        draws = torch.Generator().manual_seed(1)
        variance = torch.zeros_like(mean)
        for _ in range(DRAWS):
            white = torch.randn(mean.shape, generator=draws).to(mean)
            drawn = structure(summed((white,), (gain,)), self.size)
            variance += shared(seen, drawn, self.size).square() / DRAWS
        doubt = mean / torch.special.ndtri(self.confidence.double().clamp(0.5001, 1 - 1e-9))
        expected = torch.special.ndtr(mean / (doubt.square() + variance).sqrt())
        return Places(self.inside(expected), self.inside(found > 0))


def shown(denoiser: Denoiser, pixels: Pixels, truth: Pixels, size: float) -> Shown | None:
    """Return a micrograph as it is shown; ``None`` where there is no confidence."""
    made = finished(denoiser.denoise(Micrograph(np.ascontiguousarray(pixels), size, "m")))
    if made.confidence is None:
        return None
    scale = max(1.0, WORKING / size)
    resampling = Resampling(*pixels.shape, scale)

    def reduced(image: Pixels) -> Tensor:
        return resampling.reduce(devices.sent(image, denoiser.place.device))

    picture, other = (reduced(image - image.mean()) for image in (made.micrograph.data, truth))
    return Shown(picture, reduced(made.confidence.data), other, size * scale)


def simulated(level: Level, denoiser: Denoiser, asked: argparse.Namespace) -> list[Places]:
    """Return the places of every micrograph of a level."""
    size = level.scene.get("pixel_size", USUAL.pixel_size)
    found = []
    for seed in range(asked.first, asked.first + asked.micrographs):
        one = sample(level, round(asked.side / size), seed, denoiser.place.device).exposure
        made = shown(denoiser, one.even, one.clean_with_ice, size)
        found += [made.places()] if made else []
    return found


def real(data: Path, denoiser: Denoiser) -> Iterator[tuple[str, list[Places]]]:
    """Yield the places of real micrographs."""
    images = arrays(data)
    pairs = {"K2, even half": [("EVN", "ODD", 0.854)], "K2, odd half": [("ODD", "EVN", 0.854)]}
    pairs["apoferritin"] = [(frame, rest, 1.5) for frame, rest in frames(images)]
    for name, named in pairs.items():
        there = [(images[one], images[other], size) for one, other, size in named if one in images]
        yield name, [places for one in there if (places := by_another(denoiser, *one))]


def by_another(denoiser: Denoiser, one: Pixels, other: Pixels, size: float) -> Places | None:
    """Return the places of an image, judged by one of independent noise."""
    made = shown(denoiser, one, other, size)
    spectrum = ice_ring.spectrum(devices.sent(other, denoiser.place.device))
    noise = ring_gains.floor(spectrum, size, max(1.0, WORKING / size), 1.0)
    return made.noisy_places(noise) if made and noise else None


def tables(asked: argparse.Namespace, denoiser: Denoiser) -> Iterator[tuple[str, list[Places]]]:
    """Yield the name of every row and its places."""
    if asked.data:
        yield from real(asked.data, denoiser)
    for factor in asked.factor:
        for level in KINDS[factor]:
            yield f"{factor}, {level.name}", simulated(level, denoiser, asked)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--model", type=Path, default=GENERAL)
    parser.add_argument("--factor", nargs="*", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--side", type=float, default=1500.0, help="of a micrograph, Å")
    parser.add_argument("--micrographs", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args(arguments)
    denoiser = Denoiser(load(asked.model), DenoisingSettings(device=asked.device, confidence=True))
    print("| kind | said | right | error |" + " |" * PARTS)
    print("|" + "---|" * (4 + PARTS))
    for name, places in tables(asked, denoiser):
        print(f"| {name} | {joined(places).row() if places else 'no confidence |'}", flush=True)


if __name__ == "__main__":
    main()

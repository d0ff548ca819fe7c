"""What the general model, and one trained on the halves, gain on simulated exposures never trained on.

    python benchmarks/simulated_gain.py [--structures 6] [--micrographs 4] [--minutes 0.5] [--device auto]

Each structure is another random assembly with a microscope of its own, seen on several
exposures. Gains are in dB over the raw half, against the particles alone, and means over
all halves: the best Gaussian of seven (chosen knowing the truth), the Wiener filter fitted to
the halves, the general model, and, where minutes are given, a model trained on all of these
halves. ``fell`` counts epochs at which a run was constant.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from cryoden.compute import devices
from cryoden.denoising.denoise import Denoiser
from cryoden.evaluation.half_metrics import gain
from cryoden.events.batch import MicrographDenoised
from cryoden.events.training import EpochFinished
from cryoden.image.filters import low_passed, wiener
from cryoden.micrograph import Micrograph, Pixels
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.training import TrainingSettings
from cryoden.simulation.assemblies import Structure, assembly, random_recipe
from cryoden.simulation.detector import Detector
from cryoden.simulation.exposure import SimulatedExposure, exposed
from cryoden.simulation.optics import Optics
from cryoden.simulation.scene import Scene
from cryoden.workflows import train_model

LOW_PASSES = (5, 8, 12, 17, 24, 30, 40)  # Å
SEED = 977  # of structures that no training drew


@dataclass(frozen=True)
class Sample:
    """Exposures of one structure."""

    name: str
    exposures: list[SimulatedExposure]

    @property
    def pixel_size(self) -> float:
        """Å/px."""
        return self.exposures[0].scene.pixel_size

    def halves(self) -> Iterator[tuple[Pixels, Pixels, Pixels]]:
        """Yield each half, the other one, and the particles."""
        for one in self.exposures:
            yield one.even, one.odd, one.clean
            yield one.odd, one.even, one.clean

    def gained(self, denoise: Callable[[Pixels, Pixels], Pixels]) -> float:
        """Return the mean gain of a function of a half and the other one, dB."""
        return float(
            np.mean([gain(raw, denoise(raw, other), truth).gain_db for raw, other, truth in self.halves()])
        )


def scene(asked: argparse.Namespace, structure: Structure, numbers: np.random.Generator) -> Scene:
    """Return a scene with 5 to 25 % of its area covered."""
    side = asked.edge * asked.pixel_size
    covered = numbers.uniform(0.05, 0.25) * side**2 / (np.pi * (0.8 * structure.radius) ** 2)
    return Scene(
        edge=asked.edge,
        pixel_size=asked.pixel_size,
        particles=int(min(800, covered)),
        optics=Optics(defocus=float(numbers.uniform(0.6, 3.0)), b_factor=60.0),
        dose=asked.dose,
        detector=Detector(integrating=asked.integrating, transfer=0.2 if asked.integrating else 0.6),
        ice=float(numbers.uniform(200, 600)),
        slope=0.05,
    )


def samples(asked: argparse.Namespace) -> Iterator[Sample]:
    """Yield one sample for each structure."""
    device = devices.resolve(asked.device)
    for index in range(asked.first, asked.first + asked.structures):
        numbers = np.random.default_rng((SEED, index))
        structure = assembly(random_recipe(numbers))
        shown = scene(asked, structure, numbers)
        seeds = range(1000 * index, 1000 * index + asked.micrographs)
        exposures = [exposed(replace(shown, seed=seed), [structure], device) for seed in seeds]
        yield Sample(f"{structure.name}, {shown.particles} of them, {shown.optics.defocus:.1f} µm", exposures)


def by_model(model: Path, sample: Sample, asked: argparse.Namespace) -> float:
    """Return what a model gains."""
    settings = DenoisingSettings(device=asked.device, ice_ring=asked.ice_ring, ring_gains=asked.ring_gains)
    denoiser = Denoiser(load(model), settings)

    def denoise(raw: Pixels, _: Pixels) -> Pixels:
        *_, last = denoiser.denoise(Micrograph(raw, sample.pixel_size, "half"))
        assert isinstance(last, MicrographDenoised)
        return last.micrograph.data

    return sample.gained(denoise)


def trained(sample: Sample, asked: argparse.Namespace, seed: int) -> tuple[float, int]:
    """Return what a model trained on the halves gains, and how many epochs were constant."""
    pairs = [one.pair(str(number)) for number, one in enumerate(sample.exposures)]
    settings = TrainingSettings(
        minutes=asked.minutes, device=asked.device, seed=seed, start_from=asked.start_from
    )
    with TemporaryDirectory() as folder:
        model = Path(folder) / "own.safetensors"
        events = list(train_model.train_halves(pairs, model, settings))
        fell = sum(event.collapsed for event in events if isinstance(event, EpochFinished) and event.epoch)
        return by_model(model if model.exists() else GENERAL, sample, asked), fell


def row(sample: Sample, asked: argparse.Namespace, seed: int) -> list[float]:
    """Return the gains on one sample."""
    size = sample.pixel_size
    low = max(sample.gained(lambda raw, _, r=r: low_passed(raw, size, r)) for r in LOW_PASSES)  # type: ignore[misc]  # mypy cannot type it
    linear = sample.gained(lambda raw, other: wiener([(raw, other)], size).apply(raw))
    found = [low, linear, by_model(asked.model, sample, asked)]
    return [*found, *trained(sample, asked, seed)] if asked.minutes else found


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path, default=GENERAL)
    parser.add_argument("--structures", type=int, default=6)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--micrographs", type=int, default=1)
    parser.add_argument("--edge", type=int, default=2048)
    parser.add_argument("--pixel-size", type=float, default=1.2)
    parser.add_argument("--dose", type=float, default=40.0)
    parser.add_argument("--integrating", action="store_true")
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--start-from", choices=("general", "scratch"), default="general")
    parser.add_argument("--ice-ring", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--ring-gains", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--device", default="auto")
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    asked = arguments()
    columns = ("Gaussian", "Wiener", "general", "own", "fell")[: 5 if asked.minutes else 3]
    print(f"{'dB over the raw half':44}{'SNR':>8}" + "".join(f"{name:>9}" for name in columns))
    rows = []
    for seed, sample in enumerate(samples(asked), start=asked.first):
        first = sample.exposures[0]
        rows.append(row(sample, asked, seed))
        snr = first.clean.var() / (first.even.var() - first.clean.var())
        print(f"{sample.name:44}{snr:8.4f}" + "".join(f"{value:9.2f}" for value in rows[-1]), flush=True)
    print(f"{'mean':52}" + "".join(f"{value:9.2f}" for value in np.mean(rows, axis=0)))


if __name__ == "__main__":
    main()

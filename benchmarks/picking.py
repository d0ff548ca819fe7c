"""What denoising does to picking: known particles found by the same picker on raw, filtered and denoised.

    python benchmarks/picking.py [--data FOLDER] [--micrographs 3] [--averages 0 1] [--model FILE]

Simulated: sums of both halves, 1024² px of 1.5 Å, D2 particles of which another structure is drawn with each
seed; every particle is known. Columns are average precisions, mean and standard error over micrographs; the
low-pass is the best of six for each row, chosen knowing the truth. ``random places`` are as many as the
picker looks at on the raw micrograph.

False: picks at the threshold that the program chooses where there is nothing to pick.

Real, with ``--data``: nobody knows the particles. Those of a K2 half are picks on the raw other half, whose
noise is independent of it; those of apoferritin frames of 2 e⁻/Å² are picks on the mean of the 41 other
frames. Both are of a picker, and both of raw micrographs.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from hardship_scenes import Level, sample

from cryoden.compute import devices
from cryoden.dataset.opening import read_micrograph
from cryoden.denoising.denoise import Denoiser, finished
from cryoden.micrograph import Micrograph
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.picking.find_particles import find_particles
from cryoden.picking.known_particles import Annotated
from cryoden.picking.measure import MethodPicked, measured_on
from cryoden.picking.picks import made
from cryoden.picking.summary import Summary, summaries
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.picking import PickingSettings

LEVELS = [
    Level("440 kDa, 40 e⁻/Å²"),
    *(Level(f"440 kDa, {dose} e⁻/Å²", {"dose": dose}) for dose in (10, 5, 2)),
    Level("80 kDa, 40 e⁻/Å²", mass=80),
    *(Level(f"80 kDa, {dose} e⁻/Å²", {"dose": dose}, mass=80) for dose in (10, 5)),
    Level("440 kDa, close packing", {"packed": True}, covered=2.0),
]
EMPTY = Level("empty ice", covered=0)
K2, APOFERRITIN = 200.0, 130.0  # Å
Results = defaultdict[int, list[MethodPicked]]
NAMES = ("raw", "low-pass", "Wiener", "general", "random places")


def simulated(level: Level, asked: argparse.Namespace) -> Results:
    """Return what is found on the exposures of a level, by the number of averages."""
    denoiser, found = general(asked), Results(list)
    for seed in range(asked.micrographs):
        one = sample(level, 1024, seed, devices.resolve(asked.device))
        size = one.exposure.scene.pixel_size
        whole = Micrograph((one.exposure.even + one.exposure.odd) / 2, size, str(seed))
        centers = np.array([particle.center for particle in one.exposure.placed]).reshape(-1, 2)
        known = made(centers, np.full(len(centers), np.nan))
        shown = {"general": finished(denoiser.denoise(whole)).micrograph}
        scene = Annotated(whole.name, whole, one.halves, known, shown)
        for averages in asked.averages:
            settings = PickingSettings(diameter=2 * one.radius * size, averages=averages)
            found[averages] += measured_on(scene, settings, {})
    return found


def general(asked: argparse.Namespace) -> Denoiser:
    """Return the model on its device."""
    return Denoiser(load(asked.model), DenoisingSettings(device=asked.device))


def show(cells: Sequence[str]) -> None:
    """Print one row of a table."""
    print("| " + " | ".join(cells) + " |", flush=True)


def row(found: Sequence[Summary]) -> list[str]:
    """Return average precisions in the order of the columns."""
    by_name = {one.method.split()[0]: one for one in found}
    chosen = [by_name.get(name.split()[0]) for name in NAMES]
    return [
        "–" if one is None else f"{one.average_precision:.3f} ±{one.error:.3f}".replace(" ±nan", "")
        for one in chosen
    ]


def precisions(asked: argparse.Namespace) -> None:
    """Print the table of simulated sets."""
    show(["", "picker", *NAMES])
    show(["---"] * (2 + len(NAMES)))
    for level in LEVELS:
        for averages, found in simulated(level, asked).items():
            show([level.name, picker(averages), *row(summaries(found))])


def picker(averages: int) -> str:
    """Return what the picker looks for."""
    return f"{averages} average{'s' * (averages > 1)}" if averages else "blobs"


def false_picks(asked: argparse.Namespace) -> None:
    """Print how many are picked where there is nothing, raw and denoised."""
    print("\nFalse picks of 150 Å on 1024² px of 1.5 Å, mean over micrographs\n")
    show(["", "picker", "raw", "denoised"])
    show(["---"] * 4)
    denoiser = general(asked)
    for name, images in nothing(asked).items():
        shown = [finished(denoiser.denoise(image)).micrograph for image in images]
        for averages in asked.averages:
            settings = PickingSettings(diameter=150, averages=averages)
            counts = [
                np.mean([len(find_particles(image, settings).picks) for image in each])
                for each in (images, shown)
            ]
            show([name, picker(averages), *(f"{count:.1f}" for count in counts)])


def nothing(asked: argparse.Namespace) -> dict[str, list[Micrograph]]:
    """Return micrographs without particles."""
    place, seeds = devices.resolve(asked.device), range(asked.micrographs)
    noise = [np.random.default_rng(seed).standard_normal((1024, 1024)).astype(np.float32) for seed in seeds]
    ice, full = (
        [sample(level, 1024, seed, place).exposure for seed in seeds] for level in (EMPTY, LEVELS[0])
    )
    scrambled = [
        random_phases((one.even + one.odd) / 2, image) for one, image in zip(full, noise, strict=True)
    ]
    of = {
        "white noise": noise,
        "empty ice": [(one.even + one.odd) / 2 for one in ice],
        "particles with random phases": scrambled,
    }
    return {name: [Micrograph(image, 1.5, name) for image in images] for name, images in of.items()}


def random_phases(image: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return an image of the same power spectrum with the phases of noise."""
    phases = np.fft.rfft2(noise)
    spectrum = np.abs(np.fft.rfft2(image - image.mean())) * phases / np.abs(phases)
    return np.fft.irfft2(spectrum, image.shape).astype(np.float32)


def real(asked: argparse.Namespace) -> None:
    """Print the table of real micrographs."""
    print("\nReal micrographs, against picks of independent images\n")
    show(["", "picker", *NAMES])
    show(["---"] * (2 + len(NAMES)))
    pairs = sorted((asked.data / "apoferritin_pairs").glob("*_frame.mrc"))
    k2 = [(asked.data / "k2_counting" / f"k2_micrograph_{half}.mrc") for half in ("EVN", "ODD")]
    sets = {
        "K2, half of 24 e⁻/Å²": (K2, [(k2[0], k2[1]), (k2[1], k2[0])]),
        "apoferritin, frame of 2 e⁻/Å²": (
            APOFERRITIN, [(one, one.with_name(one.name.replace("_frame", "_rest"))) for one in pairs],
        ),
    }  # fmt: skip
    for name, (diameter, files) in sets.items():
        found = Results(list)
        for one, other in files:
            against(one, other, diameter, asked, found)
        for averages, results in found.items():
            of_raw = [each.detection.known for each in results if each.method == "raw"]
            show([f"{name} ({np.mean(of_raw):.0f} known)", picker(averages), *row(summaries(results))])


def against(one: Path, other: Path, diameter: float, asked: argparse.Namespace, found: Results) -> None:
    """Add what is found on a micrograph; known is what is picked on an independent one of the scene."""
    settings = PickingSettings(diameter=diameter)
    known = find_particles(read_micrograph(other), replace(settings, averages=1)).picks
    micrograph = read_micrograph(one)
    shown = {"general": finished(general(asked).denoise(micrograph)).micrograph}
    for averages in asked.averages:
        scene = Annotated(one.name, micrograph, None, known, shown)
        found[averages] += measured_on(scene, replace(settings, averages=averages), {})


def main(words: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with k2_counting and apoferritin_pairs")
    parser.add_argument("--micrographs", type=int, default=3)
    parser.add_argument("--averages", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--model", type=Path, default=GENERAL)
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args(words)
    precisions(asked)
    false_picks(asked)
    if asked.data:
        real(asked)


if __name__ == "__main__":
    main()

"""What makes denoising hard: every method on simulated exposures, one factor after the other.

    python benchmarks/hardship.py [--factor NAME...] [--edge 1024] [--micrographs 2] [--picking]

Usual is a half of 20 e⁻/Å² at 1.5 Å/px: D2 particles of 440 kDa, another structure with each seed, on 25 %
of the area, 1.2 µm under focus in 300 Å of ice, on a counting detector. A factor changes one thing, level by
level; doses are of both halves together. Figures are gains in signal-to-noise ratio over the raw half against
the particles, dB, mean and standard error over micrographs; with slow backgrounds and carbon, without what is
wider than 400 Å. Filaments, membranes and vesicles count as particles; chains, fragments, films and
backgrounds do not. Methods: the best low-pass of seven (chosen knowing the truth), the Wiener filter fitted
to the two halves, the network alone, the general model (with ring gains), and Topaz where its command is
given; none with the grain of ice. The last column names the first level at which the general model is below
the best low-pass.

``--picking`` adds how well particles are found, where that is hard: average precision of the picker of
`cryoden pick`, by blobs as wide as the particles.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from hardship_scenes import FACTORS, Level, Sample, sample
from numpy.typing import NDArray
from real_methods import by_model, by_topaz
from simulated_gain import LOW_PASSES

from cryoden.compute import devices
from cryoden.evaluation.half_metrics import Gain, gain
from cryoden.image.filters import low_passed, wiener
from cryoden.micrograph import Micrograph, Pixels
from cryoden.model.general import GENERAL
from cryoden.picking.find_particles import find_particles
from cryoden.picking.precision import REACH, detection, matches, within
from cryoden.settings.picking import PickingSettings

LOW_PASS, GENERAL_MODEL = "low-pass", "general"
EASY = 0.9  # average precision on raw micrographs above which picking separates nothing
Values = NDArray[np.float64]


def methods(asked: argparse.Namespace) -> list[str]:
    """Return the names of the columns."""
    return ["raw", LOW_PASS, "Wiener", "network alone", GENERAL_MODEL, *(["Topaz"] if asked.topaz else [])]


def pictures(one: Sample, asked: argparse.Namespace) -> Iterator[list[Pixels]]:
    """Yield both halves as each method shows them."""
    halves, size = one.halves, one.exposure.scene.pixel_size
    yield list(halves)
    smooth = [[low_passed(half, size, cut) for half in halves] for cut in LOW_PASSES]
    yield max(smooth, key=lambda shown: mean_gain(one, shown).gain_db)
    linear = wiener([halves], size)
    yield [linear.apply(half) for half in halves]
    functions = [by_model(asked.model, size, asked.device, ring_gains=gains) for gains in (False, True)]
    for denoise in functions + ([by_topaz(asked.topaz, size)] if asked.topaz else []):
        yield [denoise(half) for half in halves]


def mean_gain(one: Sample, shown: Sequence[Pixels]) -> Gain:
    """Return signal-to-noise ratios before and after, means of both halves."""
    truth = one.compared(one.exposure.clean)
    found = [
        gain(one.compared(raw), one.compared(picture), truth)
        for raw, picture in zip(one.halves, shown, strict=True)
    ]
    return Gain(*np.mean([[each.raw_db, each.denoised_db] for each in found], axis=0))


def picked(one: Sample, shown: Sequence[Pixels]) -> float:
    """Return the average precision of the library's picker, given the diameter, mean of both halves."""
    size, shape = one.exposure.scene.pixel_size, one.exposure.even.shape
    truth = np.array([particle.center for particle in one.exposure.placed]).reshape(-1, 2)
    truth = truth[within(truth, shape, one.radius)]
    settings = PickingSettings(diameter=2 * one.radius * size, contrast="dark")
    found = [find_particles(Micrograph(half, size, "half"), settings).every.centers for half in shown]
    quality = [detection(matches(each, truth, 2 * one.radius * REACH), len(truth)) for each in found]
    return float(np.mean([each.average_precision for each in quality]))


def figures(level: Level, asked: argparse.Namespace) -> Values:
    """Return ``(micrographs, methods, 2)``: gain (of the raw half its SNR), and average precision."""
    device, rows = devices.resolve(asked.device), []
    for seed in range(asked.micrographs):
        one = sample(level, asked.edge, seed, device)
        row = []
        for index, shown in enumerate(pictures(one, asked)):
            quality = mean_gain(one, shown)
            precision = picked(one, shown) if asked.picking else np.nan
            row.append([quality.gain_db if index else quality.raw_db, precision])
        rows.append(row)
    return np.array(rows)


def first_below(levels: Sequence[str], models: Sequence[float], filters: Sequence[float]) -> str:
    """Return the first level at which the model gains less than the filter."""
    below = [name for name, a, b in zip(levels, models, filters, strict=True) if a < b]
    return below[0] if below else "none"


def cells(values: Values, digits: int) -> list[str]:
    """Return mean and standard error over micrographs of each method, ``(micrographs, methods)``."""
    count = len(values)
    errors = values.std(axis=0, ddof=1) / count**0.5 if count > 1 else [None] * values.shape[1]
    return [
        f"{mean:.{digits}f}" + ("" if error is None else f" ±{error:.{digits}f}")
        for mean, error in zip(values.mean(axis=0), errors, strict=True)
    ]


def show(columns: Sequence[str]) -> None:
    """Print one row of a table."""
    print("| " + " | ".join(columns) + " |", flush=True)


def table(asked: argparse.Namespace) -> dict[tuple[str, str], Values]:
    """Print the gains, and return average precisions by factor and level."""
    names, precisions = methods(asked), {}
    show(["factor", "level", "raw SNR, dB", *names[1:], "below the low-pass from"])
    show(["---"] * (len(names) + 3))
    for factor in asked.factor:
        levels = FACTORS[factor]
        found = [figures(level, asked) for level in levels]
        means = np.array([each[..., 0].mean(axis=0) for each in found])
        model, smooth = (means[:, names.index(name)] for name in (GENERAL_MODEL, LOW_PASS))
        below = first_below([level.name for level in levels], model.tolist(), smooth.tolist())
        for index, (level, each) in enumerate(zip(levels, found, strict=True)):
            show([factor * (index == 0), level.name, *cells(each[..., 0], 1), below * (index == 0)])
            precisions[factor, level.name] = each[..., 1]
    return precisions


def picking_table(precisions: dict[tuple[str, str], Values], asked: argparse.Namespace) -> None:
    """Print average precisions where they are low on raw micrographs."""
    print(f"\nAverage precision of picking, where it is below {EASY} on raw micrographs\n")
    show(["factor", "level", *methods(asked)])
    show(["---"] * (len(methods(asked)) + 2))
    for (factor, level), values in precisions.items():
        if values[:, 0].mean() < EASY:
            show([factor, level, *cells(values, 2)])


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--factor", nargs="+", choices=FACTORS, default=list(FACTORS), metavar="NAME", help=", ".join(FACTORS)
    )
    parser.add_argument("--edge", type=int, default=1024)
    parser.add_argument("--micrographs", type=int, default=2, help="of each level")
    parser.add_argument("--model", type=Path, default=GENERAL)
    parser.add_argument("--topaz", metavar="COMMAND")
    parser.add_argument("--picking", action="store_true")
    parser.add_argument("--device", default="auto")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    """Print the tables."""
    asked = arguments(words)
    precisions = table(asked)
    if asked.picking:
        picking_table(precisions, asked)


if __name__ == "__main__":
    main()

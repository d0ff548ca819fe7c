"""One yardstick on both sides: simulations judged as `real` judges real micrographs, beside the truth.

    python benchmarks/yardstick.py [--only k2 apoferritin class] [--topaz COMMAND] [--device auto]

Three set-ups, none of whose structures any training drew. ``k2``: halves of 20 e⁻/Å² at 0.854 Å/px, as
many particles of 465 kDa as the real ones have. ``apoferritin``: crowded shells of 440 kDa at 1.5 Å/px,
frames of 2 e⁻/Å² judged with the mean of 41 others; at 0.3 e⁻/Å² they are as faint as the real ones.
``class``: particles of one view at 3.54 Å/px, turned in the plane, cut out and turned back with errors of
alignment (normal, standard deviations in degrees and px); judged by r in each band with the mean of the
others of the class, raw and misaligned alike, and with the clean particle. Filters and gains are fitted
to another exposure.

Truth is the gain in SNR over the raw image against the particles alone, over all frequencies and in 340–20 Å.
The last table says which measure ranks methods as the truth does: Spearman's correlation within a condition
(mean over conditions), and over methods × conditions, each less the raw image.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from real_data import Data, View, scored
from real_methods import USUAL, Denoise, add_flags, methods
from real_readings import AGREEMENT, agreement, contrast, sampled, show
from scipy.stats import spearmanr
from yardstick_scenes import CLASS, CLASSES, SETS, Condition, Values, cut, one_class

from cryoden.evaluation.bands import agreement_by_band
from cryoden.evaluation.half_metrics import gain
from cryoden.image.spectra import PARTICLES, Band
from cryoden.micrograph import Pixels

TRUTH = ("truth, all, dB", "truth, 340–20 Å, dB")
CONTRAST = f"contrast over {USUAL}, dB"
MEASURES = (*AGREEMENT, CONTRAST)
SLOPE = AGREEMENT.index("slope, 340–20 Å")
BOX = 72  # px; a particle and its surroundings
CLASS_BANDS = (Band(200, 60), Band(60, 35), Band(35, 22), Band(22, 14))
ERRORS = ((0, 0), (3, 1), (6, 2))  # of alignment: degrees, px
Table = dict[str, list[float]]


def decibels(correlation: float) -> float:
    """Return the SNR of an image that correlates so with the truth."""
    return float(10 * np.log10(correlation**2 / (1 - correlation**2)))


def won(output: Pixels, view: View, pixel_size: float) -> list[float]:
    """Return the gain in SNR over all frequencies and in the particle band, dB."""
    assert view.truth is not None
    before, after = (
        decibels(float(agreement_by_band(image, view.truth, pixel_size, [PARTICLES]).correlation[0]))
        for image in (view.noisy, output)
    )
    return [gain(view.noisy, output, view.truth).gain_db, after - before]


def functions(data: Data, asked: argparse.Namespace) -> Iterator[tuple[str, Denoise]]:
    """Yield what needs no training."""
    with TemporaryDirectory() as folder:
        yield from methods(data, asked, Path(folder))


def judged(data: Data, asked: argparse.Namespace) -> Table:
    """Return for every method the truth and every measure, means over views."""
    found, contrasts = {}, {}
    for name, denoise in functions(data, asked):
        outputs = [(denoise(view.noisy), view) for view in data.judged]
        seen = [np.mean(agreement(output, view, data), axis=0) for output, view in outputs]
        true = [won(output, view, data.pixel_size) for output, view in outputs]
        found[name] = [*np.mean(true, axis=0), *np.mean(seen, axis=0)]
        counts = min(len(view.regions.particles) for _, view in outputs if view.regions)
        samples = [sampled(output, view.regions)[:counts] for output, view in outputs if view.regions]
        contrasts[name] = contrast(np.array(samples))
    return {name: [*values, contrasts[name] - contrasts[USUAL]] for name, values in found.items()}


def particles(condition: Condition, asked: argparse.Namespace) -> Table:
    """Return for every method the truth, and r by band with the clean particle and each class average."""
    exposures = [one_class(condition, seed) for seed in (1, 2)]
    (fitted, _), (one, angles) = exposures
    both = [View(scored(a), scored(b)) for a, b in ((fitted.even, fitted.odd), (fitted.odd, fitted.even))]
    view = View(scored(one.even), scored(one.odd), truth=one.clean)
    data = Data("class", CLASS.pixel_size, True, both, [view])
    poses = np.column_stack([[particle.center for particle in one.placed], angles])
    table = {}
    for name, denoise in functions(data, asked):
        output = denoise(view.noisy)
        against = [bands(output, view, erring(poses, error)) for error in ERRORS]
        table[name] = [
            *won(output, view, data.pixel_size),
            *against[0][1],
            *np.ravel([a for a, _ in against]),
        ]
    return table


def erring(poses: Values, error: tuple[float, float]) -> Values:
    """Return poses with errors of alignment, the same with each call."""
    degrees, shift = error
    noise = np.random.default_rng(5).standard_normal(poses.shape)
    return poses + noise * (shift, shift, np.radians(degrees))


def bands(output: Pixels, view: View, poses: Values) -> tuple[Values, Values]:
    """Return r in each band with the mean of the other raw particles, and with the clean one."""
    assert view.truth is not None
    shown, raw, clean = (np.array(list(cut(image, poses, BOX))) for image in (output, view.noisy, view.truth))
    others = (raw.sum(axis=0) - raw) / (len(raw) - 1)
    return tuple(  # type: ignore[return-value]  # mypy cannot count it
        np.mean(
            [
                agreement_by_band(one, other, CLASS.pixel_size, CLASS_BANDS).correlation
                for one, other in zip(shown, reference, strict=True)
            ],
            axis=0,
        )
        for reference in (others, clean)
    )


def ranked(tables: Mapping[str, Table], measures: tuple[str, ...]) -> None:
    """Print how each measure ranks methods against both truths."""
    values = np.array([list(table.values()) for table in tables.values()])  # (conditions, methods, columns)
    rows = {}
    for column, name in enumerate(measures, len(TRUTH)):
        seen = -np.abs(np.log(values[..., column])) if name == AGREEMENT[SLOPE] else values[..., column]
        rows[name] = [cell for truth in range(len(TRUTH)) for cell in ranks(seen, values[..., truth])]
    heads = [f"{truth[:-4]}: {how}" for truth in TRUTH for how in ("within", "over all")]
    show("ranks as the truth does", heads, rows)


def ranks(seen: Values, truth: Values) -> list[str]:
    """Return Spearman's correlation, ``(conditions, methods)``: within conditions, and over all."""
    within = [spearmanr(a, b).statistic for a, b in zip(seen, truth, strict=True)]
    over = spearmanr(*((each - each[:, :1]).ravel() for each in (seen, truth))).statistic
    return [f"{np.mean(within):.2f} (least {np.min(within):.2f})", f"{over:.2f}"]


def show_numbers(title: str, heads: tuple[str, ...], table: Table, decibel: tuple[int, ...]) -> None:
    """Print values, those in dB with their sign."""
    rows = {
        name: [f"{value:+.1f}" if index in decibel else f"{value:.3f}" for index, value in enumerate(values)]
        for name, values in table.items()
    }
    show(title, heads, rows)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=(*SETS, "class"), default=(*SETS, "class"))
    parser.add_argument("--device", default="auto")
    add_flags(parser)
    asked = parser.parse_args()
    asked.minutes = 0.0
    for made, conditions in (SETS[name] for name in SETS if name in asked.only):
        tables = {}
        for condition in conditions:
            data = made(condition)
            tables[condition.name] = judged(data, asked)
            title, heads = f"{data.name}: {condition.name}", (*TRUTH, *MEASURES)
            show_numbers(title, heads, tables[condition.name], (0, 1, len(heads) - 1))
        ranked(tables, MEASURES)
    if "class" in asked.only:
        names = ["clean", *(f"class, {degrees}° {shift} px" for degrees, shift in ERRORS)]
        measures = tuple(f"{name}, {band.name}" for name in names for band in CLASS_BANDS)
        tables = {}
        for condition in CLASSES:
            tables[condition.name] = particles(condition, asked)
            title = f"particles at 3.54 Å/px: {condition.name}"
            show_numbers(title, (*TRUTH, *measures), tables[condition.name], (0, 1))
        ranked(tables, measures)


if __name__ == "__main__":
    main()

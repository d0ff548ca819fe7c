"""Whether the sum of both halves is denoised better at once, or as the mean of the denoised halves.

Run: python benchmarks/sum_of_halves.py [--count 3] [--edge 1024] [--device cpu]
     python benchmarks/sum_of_halves.py --micrograph k2_micrograph.mrc [--reference 0.2] [--deals 3]

On simulated exposures with known truth: correlation of both with the particles and the ice, in all of the
spectrum and in the particle band (340 to 20 Å).

On a real micrograph of counted electrons: each electron is dealt at random to one of two halves or to a
reference, of which the noise is independent of both. Correlation with the reference by band, with a standard
error of the difference over blocks of the micrograph. The general model denoises. Beside it are the raw sum,
low-passes of it, of which the best is chosen by the reference itself, the Wiener filter fitted to both
halves, and what the clean image would have: the square root of the correlation of two such references.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from cryoden.denoising.denoise import Denoiser, finished
from cryoden.evaluation.bands import BANDS, agreement_by_band, blocks
from cryoden.formats import micrographs
from cryoden.image.counting import count_test
from cryoden.image.filters import low_passed, wiener
from cryoden.image.spectra import Band
from cryoden.micrograph import Array, Micrograph, Pixels
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.picking.measure import of_sum
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.tools import SimulationSettings
from cryoden.simulation.files import simulate_files

BAND = (340.0, 20.0)  # Å
SHOWN = (*BANDS, Band(340, 20))
BLOCK = 900  # px; sixteen blocks of a K2 micrograph
CUTS = (15, 20, 25, 30, 40)  # Å
NAMES = ("one half", "sum", "mean of halves", "raw sum", *(f"low-pass {cut} Å" for cut in CUTS), "Wiener")


def main() -> None:
    """Print a line per exposure, and the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--edge", type=int, default=1024)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--micrograph", type=Path)
    parser.add_argument(
        "--reference", type=float, default=0.2, help="share of the electrons of the reference"
    )
    parser.add_argument("--deals", type=int, default=3)
    chosen = parser.parse_args()
    denoiser = Denoiser(load(GENERAL), DenoisingSettings(device=chosen.device))
    if chosen.micrograph is None:
        simulated(chosen, denoiser)
    else:
        real(chosen, denoiser)


def simulated(chosen: argparse.Namespace, denoiser: Denoiser) -> None:
    """Print the correlations with the truth of simulated exposures."""
    settings = SimulationSettings(count=chosen.count, edge=chosen.edge, pixel_size=1.5, device=chosen.device)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        list(simulate_files(Path(folder), settings))
        for even in sorted(Path(folder).glob("*_EVN.mrc")):
            rows.append(compared(even, denoiser))
            print(even.stem, *(f"{value:.4f}" for value in rows[-1]), flush=True)
    names = ("sum, all", "mean of halves, all", "sum, band", "mean of halves, band")
    for name, value in zip(names, np.mean(rows, axis=0), strict=True):
        print(f"CC with the truth, {name}: {value:.4f}")


def compared(even: Path, denoiser: Denoiser) -> tuple[float, ...]:
    """Return the correlations with the truth of the denoised sum, and of the mean of the denoised halves."""
    halves = [micrographs.read(even), micrographs.read(even.with_name(even.name.replace("_EVN", "_ODD")))]
    truth = micrographs.read(even.parent / "clean_with_ice" / even.name.replace("_EVN", "")).data
    _, *both, _ = ways(denoiser, *halves)
    size = halves[0].pixel_size or 1.0
    return (
        *(correlation(one, truth) for one in both),
        *(correlation(band(one, size), band(truth, size)) for one in both),
    )


def real(chosen: argparse.Namespace, denoiser: Denoiser) -> None:
    """Print the correlations with an independent part of a real micrograph's electrons, by band."""
    whole = micrographs.read(chosen.micrograph)
    size, found, shared = whole.pixel_size or 1.0, [], []
    for seed in range(chosen.deals):
        *halves, reference = dealt(whole, chosen.reference, seed)
        made = [*ways(denoiser, *halves), *linear(*halves, size)]
        found.append([list(by_block(one, reference.data, size)) for one in made])
        shared.append(list(by_block(halves[0].data, halves[1].data, size)))
        print(f"deal {seed + 1} of {chosen.deals}", flush=True)
    table = np.array(found).mean(axis=0)  # ways, blocks, bands
    print("Å", *(f"{band.coarse:g}-{band.fine:g}" for band in SHOWN), sep="\t")
    for name, values in zip(NAMES, table, strict=True):
        print(name, *(f"{value:.4f}" for value in values.mean(axis=0)), sep="\t")
    ceiling = of_clean(np.mean(shared, axis=(0, 1)), chosen.reference)
    print("clean image", *(f"{value:.4f}" for value in ceiling), sep="\t")
    gain = table[1] - table[2]
    error = gain.std(axis=0, ddof=1) / np.sqrt(len(gain))
    words = (f"{mean:+.4f} ± {one:.4f}" for mean, one in zip(gain.mean(axis=0), error, strict=True))
    print("sum - mean of halves", *words, sep="\t")


def linear(even: Micrograph, odd: Micrograph, size: float) -> Iterator[Pixels]:
    """Yield the raw sum after low-passes, and after the Wiener filter that was fitted to both halves."""
    whole = even.data + odd.data
    yield from (low_passed(whole, size, cut) for cut in CUTS)
    yield of_sum(wiener([(even.data, odd.data)], size)).apply(whole)


def of_clean(shared: Array, share: float) -> Array:
    """Return the correlations of a clean image with a reference, from those of two halves.

    The reference has that share of the electrons, each half one half of the others: signal over noise goes
    by electrons.
    """
    ratio = shared / (1 - shared) * share / ((1 - share) / 2)
    return np.sqrt(ratio / (1 + ratio))


def by_block(image: Pixels, reference: Pixels, size: float) -> Iterator[list[float]]:
    """Yield the correlations of each block, by band."""
    for one, other in zip(blocks(image, BLOCK), blocks(reference, BLOCK), strict=True):
        yield [float(r) for r in agreement_by_band(one, other, size, SHOWN).correlation]


def dealt(whole: Micrograph, share: float, seed: int) -> Iterator[Micrograph]:
    """Yield two halves and a reference, which has this share of the counted electrons."""
    numbers = np.random.default_rng(seed)
    counts = np.rint(whole.data / count_test(whole).gain).astype(np.int64)
    reference = numbers.binomial(counts, share)
    even = numbers.binomial(counts - reference, 0.5)
    for part in (even, counts - reference - even, reference):
        yield replace(whole, data=part.astype(np.float32))


def ways(denoiser: Denoiser, even: Micrograph, odd: Micrograph) -> list[Pixels]:
    """Return one denoised half, the denoised sum, the mean of the denoised halves, and the raw sum."""
    whole = replace(even, data=even.data + odd.data)
    one, other = denoised(denoiser, even), denoised(denoiser, odd)
    return [one, denoised(denoiser, whole), one + other, whole.data]


def denoised(denoiser: Denoiser, micrograph: Micrograph) -> Pixels:
    """Return the pixels of a denoised micrograph."""
    return finished(denoiser.denoise(micrograph)).micrograph.data.copy()


def band(pixels: Pixels, size: float) -> Pixels:
    """Return what lies in the particle band."""
    return low_passed(pixels, size, BAND[1]) - low_passed(pixels, size, BAND[0])


def correlation(one: Pixels, other: Pixels) -> float:
    """Return Pearson's r."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


if __name__ == "__main__":
    main()

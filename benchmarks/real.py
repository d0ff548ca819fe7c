"""The bench of reality: every method on real micrographs, judged by images of independent noise.

    python benchmarks/real.py DATA [--model MODEL...] [--minutes 0.5] [--topaz COMMAND] [--device auto]

DATA is a folder with ``k2_counting/k2_micrograph_{EVN,ODD}.mrc``,
``apoferritin_pairs/*_{frame,rest}.mrc``, ``falcon_micrograph.mrc`` and ``contaminated_micrograph.mrc``,
or the file that ``--pack FILE`` makes of it for a machine without them.

K2: filters and gains are fitted, and networks trained (Noise2Noise), on the left half of the micrograph;
everything is judged on the right half: r of a denoised half with the other raw half, mean and standard
error over blocks. Apoferritin: r of a denoised frame of 2 e⁻/Å² with the mean of the other frames, mean
and standard error over frames; what is fitted or trained (supervised) is so on two thirds of the frames
and judged on the others, in three splits. ``+ raw`` gives network output and raw image one gain a ring each,
fitted by least squares. The slope is that of the other raw image on the denoised one: 1 is honest, less
promises more than there is (apoferritin's two have different units). Falcon and contaminated have no
halves: white noise in, phases scrambled beyond 340 Å, and the seams of tiles. K2 and apoferritin choose
between recipes here; no shipped model is trained on them.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from real_data import Data, apoferritin, arrays, k2, pack

from cryoden.denoising.denoise import Denoiser
from cryoden.evaluation.bands import BANDS, agreement_by_band, blocks
from cryoden.events.batch import MicrographDenoised
from cryoden.image.filters import WienerFilter, gaussian, low_passed
from cryoden.image.fourier_rings import cross_power, inverse, neighbors_averaged, radius, transform
from cryoden.image.spectra import PARTICLES, Band, phase_randomized
from cryoden.micrograph import HalfPair, Micrograph, Pixels
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.fields import Device
from cryoden.settings.training import TrainingSettings

LOW_PASSES = (20.0, 30.0, 40.0)  # Å
ALL = (*BANDS, PARTICLES)
WIDE = 90  # px; slopes of the illumination that an apoferritin frame is judged without
BLOCK = 900  # px
SMOOTHING = 4  # rings at each side that a gain is averaged over
EMPTY = 1e-4  # of the raw image's power: output without content
Denoise = Callable[[Pixels], Pixels]


def gains(powers: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return for each ring the gain of the output and of the raw image that fit the other image best.

    ``powers`` are ``(3, 3, n)`` cross powers of output, raw and other image.
    """
    total = np.sum(powers, axis=0)
    determinant = total[0, 0] * total[1, 1] - total[0, 1] ** 2
    output = total[0, 2] * total[1, 1] - total[1, 2] * total[0, 1]
    raw = total[1, 2] * total[0, 0] - total[0, 2] * total[0, 1]
    empty = total[0, 0] < EMPTY * total[1, 1]  # finer than a network sees
    safe = np.where(empty, np.inf, determinant)
    return output / safe, np.where(empty, total[1, 2] / total[1, 1], raw / safe)


def linear(data: Data) -> Denoise:
    """Return the filter with the gain of each ring that fits the other image best."""
    found = [cross_power([view.noisy, view.other], data.pixel_size) for view in data.fitted]
    total = np.sum([each.power for each in found], axis=0)
    shared, _ = neighbors_averaged(total[0, 1] / total[0, 0], found[0].counts, SMOOTHING)
    return WienerFilter(data.pixel_size, found[0].frequencies, np.clip(shared, 0, None)).apply


def with_raw(denoise: Denoise, data: Data) -> Denoise:
    """Return a method that adds the raw image to the output, with two gains fitted for each ring."""
    found = [cross_power([denoise(v.noisy), v.noisy, v.other], data.pixel_size) for v in data.fitted]
    smooth = [
        np.array([[neighbors_averaged(q, p.counts, SMOOTHING)[0] for q in row] for row in p.power])
        for p in found
    ]
    frequencies = found[0].frequencies * data.pixel_size
    both = gains(smooth)

    def combined(noisy: Pixels) -> Pixels:
        rings = radius(noisy.shape)
        parts = [np.interp(rings, frequencies, gain, right=0) for gain in both]
        total = transform(denoise(noisy)) * parts[0] + transform(noisy) * parts[1]
        return inverse(total.astype(np.complex64), noisy.shape)

    return combined


def by_model(
    model: Path, pixel_size: float, device: Device, tile: int = 0, ring_gains: bool = True
) -> Denoise:
    """Return a model as a function of pixels, without the grain of ice."""
    settings = DenoisingSettings(device=device, ice_ring=False, tile=tile, ring_gains=ring_gains)
    denoiser = Denoiser(load(model), settings)

    def denoise(noisy: Pixels) -> Pixels:
        *_, last = denoiser.denoise(Micrograph(np.ascontiguousarray(noisy), pixel_size, "real"))
        assert isinstance(last, MicrographDenoised)
        return last.micrograph.data

    return denoise


def by_topaz(command: str, pixel_size: float) -> Denoise:
    """Return Topaz's pretrained ``unet`` as a function of pixels."""
    from cryoden.io import mrc  # noqa: PLC0415 - as above

    def denoise(noisy: Pixels) -> Pixels:
        with TemporaryDirectory() as folder:
            mrc.write(Path(folder) / "in.mrc", noisy, pixel_size=pixel_size, label="for a comparison")
            asked = [*shlex.split(command), "denoise", "--model", "unet", "--output", f"{folder}/out"]
            subprocess.run([*asked, f"{folder}/in.mrc"], check=True)  # noqa: S603 - the user's command
            return mrc.read(Path(folder) / "out" / "in.mrc").data

    return denoise


def micrograph(pixels: Pixels, data: Data, name: str) -> Micrograph:
    """Return pixels in memory as a micrograph."""
    return Micrograph(np.ascontiguousarray(pixels), data.pixel_size, name)


def own(data: Data, asked: argparse.Namespace, anchor: float, folder: Path) -> Path:
    """Return a model trained on what is to be fitted to."""
    from cryoden.workflows import train_model  # noqa: PLC0415 - as above

    settings = TrainingSettings(minutes=asked.minutes, device=asked.device, anchor=anchor)
    target = folder / f"own-{anchor:g}-{id(data)}.safetensors"
    pairs = [
        (micrograph(view.noisy, data, f"{index}a"), micrograph(view.other, data, f"{index}b"))
        for index, view in enumerate(data.fitted)
    ]
    if data.halves:  # either way round is one pair
        events = train_model.train_halves([HalfPair(*pairs[0])], target, settings, start=asked.model[0])
    else:
        events = train_model.train_supervised(pairs, target, settings, start=asked.model[0])
    list(events)
    return target if target.exists() else asked.model[0]


def methods(data: Data, asked: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Denoise]]:
    """Yield every method by name, fitted."""
    size = data.pixel_size
    yield "raw", lambda noisy: noisy
    for cut in LOW_PASSES:
        yield f"low-pass {cut:g} Å", lambda noisy, cut=cut: low_passed(noisy, size, cut)  # type: ignore[misc]  # mypy cannot type it
    yield "Wiener", linear(data)
    networks = {path.stem: path for path in asked.model}
    for anchor in (1.0, 0.0) if asked.minutes else ():
        networks[f"own, anchor {anchor:g}"] = own(data, asked, anchor, folder)
    for name, path in networks.items():
        alone = by_model(path, size, asked.device, ring_gains=False)
        yield f"{name}, alone", alone
        yield f"{name} + raw", with_raw(alone, data)
        yield name, by_model(path, size, asked.device)
    if asked.topaz:
        yield "Topaz unet", by_topaz(asked.topaz, size)


def readings(denoise: Denoise, data: Data) -> list[list[float]]:
    """Return r in each band, without what is wider than 90 px, and the slope, of every block judged."""
    found = []
    for view in data.judged:
        output = denoise(view.noisy)
        edge = BLOCK if data.halves else max(output.shape)
        for one, other in zip(blocks(output, edge), blocks(view.other, edge), strict=True):
            bands = agreement_by_band(one, other, data.pixel_size, ALL)
            whole = agreement_by_band(
                one - gaussian(one, WIDE), other - gaussian(other, WIDE), data.pixel_size, [Band(1e6, 0.1)]
            )
            found.append([*bands.correlation, whole.correlation[0], bands.slope[-1]])
    return found


def table(folds: Sequence[Data], asked: argparse.Namespace) -> None:
    """Print mean and standard error of every method, over the blocks or frames of all folds."""
    rows: dict[str, list[list[float]]] = {}
    with TemporaryDirectory() as folder:
        for data, (name, denoise) in (
            (one, each) for one in folds for each in methods(one, asked, Path(folder))
        ):
            rows.setdefault(name, []).extend(readings(denoise, data))
    if not rows:
        return
    heads = (*(band.name for band in ALL), f"no > {WIDE} px", "slope, 340–20 Å")
    print(f"\n{folds[0].name:24}" + "".join(f"{head:>16}" for head in heads))
    for name, values in rows.items():
        mean, error = np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / len(values) ** 0.5
        cells = (f"{m:10.4f} ±{e:.3f}" for m, e in zip(mean, error, strict=True))
        print(f"{name:24}" + "".join(cells), flush=True)


def noise(name: str, image: Pixels, pixel_size: float, asked: argparse.Namespace) -> None:
    """Print what white noise and scrambled phases give of a micrograph's power, and how tiles differ."""
    middle = image[tuple(slice(max(0, side // 2 - 512), side // 2 + 512) for side in image.shape)]
    white = np.random.default_rng(3).standard_normal(middle.shape, np.float32)
    scrambled = phase_randomized(middle, pixel_size, PARTICLES.coarse, 3)
    for path in asked.model:
        denoise, tiled = (by_model(path, pixel_size, asked.device, tile) for tile in (0, 128))
        output = denoise(middle)
        powers = [float(denoise(given).var() / output.var()) for given in (white, scrambled)]
        seam = float(np.abs(tiled(middle) - output).max() / output.std())
        print(f"{name:14}{path.stem:14} white {powers[0]:.3f}, scrambled {powers[1]:.2f}, seams {seam:.0e}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--pack", type=Path, metavar="FILE")
    parser.add_argument("--model", type=Path, nargs="*", default=[GENERAL])
    parser.add_argument("--minutes", type=float, default=0.0, help="of training on the fitted part")
    parser.add_argument("--topaz", metavar="COMMAND")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only", choices=("all", "k2", "apoferritin", "noise"), default="all")
    asked = parser.parse_args()
    images = arrays(asked.data)
    if asked.pack:
        pack(images, asked.pack)
        return
    sets = {"k2": [k2(images)], "apoferritin": list(apoferritin(images))}
    for folds in sets.values() if asked.only == "all" else [sets.get(asked.only, [])]:
        table(folds, asked)
    for name, size in (("EVN", 0.854), ("falcon", 0.667), ("contaminated", 1.4)):
        if name in images and asked.only in {"noise", "all"}:
            noise("K2" if name == "EVN" else name, images[name], size, asked)


if __name__ == "__main__":
    main()

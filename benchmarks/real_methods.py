"""The methods of `real`, `yardstick` and `hardship`, as functions of pixels."""

from __future__ import annotations

import argparse
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from real_data import Data

from cryoden.denoising.denoise import Denoiser
from cryoden.events.batch import MicrographDenoised
from cryoden.image.filters import WienerFilter, low_passed
from cryoden.image.fourier_rings import cross_power, inverse, neighbors_averaged, radius, transform
from cryoden.micrograph import HalfPair, Micrograph, Pixels
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.fields import Device
from cryoden.settings.training import TrainingSettings

LOW_PASSES = (20.0, 30.0, 40.0, 60.0)  # Å
USUAL = "low-pass 20 Å"  # what DRACO's margins are over
SMOOTHING = 4  # rings at each side that a gain is averaged over
EMPTY = 1e-4  # of the raw image's power: output without content
TOPAZ = ("unet", "unet-small", "affine")  # pretrained, and to be had from its command line
Denoise = Callable[[Pixels], Pixels]


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what says which methods there are."""
    parser.add_argument("--model", type=Path, nargs="*", default=[GENERAL])
    parser.add_argument("--topaz", metavar="COMMAND", help="that runs Topaz, such as topaz")
    parser.add_argument("--topaz-models", nargs="+", default=["unet"], metavar="NAME", help=", ".join(TOPAZ))


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


def by_topaz(command: str, pixel_size: float, model: str = "unet") -> Denoise:
    """Return a pretrained model of Topaz as a function of pixels."""
    from cryoden.formats import micrographs  # noqa: PLC0415 - a packed file needs no MRC reader
    from cryoden.io import mrc  # noqa: PLC0415 - a packed file needs no MRC reader

    # Topaz 0.3.20 loads what --arch names, by default unet, and whatever --model says.
    named = ["--model", model, *(["--arch", model] if model in TOPAZ else [])]

    def denoise(noisy: Pixels) -> Pixels:
        with TemporaryDirectory() as folder:
            mrc.write(Path(folder) / "in.mrc", noisy, pixel_size=pixel_size, label="for a comparison")
            asked = [*shlex.split(command), "denoise", *named, "--output", f"{folder}/out"]
            subprocess.run([*asked, f"{folder}/in.mrc"], check=True)  # noqa: S603 - the user's command
            return micrographs.read(Path(folder) / "out" / "in.mrc").data

    return denoise


def micrograph(pixels: Pixels, data: Data, name: str) -> Micrograph:
    """Return pixels in memory as a micrograph."""
    return Micrograph(np.ascontiguousarray(pixels), data.pixel_size, name)


def own(data: Data, asked: argparse.Namespace, anchor: float, folder: Path) -> Path:
    """Return a model trained on what is to be fitted to."""
    from cryoden.workflows import train_model  # noqa: PLC0415 - only where asked for

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
    for name in asked.topaz_models if asked.topaz else ():
        yield f"Topaz {name}", by_topaz(asked.topaz, size, name)

"""How long one micrograph takes to denoise, from array to array, beside a Gaussian filter.

    python benchmarks/denoise_speed.py [--edge 4096] [--pixel-size 1.0] [--device auto] [--at-once 3] ...

Discs in noise and a fresh U-Net or, with ``--general``, the general model, warmed up; the median of the
repeats, which alternate with a Gaussian low-pass of the same array on the same device (array to array, too).
The peak of the resident memory is that of the process up to the end of the first call. With
``--at-once``, so many threads denoise, too, and what they make together in a second is printed.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain
from typing import get_args

import torch
from batch import discs
from torch.nn import functional

from cryoden.compute import devices
from cryoden.denoising.denoise import Denoiser
from cryoden.denoising.denoisers import Denoisers
from cryoden.micrograph import Micrograph, Pixels
from cryoden.model.checkpoint import Model, load
from cryoden.model.general import GENERAL
from cryoden.model.networks import WIDTHS, UNet
from cryoden.settings.denoising import DenoisingPrecision, DenoisingSettings

WIDTH = 6  # px, of the Gaussian
WARM, MANY = 4, 30  # micrographs of each denoiser that are not counted, and that are


def model(widths: tuple[int, ...], pixel_size: float, working_pixel: float) -> Model:
    """Return an untrained model whose last layer is not zero."""
    torch.manual_seed(0)
    network = UNet(widths)
    torch.nn.init.normal_(network.last.weight, std=0.01)
    torch.nn.init.constant_(network.linear.gains, 0.1)
    weights = {name: values.detach().numpy() for name, values in network.state_dict().items()}
    return Model("unet", weights, pixel_size, working_pixel=working_pixel)


def gaussian(pixels: Pixels, device: torch.device) -> Pixels:
    """Return the array smoothed by a separable Gaussian on the device."""
    at = torch.arange(-4 * WIDTH, 4 * WIDTH + 1, device=device, dtype=torch.float32)
    kernel = torch.exp(-at.square() / (2 * WIDTH**2))
    kernel = (kernel / kernel.sum()).view(1, 1, -1, 1)
    image = devices.sent(pixels, device)[None, None]
    padded = functional.pad(image, (4 * WIDTH,) * 4, mode="reflect")
    smooth = functional.conv2d(functional.conv2d(padded, kernel), kernel.transpose(2, 3))
    return devices.fetched(smooth[0, 0])


def timed(work: Callable[[], object]) -> float:
    """Return seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def at_once(first: Denoiser, settings: DenoisingSettings, micrograph: Micrograph, threads: int) -> float:
    """Return how many micrographs a second several threads denoise, each denoiser warmed up."""
    denoisers = Denoisers(first, settings, threads)
    with ExitStack() as held:  # one after the other: else the first would do all while the others start
        for denoiser in [held.enter_context(denoisers.one()) for _ in range(threads)]:
            deque(chain.from_iterable(map(denoiser.denoise, [micrograph] * WARM)), maxlen=0)

    def denoise(_: int) -> None:
        with denoisers.one() as denoiser:
            deque(denoiser.denoise(micrograph), maxlen=0)

    with ThreadPoolExecutor(threads) as pool:
        number = MANY * threads
        return number / timed(lambda: list(pool.map(denoise, range(number))))


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--edge", type=int, default=4096)
    parser.add_argument("--pixel-size", type=float, default=1.0)
    parser.add_argument("--working-pixel", type=float, default=4.0)
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", choices=get_args(DenoisingPrecision), default="auto")
    parser.add_argument("--orientations", type=int, choices=(1, 8), default=1)
    parser.add_argument("--tile", type=int, default=0)
    parser.add_argument("--ring-gains", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--general", action="store_true")
    parser.add_argument("--at-once", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


def main() -> None:
    """Print the figures."""
    asked = arguments()
    settings = DenoisingSettings(
        asked.device, asked.precision, asked.tile, asked.orientations, ring_gains=asked.ring_gains
    )
    fresh = model(tuple(asked.widths), asked.pixel_size, asked.working_pixel)
    denoiser = Denoiser(load(GENERAL) if asked.general else fresh, settings)
    pixels = discs(asked.edge)
    micrograph = Micrograph(pixels, asked.pixel_size, "discs in noise")
    device = denoiser.place.device
    first = timed(lambda: list(denoiser.denoise(micrograph)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    gaussian(pixels, device)
    pairs = [
        (timed(lambda: list(denoiser.denoise(micrograph))), timed(lambda: gaussian(pixels, device)))
        for _ in range(asked.repeats)
    ]
    times, smooth = zip(*pairs, strict=True)
    median = statistics.median(times)
    print(f"{devices.describe(device)}, {denoiser.place.number_format}, widths {tuple(asked.widths)}")
    print(
        f"{asked.edge}² px of {asked.pixel_size:g} Å on {asked.working_pixel:g} Å/px: {1e3 * median:.1f} ms "
        f"({1e3 * min(times):.1f} to {1e3 * max(times):.1f}), peak {peak / 2**20:.0f} MiB"
    )
    print(
        f"first call {1e3 * first:.0f} ms; a Gaussian of {WIDTH} px takes "
        f"{1e3 * statistics.median(smooth):.1f} ms: {median / statistics.median(smooth):.2f} times as long"
    )
    if asked.at_once:
        rate = at_once(denoiser, settings, micrograph, asked.at_once)
        print(f"{rate:.1f} micrographs a second, {asked.at_once} at once")


if __name__ == "__main__":
    main()

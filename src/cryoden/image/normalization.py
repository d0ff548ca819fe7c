"""One gray scale per micrograph: what is subtracted and divided before the network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from cryoden.errors import MicrographError
from cryoden.image.blank_regions import blank
from cryoden.image.resampling import LOBES, Resampling
from cryoden.kernels.tried_passes import passes_for
from cryoden.micrograph import Pixels, Windowed

CLIP = 6.0  # standard deviations; Gaussian noise exceeds it twice in a billion pixels
ROUNDS = 5
MEDIAN_OF = 1 << 18  # pixels
STD_OF_MEDIAN = 1.4826  # of normally distributed pixels: their standard deviation over their median deviation
BANDS = 16
MAX_PIXELS = 1 << 22
BLOCK = 32  # working px; about 100 Å, where noise and particles make up what varies
PERCENTILE = 95
BLANK = 1e-3  # of the strongest block
LEAST_ROWS = 12  # of a band, in working pixels: the outer three on either side see its mirrored edge

Image = TypeVar("Image", Pixels, Tensor)


@dataclass(frozen=True)
class Normalization:
    """Mean and standard deviation of one micrograph, in its own gray scale.

    One set of numbers for the whole micrograph, never one per tile, so that no contrast
    steps appear between tiles.

    Parameters
    ----------
    mean, std : float or Tensor
        Of the micrograph's pixels, in its gray scale.
    spread : float
        Standard deviation of the scored micrograph at the working pixel size, in most places; about
        1 / scale for white noise, and more the longer a detector's noise is correlated.
    limits : tuple of float
        Between which scored pixels are kept.
    """

    mean: float | Tensor
    std: float | Tensor
    spread: float = 1.0
    limits: tuple[float, float] = (-CLIP, CLIP)

    def apply(self, pixels: Image) -> Image:
        """Return scored pixels; outliers are brought to the limits, ±`CLIP` standard deviations."""
        scored = pixels - self.mean
        scored *= 1 / self.std
        clip: Any = np.clip if isinstance(scored, np.ndarray) else torch.clip  # type: ignore[redundant-expr]
        return cast("Image", clip(scored, *self.limits, out=scored))

    def undo(self, scored: Image) -> Image:
        """Return z-scored pixels in the micrograph's gray scale."""
        pixels = scored * self.std
        pixels += self.mean
        return pixels


def measure(micrograph: Windowed, scale: float = 1.0) -> Normalization:
    """Measure mean and standard deviation without hot pixels, cosmic rays, and what is blank.

    Values beyond `CLIP` standard deviations are left out, and the rest measured again, until
    nothing changes. About 4 million pixels are read at most, in bands of rows spread evenly
    over the micrograph. ``scale`` is working pixel over micrograph pixel.

    Raises
    ------
    MicrographError
        F24 for pixels that are not finite, F25 for a micrograph without contrast.
    """
    rows, tops = bands(micrograph.shape, scale)
    read = (micrograph.window(top, 0, rows, micrograph.shape[1]) for top in tops)
    sample = torch.from_numpy(np.stack(list(read)))
    if not bool(torch.isfinite(sample).all()):
        raise MicrographError("F24", micrograph.path or micrograph.name, "has NaN or infinite pixels")
    empty = blank(sample)
    gray = measured(sample if empty is None else sample[~empty], micrograph.path or micrograph.name)
    if scale == 1:
        return gray
    _, height, width = sample.shape
    scored = gray.apply(sample)
    if empty is not None:
        scored[empty] = 0
    reduced = Resampling(height, width, scale).reduce(scored)
    spread = typical(reduced[:, LOBES:-LOBES] if len(sample) > 1 else reduced)
    return replace(gray, spread=float(spread))


def bands(shape: tuple[int, int], scale: float) -> tuple[int, Sequence[int]]:
    """Return height and tops of the bands of rows a micrograph is measured on, in px."""
    height, width = shape
    if height * width <= MAX_PIXELS:
        return height, [0]
    rows = min(height, max(1, MAX_PIXELS // (BANDS * width), math.ceil(LEAST_ROWS * scale)))
    number = max(2, min(BANDS, MAX_PIXELS // (rows * width)))
    return rows, np.linspace(0, height - rows, number).astype(int).tolist()


def measured(sample: Tensor, name: Path | str) -> Normalization:
    """Return mean and standard deviation of finite pixels of the named micrograph.

    Raises
    ------
    MicrographError
        F25 for a micrograph without contrast.
    """
    mean, std = robust(sample)
    if not is_contrast(mean, std):
        raise MicrographError("F25", name, f"no contrast: std = {std:.2g}, mean = {mean:.3g}")
    return Normalization(mean, std)


def is_contrast(mean: float, std: float) -> bool:
    """Tell whether pixels vary by more than rounding."""
    return std > 1e-6 * abs(mean)


def positive(pixels: Pixels, name: Path | str) -> Normalization:
    """Return the scale of the experiment for a whole micrograph, see `positive_divisor`; limits are 0 and 1.

    Raises
    ------
    MicrographError
        F25 for a micrograph without positive pixels.
    """
    divisor = positive_divisor(pixels)
    if not divisor:
        raise MicrographError("F25", name, "cannot be scaled: no positive pixels")
    return Normalization(0.0, divisor, limits=(0.0, 1.0))


def positive_divisor(pixels: Pixels) -> float:
    """Return the 95th percentile of the positive pixels of a whole micrograph; 0 where there are none.

    The gray scale of the baseline experiment: a micrograph's bright pixels are 1, nothing is 0. Of all
    pixels, not of a sample: patches that were written to disk and the models trained on them have it.
    """
    found = pixels[pixels > 0]
    return float(np.percentile(found, PERCENTILE, overwrite_input=True)) if found.size else 0.0


def typical(images: Tensor) -> Tensor:
    """Return the standard deviation in most places of ``(n, h, w)`` images; 1 where it is 0.

    The median of small blocks: a crystal over a third of a micrograph does not change it, which
    would else fade all the rest. Blocks with nothing in them do not count.
    """
    for axis in (1, 2):
        side = images.shape[axis]
        edge = side // max(1, round(side / BLOCK))  # so that no part is left out at one end only
        images = images.narrow(axis, side % edge // 2, side // edge * edge).unfold(axis, edge, edge)
    found = images.std(dim=(-2, -1), correction=0)
    kept = found > BLANK * found.max()
    # As of nanmedian, which waits for a GPU.
    ordered = torch.where(kept, found, torch.inf).flatten().sort().values
    middle = ((kept.sum() - 1) // 2).clamp_min(0)
    found = ordered.gather(0, middle[None])[0]
    found = torch.where(kept.any(), found, 0.0)
    return torch.where(found > 0, found, 1.0)


def robust(values: Tensor) -> tuple[float, float]:
    """Return mean and standard deviation of what lies within `CLIP` standard deviations.

    The mean is that of most places: a crystal over a tenth of a micrograph is no reason to see all the
    rest darker. The standard deviation covers it, and so its picture is not clipped.
    """
    mean, std = robust_on_device(values)
    return float(mean), float(std)


def robust_on_device(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return what `robust` does, as tensors; nothing waits for a GPU."""
    pixels = values.flatten()
    some = pixels[:: max(1, pixels.numel() // MEDIAN_OF)]
    middle = _median(some)
    about = pixels - middle
    near = STD_OF_MEDIAN * CLIP * _median((some - middle).abs())
    if (own := passes_for(about)) is not None:
        reach = torch.stack([torch.full_like(near, torch.inf), torch.where(near > 0, near, torch.inf)])
        means, stds = own.trimmed(about, reach, ROUNDS, CLIP)
        return means[1] + middle, stds[0]
    usual = (about.abs() <= near) | (near <= 0)
    mean, std = _trimmed(about, torch.ones_like(usual))
    if about.device.type != "cpu" or not usual.all():  # elsewhere it costs more to ask
        mean, _ = _trimmed(about, usual)
    return mean + middle, std


def _median(values: Tensor) -> Tensor:
    if values.device.type != "cuda":
        return values.median()
    return values.sort().values[(len(values) - 1) // 2]  # where the median is found by a single processor


def _trimmed(about: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of the values that are kept and within `CLIP` of the latter."""
    exact = torch.float32 if about.device.type == "mps" else torch.float64  # which has no other
    number = kept.sum()
    for _ in range(ROUNDS):
        some = torch.where(kept, about, 0)
        mean = some.sum(dtype=exact) / number
        std = (some.square_().sum(dtype=exact) / number - mean.square()).clamp_min(0).sqrt()
        kept = kept & ((about - mean).abs_() <= CLIP * std)
        before, number = number, kept.sum()
        if about.device.type == "cpu" and number == before:
            break
    return mean, std

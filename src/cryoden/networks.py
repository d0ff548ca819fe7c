"""The networks that can be trained.

Each network maps ``(b, 1, h, w)`` to ``(b, 1, h, w)``, z-scored in and out, and states
``stride`` (sides must be multiples of it) and ``halo`` (how far a result looks, in px). There
are no normalization layers: a statistic over the tile would make the result depend on the
tiling.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from cryoden.checkpoint import Model
from cryoden.errors import ModelFileError
from cryoden.events import Weights
from cryoden.settings import NetworkName

# Starck & Murtagh (2006), eq. 2.13: the cubic B-spline smoothing of the starlet transform.
SPLINE = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


class Baseline(nn.Sequential):
    """Three 3×3 convolutions 1→16→16→1 with ReLU between: 2,625 weights."""

    stride = 1
    halo = 3

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 1, 3, padding=1),
        )


class SmoothingScales(nn.Module):
    """Starlet bands of an image: a linear filter bank, from fine to coarse.

    Band ``j`` is the difference of two smoothings whose widths differ by two; the last band is
    what remains. Their sum is the image. Source: Starck & Murtagh (2006), "à trous" algorithm.
    """

    spline: Tensor
    noise: Tensor

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.levels = levels
        self.register_buffer("spline", torch.tensor(SPLINE), persistent=False)
        self.register_buffer("noise", self._noise(), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Return ``(b, levels + 1, h, w)`` float32 bands of a ``(b, 1, h, w)`` image."""
        bands = []
        with torch.autocast(image.device.type, enabled=False):  # the signal is a small part of a band
            for level in range(self.levels):
                smooth = self._smooth(image, 2**level)
                bands.append(image - smooth)
                image = smooth
        return torch.cat([*bands, image], dim=1)

    def whitened(self, bands: Tensor) -> Tensor:
        """Return the bands scaled so that white pixel noise has unit variance in each."""
        return bands / self.noise.view(1, -1, 1, 1)

    def _noise(self) -> Tensor:
        edge = 8 * 2**self.levels + 1
        impulse = torch.zeros(1, 1, edge, edge)
        impulse[0, 0, edge // 2, edge // 2] = 0.5  # the mean of four phases halves the noise
        bands: Tensor = self(impulse)
        return bands.square().sum(dim=(0, 2, 3)).sqrt()

    def _smooth(self, image: Tensor, dilation: int) -> Tensor:
        kernel = self.spline
        padded = functional.pad(image, (2 * dilation,) * 4, mode="replicate")
        rows = functional.conv2d(padded, kernel.view(1, 1, 5, 1), dilation=(dilation, 1))
        return functional.conv2d(rows, kernel.view(1, 1, 1, 5), dilation=(1, dilation))


class LinearFilter(nn.Module):
    """Starlet bands times gains: what a linear, isotropic filter can do at half resolution."""

    levels = 4

    def __init__(self) -> None:
        super().__init__()
        self.scales = SmoothingScales(self.levels)
        self.gains = nn.Parameter(torch.zeros(self.levels + 1))

    def weighted(self, bands: Tensor) -> Tensor:
        """Return the ``(b, 1, h/2, w/2)`` filtered image from its bands."""
        return (bands * self.gains.view(1, -1, 1, 1)).sum(dim=1, keepdim=True)

    def forward(self, noisy: Tensor) -> Tensor:
        """Return the filtered ``(b, 1, h, w)`` image."""
        low = self.weighted(self.scales(functional.avg_pool2d(noisy, 2)))
        return functional.interpolate(low, scale_factor=2.0, mode="nearest")


class Block(nn.Sequential):
    """Two 3×3 convolutions with leaky ReLU, which cannot die as ReLU does in heavy noise."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, 3, padding=1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(channels_out, channels_out, 3, padding=1),
            nn.LeakyReLU(0.1),
        )


class UNet(nn.Module):
    """A U-Net at half resolution, added to a linear filter.

    The image is split by pixel-unshuffle (Shi et al. 2016) into four half-resolution phases.
    The starlet bands of their mean make the `LinearFilter`; the U-Net (Ronneberger et al.
    2015) sees phases and bands and adds what a linear filter cannot do. Its last layer starts
    at zero: training starts at the best linear filter, and a vanishing U-Net falls back to
    that and not to a constant.
    """

    stride = 16
    halo = 176
    widths = (32, 64, 96, 128)

    def __init__(self) -> None:
        super().__init__()
        self.linear = LinearFilter()
        channels_in = (4 + self.linear.levels + 1, *self.widths[:-1])
        self.down = nn.ModuleList(Block(a, b) for a, b in zip(channels_in, self.widths, strict=True))
        steps = reversed(list(pairwise(self.widths)))
        self.up = nn.ModuleList(Block(fine + coarse, fine) for fine, coarse in steps)
        self.last = nn.Conv2d(self.widths[0], 4, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]  # Conv2d has a bias unless asked otherwise

    def forward(self, noisy: Tensor) -> Tensor:
        """Return the denoised ``(b, 1, h, w)`` image."""
        phases = functional.pixel_unshuffle(noisy, 2)
        bands = self.linear.scales(phases.mean(dim=1, keepdim=True))
        features = torch.cat([phases, self.linear.scales.whitened(bands)], dim=1)
        return functional.pixel_shuffle(self.linear.weighted(bands) + self._nonlinear(features), 2)

    def _nonlinear(self, features: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            features = block(functional.avg_pool2d(features, 2) if level else features)
            skips.append(features)
        skips.pop()
        for block in self.up:
            features = functional.interpolate(features, scale_factor=2.0, mode="nearest")
            features = block(torch.cat([features, skips.pop()], dim=1))
        return self.last(features)  # type: ignore[no-any-return]  # modules are called untyped


Network = Baseline | UNet


def build(name: NetworkName, seed: int) -> Network:
    """Return a fresh network; the same seed gives the same weights and no other state moves."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return UNet() if name == "unet" else Baseline()


def loaded(network: Network, model: Model) -> Network:
    """Return the network with a model's weights.

    Raises
    ------
    ModelFileError
        M06 when the model is of another network or its weights do not fit.
    """
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in model.weights.items()}
    if found != expected:
        differing, _ = min(set(found.items()) ^ set(expected.items()))
        problem = (
            f"the model does not fit the network {type(network).__name__} (first difference: {differing})"
        )
        raise ModelFileError("M06", None, problem, fix=f"Choose the network {model.network}")
    load(network, model.weights)
    return network


def load(network: nn.Module, weights: Weights) -> None:
    """Put weights that fit into a network."""
    network.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in weights.items()})

"""The networks that can be trained.

Each network maps ``(b, 1, h, w)`` to ``(b, 1, h, w)``, z-scored in and out, and states
``stride`` (sides must be multiples of it), ``halo`` (how far a result looks, in the pixels it
works on) and ``bytes_per_pixel`` (memory of a tile with its halo, float32; measured). There are
no normalization layers: a statistic over the tile would make the result depend on the tiling.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, pairwise, takewhile

import torch
from torch import Tensor, nn
from torch.nn import functional

from cryoden.errors import ModelFileError
from cryoden.events.training import Weights
from cryoden.model.checkpoint import Model
from cryoden.settings.training import NetworkName

# Starck & Murtagh (2006), eq. 2.13: the cubic B-spline smoothing of the starlet transform.
SPLINE = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
WIDTHS = (24, 48, 96, 192, 256)
# What the taps of a kernel on repeated pixels are on the pixels before they were repeated.
REPEATED = ((0.0, 0.0, 1.0), (0.0, 1.0, 1.0), (1.0, 1.0, 0.0), (1.0, 0.0, 0.0))


class Baseline(nn.Sequential):
    """Three 3×3 convolutions 1→16→16→1 with ReLU between: 2,625 weights."""

    stride = 1
    halo = 3
    bytes_per_pixel = 140

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

    noise: Tensor

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.levels = levels
        self.register_buffer("noise", self._noise(), persistent=False)

    @property
    def reach(self) -> int:
        """How far the widest band looks, in px."""
        return len(SPLINE) // 2 * ((1 << self.levels) - 1)

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
        impulse = functional.pad(torch.ones(1, 1, 1, 1), (4 * 2**self.levels,) * 4)
        return self(impulse).square().sum(dim=(0, 2, 3)).sqrt()  # type: ignore[no-any-return]  # untyped

    def _smooth(self, image: Tensor, dilation: int) -> Tensor:
        image = functional.pad(image, (2 * dilation,) * 4, mode="replicate")
        for axis in (2, 3):  # a convolution of one channel is slower than sums of shifted images
            parts, length = image, image.shape[axis] - 4 * dilation
            image = SPLINE[0] * parts.narrow(axis, 0, length)
            for tap in range(1, len(SPLINE)):
                image.add_(parts.narrow(axis, tap * dilation, length), alpha=SPLINE[tap])
        return image


class LinearFilter(nn.Module):
    """Starlet bands times gains: what a linear, isotropic filter can do."""

    levels = 4

    def __init__(self) -> None:
        super().__init__()
        self.scales = SmoothingScales(self.levels)
        self.gains = nn.Parameter(torch.zeros(self.levels + 1))

    def weighted(self, bands: Tensor) -> Tensor:
        """Return the ``(b, 1, h, w)`` filtered image from its bands."""
        return (bands * self.gains.view(1, -1, 1, 1)).sum(dim=1, keepdim=True)

    def forward(self, noisy: Tensor) -> Tensor:
        """Return the filtered ``(b, 1, h, w)`` image."""
        return self.weighted(self.scales(noisy))


class Block(nn.Sequential):
    """Two 3×3 convolutions with leaky ReLU, which cannot die as ReLU does in heavy noise."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, 3, padding=1),
            nn.LeakyReLU(0.1, inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, padding=1),
            nn.LeakyReLU(0.1, inplace=True),
        )


class Joint(Block):
    """A `Block` over coarse features, each repeated on 2×2 finer pixels, and fine ones side by side.

    Its first convolution is computed apart for the two and added, which is the same sum and
    needs no copy of both, the largest tensor there would be. A 3×3 convolution of repeated
    pixels is a transposed 4×4 one of the coarse pixels: four products where nine were, and
    nothing is repeated in memory.
    """

    taps: Tensor

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out)
        self.register_buffer("taps", torch.tensor(REPEATED), persistent=False)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:  # type: ignore[override]  # two where a block has one
        """Return ``(b, c, h, w)`` features of ``(b, ·, h/2, w/2)`` and ``(b, ·, h, w)``."""
        features = self.first(coarse, fine)
        for module in list(self.children())[1:]:
            features = module(features)
        return features

    def first(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Return what the first convolution makes of both."""
        kernel, of_fine = self.parts()
        features = functional.conv2d(fine, of_fine, self[0].bias, padding=1)  # type: ignore[arg-type]  # a convolution's
        return features.add_(functional.conv_transpose2d(coarse, kernel, stride=2, padding=1))

    def parts(self) -> tuple[Tensor, Tensor]:
        """Return the kernels of the first convolution for coarse features, transposed, and for fine ones."""
        weight: Tensor = self[0].weight  # type: ignore[assignment]  # a convolution's
        of_coarse = self.taps @ weight[:, : -len(weight)] @ self.taps.T
        return of_coarse.transpose(0, 1), weight[:, -len(weight) :]


class UNet(nn.Module):
    """A U-Net added to a linear filter.

    The starlet bands of the image make the `LinearFilter`; the U-Net (Ronneberger et al. 2015)
    sees image and bands and adds what a linear filter cannot do. Its last layer starts at zero:
    training starts at the best linear filter, and a vanishing U-Net falls back to that and not
    to a constant.

    Parameters
    ----------
    widths : sequence of int
        Channels of each level, from fine to coarse; each level halves the resolution.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.linear = LinearFilter()
        channels_in = (1 + self.linear.levels + 1, *widths[:-1])
        self.down = nn.ModuleList(Block(a, b) for a, b in zip(channels_in, widths, strict=True))
        steps = reversed(list(pairwise(widths)))
        self.up = nn.ModuleList(Joint(fine + coarse, fine) for fine, coarse in steps)
        self.last = nn.Conv2d(widths[0], 1, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]  # Conv2d has a bias unless asked otherwise
        self.stride = 2 ** (len(widths) - 1)
        # Two convolutions a level, down and up; cells of the coarsest grid; the last convolution.
        blocks = 2 * (2 * self.stride - 1) + 2 * (self.stride - 1)
        self.bytes_per_pixel = 6 * sum(widths[:2]) + 120
        self.halo = self.linear.scales.reach + blocks + (self.stride - 1) + 1

    def forward(self, noisy: Tensor) -> Tensor:
        """Return the denoised ``(b, 1, h, w)`` image."""
        bands = self.linear.scales(noisy)
        features = torch.cat([noisy, self.linear.scales.whitened(bands)], dim=1)
        return self.linear.weighted(bands) + self._nonlinear(features)

    def _nonlinear(self, features: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            features = block(functional.avg_pool2d(features, 2) if level else features)
            skips.append(features)
        skips.pop()
        for block in self.up:
            features = block(features, skips.pop())
        return self.last(features)  # type: ignore[no-any-return]  # modules are called untyped


Network = Baseline | UNet


def build(name: NetworkName, seed: int, like: Model | None = None) -> Network:
    """Return a fresh network; the same seed gives the same weights and no other state moves.

    ``like`` is a model whose widths are taken, where it is of the same network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would move those of GPUs, too
        return UNet(widths_of(like) or WIDTHS) if name == "unet" else Baseline()


def widths_of(model: Model | None) -> tuple[int, ...]:
    """Return the channels of each level, as given by the shapes of a U-Net's weights."""
    weights = {} if model is None else model.weights
    names = takewhile(weights.__contains__, (f"down.{level}.0.weight" for level in count()))
    return tuple(weights[name].size and len(weights[name]) for name in names)


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
        raise ModelFileError("M06", model.path, problem, fix=f"Choose the network {model.network}")
    load(network, model.weights)
    return network


def load(network: nn.Module, weights: Weights) -> None:
    """Put weights that fit into a network."""
    network.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in weights.items()})

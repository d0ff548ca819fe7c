"""A U-Net whose weights follow from what the spectrum of a whole micrograph says of the scene.

A network sees some 800 Å, where a few percent of power above the noise are one standard error: whether
a crowd of faint particles lies there or nothing, only a whole micrograph's spectrum shows. So its signal over
noise in bands of spatial frequency gives each channel a gain and an offset (feature-wise linear
modulation: Perez et al. 2018, AAAI; arXiv 1709.07871). Both can be multiplied into the weights: once a
micrograph is measured, the network is a plain U-Net, as fast as any, and can be trained further as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cryoden.micrograph import Array
from cryoden.model.checkpoint import Model
from cryoden.model.networks import WIDTHS, Joint, UNet, loaded, widths_of

# Å; between neighbors the signal over noise is measured. Finer, hardly any micrograph has signal.
BANDS = (1000, 600, 400, 280, 200, 140, 100, 75, 56, 42, 32, 25, 19, 15, 12)
KNOWN = len(BANDS)  # numbers: one a band, and whether they are known
HIDDEN = 64
PREFIX = "conditioning."


class Conditioning(nn.Module):
    """From ``(b, KNOWN)`` numbers to ``(b, c)`` gains and offsets, zero where nothing shall change."""

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = list(sizes)
        self.first, self.middle = nn.Linear(KNOWN, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.last = nn.Linear(HIDDEN, sum(sizes))
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, known: Tensor) -> Sequence[Tensor]:
        """Return as many parts as there are sizes."""
        hidden = functional.silu(self.middle(functional.silu(self.first(known))))
        return torch.split(self.last(hidden), self.sizes, dim=1)


class ConditionedUNet(UNet):
    """A `UNet` that is told what is known of each image.

    Parameters
    ----------
    widths : sequence of int
        See `UNet`.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__(widths)
        channels = [convolution.out_channels for _, convolution in self._convolutions()]
        sizes = [size for count in channels for size in (count, count)]
        self.conditioning = Conditioning([*sizes, self.linear.levels + 1])

    def forward(self, noisy: Tensor, known: Tensor) -> Tensor:  # type: ignore[override]  # what is known of each
        """Return the denoised ``(b, 1, h, w)`` images, given ``(b, KNOWN)`` numbers."""
        with torch.autocast(noisy.device.type, enabled=False):
            *parts, gains = self.conditioning(known)
        changes = zip(parts[::2], parts[1::2], strict=True)
        bands = self.linear.scales(noisy)
        features = torch.cat([noisy, self.linear.scales.whitened(bands)], dim=1)
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            features = functional.avg_pool2d(features, 2) if level else features
            features = _rest(block, block.get_submodule("0")(features), changes)
            skips.append(features)
        skips.pop()
        for block in self.up:
            features = _rest(block, cast("Joint", block).first(features, skips.pop()), changes)
        filtered = (bands * (self.linear.gains + gains)[:, :, None, None]).sum(dim=1, keepdim=True)
        added: Tensor = _changed(self.last(features), *next(changes))
        return cast("Tensor", filtered + added)

    @torch.no_grad()
    def adapted(self, known: Tensor) -> dict[str, Tensor]:
        """Return the weights of the plain `UNet` that does the same where this is known, ``(KNOWN,)``."""
        *parts, gains = (part[0] for part in self.conditioning(known[None]))
        weights = {name: value for name, value in self.state_dict().items() if not name.startswith(PREFIX)}
        weights["linear.gains"] = weights["linear.gains"] + gains
        for (name, _), gain, offset in zip(self._convolutions(), parts[::2], parts[1::2], strict=True):
            weights[f"{name}.weight"] = weights[f"{name}.weight"] * (1 + gain)[:, None, None, None]
            weights[f"{name}.bias"] = weights[f"{name}.bias"] * (1 + gain) + offset
        return weights

    def _convolutions(self) -> Iterator[tuple[str, nn.Conv2d]]:
        """Yield those of `UNet` in the order they are applied."""
        for name, module in self.named_modules():
            if isinstance(module, nn.Conv2d):
                yield name, module


def _rest(block: nn.Module, first: Tensor, changes: Iterator[tuple[Tensor, Tensor]]) -> Tensor:
    """Return what follows the first convolution of a block."""
    _, one, second, two = block.children()
    features = second(one(_changed(first, *next(changes))))
    return cast("Tensor", two(_changed(features, *next(changes))))


def _changed(features: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
    return features * (1 + gain[:, :, None, None]) + offset[:, :, None, None]


def unknown() -> Array:
    """Return the numbers of a micrograph of which nothing is known."""
    return np.zeros(KNOWN)


def is_conditioned(model: Model) -> bool:
    """Tell whether a model follows what is known of a micrograph."""
    return model.network == "unet" and any(name.startswith(PREFIX) for name in model.weights)


def conditioned(model: Model) -> ConditionedUNet | None:
    """Return the network of a model that follows what is known, ``None`` of any other.

    Raises
    ------
    ModelFileError
        M06 when its weights do not fit together.
    """
    if not is_conditioned(model):
        return None
    network = ConditionedUNet(widths_of(model) or WIDTHS)
    loaded(network, model)
    return network


def adapted(model: Model, known: Array) -> Model:
    """Return the plain model for micrographs of which ``(KNOWN,)`` numbers are known; others as they are."""
    network = conditioned(model)
    if network is None:
        return model
    weights = network.adapted(torch.from_numpy(known).float())
    return replace(model, weights={name: value.numpy() for name, value in weights.items()})

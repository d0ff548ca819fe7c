"""A U-Net in float16 on an NVIDIA GPU, with kernels of its own between the convolutions.

Stock kernels read and write each image once for the bias, once for the leaky ReLU and once for the sum of
coarse and fine features, which together take longer than the convolutions. Here it is once for
all three. The sums are in float32, and so a little more exact than automatic mixed precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from cryoden.kernels import nvrtc
from cryoden.kernels.tried_passes import passes_for
from cryoden.model import float16_layers
from cryoden.model.float16_layers import LAST, ROWS, Layers
from cryoden.model.networks import Joint, UNet

SOURCE = "model/float16_unet.cu"
NAMES = ("activate", "halve", "look")
GROUP, SEEN = 8, 6  # channels a kernel works on at once, and those of the first layer's input
THREADS, BLOCKS = 256, 8  # in a block, and blocks of a processor
TRIED, ROUNDED = 256, 0.02  # px of a trial; of the largest value, by how much float16 may differ


class Kernels:
    """The kernels on an NVIDIA GPU.

    Raises
    ------
    OSError, RuntimeError
        Where they cannot be compiled.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        with torch.cuda.device(device):
            self._kernels = nvrtc.kernels(torch.cuda.current_device(), SOURCE, NAMES)
        self._blocks = BLOCKS * torch.cuda.get_device_properties(device).multi_processor_count

    def launch(self, name: str, work: int, *arguments: Tensor | int | None) -> None:
        """Start a kernel that has so much to do."""
        blocks = min(self._blocks, -(-work // THREADS))
        nvrtc.launch(self._kernels[name], (blocks, 1), (THREADS, 0), self._device, arguments)


def quick(network: nn.Module, device: torch.device) -> Float16UNet | None:
    """Return a network that can be computed so on its device, else ``None``."""
    if device.type != "cuda" or not isinstance(network, UNet):
        return None
    if any(_layers(block)[0].out_channels % GROUP for block in network.down):
        return None
    ways = (_tried(network, device, layers) for layers in _own_and_none(device))
    return next((way for way in ways if way is not None), None)


def _own_and_none(device: torch.device) -> Iterator[Layers | None]:
    with suppress(OSError, RuntimeError):
        yield Layers(device)
    yield None


@torch.inference_mode()
def _tried(network: UNet, device: torch.device, layers: Layers | None) -> Float16UNet | None:
    """Return it where it gives what the network gives: what became of the kernels is seen nowhere else."""
    image = torch.randn(1, 1, TRIED, TRIED, generator=torch.Generator().manual_seed(0)).to(device)
    with suppress(OSError, RuntimeError):
        found, wanted = Float16UNet(network, Kernels(device), layers), network(image)
        if (found(image) - wanted).abs().max() <= ROUNDED * wanted.abs().max():
            return found
    return None


@dataclass(frozen=True, eq=False)
class _Convolution:
    """A 3×3 convolution, with weights as its kernel wants them."""

    weight: Tensor
    bias: Tensor | None
    channels: tuple[int, int] | None  # in and out, where it has a kernel of its own


class Float16UNet:
    """The network on its device; `take` follows each change of its weights.

    Parameters
    ----------
    network : UNet
        With whole multiples of eight channels.
    kernels : Kernels
        On its device.
    layers : Layers or None
        There, too; without them all convolutions are stock ones.
    """

    def __init__(self, network: UNet, kernels: Kernels, layers: Layers | None) -> None:
        self._network, self._kernels, self._layers = network, kernels, layers
        self.take()

    @torch.no_grad()
    def take(self) -> None:
        """Take the network's weights as they are now."""
        network = self._network
        self._factors = 1 / network.linear.scales.noise
        first = _layers(network.down[0])[0]
        padded = functional.pad(first.weight, (0, 0, 0, 0, 0, GROUP - SEEN))
        self._down = [
            [self._taken(padded if layer is first else layer.weight, layer.bias) for layer in _layers(block)]
            for block in network.down
        ]
        self._up = [self._joint(cast("Joint", block)) for block in network.up]
        last = network.last.weight
        if self._layers is not None and last.shape[1] == LAST[0]:
            last = functional.pad(last, (0, 0, 0, 0, 0, 0, 0, GROUP - 1))
        self._last = self._taken(last, network.last.bias, is_last=True)

    def _taken(self, weight: Tensor, bias: Tensor | None, *, is_last: bool = False) -> _Convolution:
        channels = weight.shape[1], weight.shape[0]
        if self._layers is None or channels not in ROWS or (channels == LAST) is not is_last:
            return _Convolution(_half(weight), bias, None)
        return _Convolution(float16_layers.arranged(weight), bias, channels)

    def _joint(self, block: Joint) -> tuple[Tensor, _Convolution, _Convolution]:
        """Return the weights for coarse features, the convolution of fine ones, and the second."""
        (of_coarse, of_fine), (first, second) = block.parts(), _layers(block)
        fine = self._taken(of_fine, first.bias)
        of_coarse = of_coarse if fine.channels is None else float16_layers.by_parity(of_coarse)
        return _half(of_coarse), fine, self._taken(second.weight, second.bias)

    def __call__(self, noisy: Tensor) -> Tensor:
        """Return the network's ``(1, 1, h, w)`` float32 output."""
        with torch.autocast(noisy.device.type, enabled=False):  # which would round the linear filter, too
            return self._output(noisy)

    def _output(self, noisy: Tensor) -> Tensor:
        network = self._network
        bands = self._bands(noisy)
        features, skips = self._looked(noisy, bands), list[Tensor]()
        for level, layers in enumerate(self._down):
            features = self._halved(features) if level else features
            for layer in layers:
                features = self._made(features, layer)
            skips.append(features)
        skips.pop()
        for of_coarse, fine, second in self._up:
            coarse = _enlarged(features, of_coarse, by_parity=fine.channels is not None)
            features = self._made(self._made(skips.pop(), fine, coarse), second)
        filtered = network.linear.gains @ bands[0].flatten(1)
        return self._added(filtered.view(noisy.shape), features)

    def _bands(self, noisy: Tensor) -> Tensor:
        linear, own = self._network.linear, passes_for(noisy)
        return linear.scales(noisy) if own is None else own.bands(noisy[0, 0], linear.levels)[None]

    def _made(self, features: Tensor, layer: _Convolution, added: Tensor | None = None) -> Tensor:
        """Return a convolution of features, with what is added to it, bias and leaky ReLU."""
        if self._layers is None or layer.channels is None:
            return self._activated(functional.conv2d(features, layer.weight, padding=1), added, layer.bias)
        _, _, height, width = features.shape
        found = _empty(layer.channels[1], height, width, features.device)
        given = features, layer.weight, added, layer.bias
        self._layers.launch(layer.channels, *given, found, height, width)
        return found

    def _added(self, output: Tensor, features: Tensor) -> Tensor:
        """Add the last convolution of features to the output of the linear filter, in its place."""
        last = self._last
        if self._layers is None or last.channels is None:
            bias = None if last.bias is None else last.bias.half()
            return output.add_(functional.conv2d(features, last.weight, bias, padding=1))
        height, width = output.shape[2:]
        self._layers.launch(last.channels, features, last.weight, last.bias, output, height, width)
        return output

    def _looked(self, noisy: Tensor, bands: Tensor) -> Tensor:
        _, _, height, width = noisy.shape
        found = _empty(GROUP, height, width, noisy.device)
        pixels = height * width
        given = noisy.contiguous(), bands.contiguous(), self._factors
        self._kernels.launch("look", pixels, *given, found, pixels)
        return found

    def _halved(self, features: Tensor) -> Tensor:
        _, channels, height, width = features.shape
        found = _empty(channels, height // 2, width // 2, features.device)
        vectors = found.numel() // GROUP
        self._kernels.launch("halve", vectors, features, found, vectors, channels // GROUP, width // 2)
        return found

    def _activated(self, features: Tensor, added: Tensor | None, bias: Tensor | None) -> Tensor:
        features = features.contiguous(memory_format=torch.channels_last)
        vectors = features.numel() // GROUP
        groups = features.shape[1] // GROUP
        self._kernels.launch("activate", vectors, features, added, bias, vectors, groups)
        return features


def _enlarged(coarse: Tensor, weight: Tensor, *, by_parity: bool) -> Tensor:
    """Return what coarse features add to fine ones, as `float16_layers.by_parity` says or pixel by pixel."""
    if by_parity:
        found = functional.conv2d(coarse, weight, padding=1)
    else:
        found = functional.conv_transpose2d(coarse, weight, stride=2, padding=1)
    return found.contiguous(memory_format=torch.channels_last)


def _layers(block: nn.Module) -> tuple[nn.Conv2d, nn.Conv2d]:
    """Return the two convolutions of a block."""
    first, _, second, _ = block.children()
    return cast("nn.Conv2d", first), cast("nn.Conv2d", second)


def _half(weight: Tensor) -> Tensor:
    return weight.half().contiguous(memory_format=torch.channels_last)


def _empty(channels: int, height: int, width: int, device: torch.device) -> Tensor:
    shape = (1, channels, height, width)
    return torch.empty(shape, dtype=torch.half, device=device, memory_format=torch.channels_last)

"""A U-Net in float16 on an NVIDIA GPU, with kernels of its own between the convolutions.

Stock kernels read and write each image once for the bias, once for the leaky ReLU and once for the sum of
coarse and fine features, which together take longer than the convolutions. Here it is once for
all three. The sums are in float32, and so a little more exact than automatic mixed precision.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from cryoden.compute import nvrtc
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
            self._kernels = _loaded(torch.cuda.current_device())
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
    try:
        found = Float16UNet(network, Kernels(device))
        return found if _agrees(found, network, device) else None
    except (OSError, RuntimeError):
        return None


@torch.inference_mode()
def _agrees(found: Float16UNet, network: UNet, device: torch.device) -> bool:
    """Tell whether it gives what the network gives: what became of the kernels is seen nowhere else."""
    image = torch.randn(1, 1, TRIED, TRIED, generator=torch.Generator().manual_seed(0)).to(device)
    wanted = network(image)
    return bool((found(image) - wanted).abs().max() <= ROUNDED * wanted.abs().max())


class Float16UNet:
    """The network on its device; `take` follows each change of its weights.

    Parameters
    ----------
    network : UNet
        With whole multiples of eight channels.
    kernels : Kernels
        On its device.
    """

    def __init__(self, network: UNet, kernels: Kernels) -> None:
        self._network, self._kernels = network, kernels
        self.take()

    @torch.no_grad()
    def take(self) -> None:
        """Take the network's weights as they are now."""
        network = self._network
        self._factors = 1 / network.linear.scales.noise
        self._down = [[_half(layer.weight) for layer in _layers(block)] for block in network.down]
        first = _layers(network.down[0])[0].weight
        self._down[0][0] = _half(functional.pad(first, (0, 0, 0, 0, 0, GROUP - SEEN)))
        joints = [cast("Joint", block) for block in network.up]
        self._up = [(*map(_half, block.parts()), _half(_layers(block)[1].weight)) for block in joints]
        self._last = _half(network.last.weight), cast("Tensor", network.last.bias).half()

    def __call__(self, noisy: Tensor) -> Tensor:
        """Return the network's ``(1, 1, h, w)`` float32 output."""
        network = self._network
        bands = network.linear.scales(noisy)
        features, skips = self._looked(noisy, bands), list[Tensor]()
        for level, (block, weights) in enumerate(zip(network.down, self._down, strict=True)):
            features = self._halved(features) if level else features
            for layer, weight in zip(_layers(block), weights, strict=True):
                features = self._activated(_convolved(features, weight), None, layer.bias)
            skips.append(features)
        skips.pop()
        for block, (of_coarse, of_fine, last) in zip(network.up, self._up, strict=True):
            first, second = _layers(block)
            coarse = functional.conv_transpose2d(features, of_coarse, stride=2, padding=1)
            features = self._activated(_convolved(skips.pop(), of_fine), coarse, first.bias)
            features = self._activated(_convolved(features, last), None, second.bias)
        added = functional.conv2d(features, *self._last, padding=1)
        filtered = network.linear.gains @ bands[0].flatten(1)
        output: Tensor = filtered.view(noisy.shape)
        return output.add_(added)

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
        added = None if added is None else added.contiguous(memory_format=torch.channels_last)
        vectors = features.numel() // GROUP
        groups = features.shape[1] // GROUP
        self._kernels.launch("activate", vectors, features, added, bias, vectors, groups)
        return features


def _layers(block: nn.Module) -> tuple[nn.Conv2d, nn.Conv2d]:
    """Return the two convolutions of a block."""
    first, _, second, _ = block.children()
    return cast("nn.Conv2d", first), cast("nn.Conv2d", second)


def _half(weight: Tensor) -> Tensor:
    return weight.half().contiguous(memory_format=torch.channels_last)


def _convolved(features: Tensor, weight: Tensor) -> Tensor:
    return functional.conv2d(features, weight, padding=1)


def _empty(channels: int, height: int, width: int, device: torch.device) -> Tensor:
    shape = (1, channels, height, width)
    return torch.empty(shape, dtype=torch.half, device=device, memory_format=torch.channels_last)


def _loaded(index: int) -> nvrtc.Kernels:
    return nvrtc.kernels(index, SOURCE, NAMES)

"""Training the baseline network in two launches a step, without activations in GPU memory.

The kernels of ``fused_baseline.cu`` are compiled at run time (`cryoden.kernels.nvrtc`). A step computes what
``mse_loss(network(noisy), target).backward()`` and a step of plain SGD compute, in float16
tensor-core products with float32 sums; the weights stay float32. The same input gives the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cryoden.kernels import nvrtc

SOURCE = "kernels/fused_baseline.cu"
SHAPES = ((16, 1, 3, 3), (16,), (16, 16, 3, 3), (16,), (1, 16, 3, 3), (1,))
WEIGHTS = 2625
KERNELS = ("train", "denoise", "reduce")
# These mirror constants of fused_baseline.cu.
CORE = 60  # output columns of a strip
PITCH = 2688  # sums of a block, in floats
ROWS = 8  # of a block at least: fewer, and the halo is most of its work
TRAINERS, DENOISERS = 512, 256  # threads of a block
ROOM = 4096  # losses kept before the buffer doubles


def available(device: torch.device | None = None) -> str:
    """Return why the fused step cannot be used here, in words; empty where it can.

    Parameters
    ----------
    device : torch.device or None
        The GPU it would run on; the current one by default.
    """
    if not torch.cuda.is_available() or torch.version.cuda is None:
        return "no NVIDIA GPU"
    major, minor = torch.cuda.get_device_capability(device)
    if major < 8:
        return f"compute capability {major}.{minor} is below 8.0"
    with torch.cuda.device(device):
        return nvrtc.problem(torch.cuda.current_device(), _loaded)


class FusedBaseline:
    """The baseline network in training, on one NVIDIA GPU.

    Parameters
    ----------
    network : nn.Sequential
        Convolutions 1→16→16→1 of 3×3 with zero padding and ReLU between. It is copied, not changed:
        read the trained weights with ``weights``.
    device : torch.device
        A CUDA device for which ``available`` is empty.

    Raises
    ------
    ValueError
        The network has other layers.
    OSError, RuntimeError
        What ``available`` says.
    """

    def __init__(self, network: nn.Sequential, device: torch.device) -> None:
        state = network.state_dict()
        if tuple(tuple(value.shape) for value in state.values()) != SHAPES:
            raise ValueError("only the baseline network 1→16→16→1 can be fused")
        self._names = tuple(state)
        self._weights = torch.cat([value.detach().float().reshape(-1) for value in state.values()]).to(device)
        self._device = self._weights.device
        self._processors = torch.cuda.get_device_properties(self._device).multi_processor_count
        self._sums = torch.empty(self._processors, PITCH, device=self._device)
        self._losses = torch.empty(ROOM, device=self._device)
        self._steps = 0
        with torch.cuda.device(self._device):
            self._kernels = _loaded(torch.cuda.current_device())
            self._shared = nvrtc.shared_memory(torch.cuda.current_device())

    def step(self, noisy: Tensor, target: Tensor, lr: float) -> None:
        """Take one step of gradient descent; nothing waits for the GPU.

        Parameters
        ----------
        noisy, target : Tensor
            ``(b, 1, h, w)`` float32 on the device, of any size.
        lr : float
            Learning rate.
        """
        if self._steps == len(self._losses):
            self._losses = torch.cat([self._losses, torch.empty_like(self._losses)])
        self._differentiate(noisy, target, None, self._losses[self._steps :], lr)
        self._steps += 1

    def losses(self) -> Tensor:
        """Return the ``(steps,)`` mean squared errors of all steps so far, each before its update."""
        return self._losses[: self._steps].clone()

    def gradients(self, noisy: Tensor, target: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Return the gradients by the weights' names, and the loss, without an update."""
        gradients, loss = torch.empty_like(self._weights), self._losses.new_empty(1)
        self._differentiate(noisy, target, gradients, loss, 0.0)
        return self._named(gradients), loss[0]

    def forward(self, noisy: Tensor) -> Tensor:
        """Return the network's ``(b, 1, h, w)`` float32 output."""
        noisy = self._checked(noisy)
        output = torch.empty_like(noisy)
        blocks = self._blocks(noisy, 2 * self._processors)
        self._launch(
            "denoise", blocks, DENOISERS, self._shared, (noisy, self._weights, output, *_sizes(noisy))
        )
        return output

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the weights, as the network's own state dict."""
        return self._named(self._weights.clone())

    def _differentiate(
        self, noisy: Tensor, target: Tensor, gradients: Tensor | None, loss: Tensor, lr: float
    ) -> None:
        noisy, target = self._checked(noisy), self._checked(target)
        if noisy.shape != target.shape:
            raise ValueError(f"input {tuple(noisy.shape)} and target {tuple(target.shape)} differ in shape")
        blocks = self._blocks(noisy, self._processors)
        images = (noisy, target, self._weights, self._sums, *_sizes(noisy))
        self._launch("train", blocks, TRAINERS, self._shared, images)
        totals = (self._sums, blocks, self._weights, gradients, loss, float(lr), float(noisy.numel()))
        self._launch("reduce", -(-(WEIGHTS + 1) // 32), 256, 1024, totals)

    def _checked(self, images: Tensor) -> Tensor:
        shape = tuple(images.shape)
        if images.device != self._device or images.dtype != torch.float32:
            raise ValueError(f"expected float32 on {self._device}, found {images.dtype} on {images.device}")
        if len(shape) != 4 or shape[1] != 1 or not images.numel():
            raise ValueError(f"expected images (b, 1, h, w), found {shape}")
        return images.contiguous()

    @staticmethod
    def _blocks(images: Tensor, most: int) -> int:
        number, _, height, width = images.shape
        return min(most, -(-number * -(-width // CORE) * height // ROWS))

    def _launch(self, name: str, blocks: int, threads: int, shared: int, arguments: Sequence[object]) -> None:
        nvrtc.launch(self._kernels[name], (blocks, 1), (threads, shared), self._device, arguments)

    def _named(self, flat: Tensor) -> dict[str, Tensor]:
        parts = torch.split(flat, [torch.Size(shape).numel() for shape in SHAPES])
        return {name: part.view(shape) for name, part, shape in zip(self._names, parts, SHAPES, strict=True)}


def _sizes(images: Tensor) -> tuple[int, int, int]:
    number, _, height, width = images.shape
    return number, height, width


def _loaded(index: int) -> nvrtc.Kernels:
    return nvrtc.kernels(index, SOURCE, KERNELS, nvrtc.shared_memory(index))

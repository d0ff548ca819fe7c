"""3×3 convolutions of few channels on an NVIDIA GPU, each in one kernel with what follows it.

Stock kernels take four times as long for 24 and 48 channels as their images take to be read and written, and
further kernels read and write them again for bias and leaky ReLU.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cryoden.kernels import nvrtc

SOURCE = "model/float16_layers.cu"
GROUP = 8  # channels that are multiplied at once
COLUMNS = 32  # px of a tile
ROWS = {
    (8, 24): 16,
    (24, 24): 16,
    (24, 48): 8,
    (48, 48): 8,
    (24, 8): 16,
}  # px of a tile, by channels in and out
LAST = (24, 8)
BLOCKS = 8  # of a processor
CAPABILITY = (8, 0)
# Places of a kernel of a transposed 4×4 convolution, as those of a 2×2 one for each parity.
PARITIES = (3, 1, 2, 0)

Channels = tuple[int, int]


def name(channels: Channels) -> str:
    """Return the name of the kernel for so many channels in and out."""
    return "last_24" if channels == LAST else "layer_{}_{}".format(*channels)


class Layers:
    """The kernels on an NVIDIA GPU.

    Raises
    ------
    OSError, RuntimeError
        Where they cannot be compiled, or the GPU has not what they need.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        with torch.cuda.device(device):
            index = torch.cuda.current_device()
            if torch.cuda.get_device_capability(index) < CAPABILITY:
                raise RuntimeError("needs compute capability 8.0")
            most = max(map(shared, ROWS))
            self._kernels = nvrtc.kernels(index, SOURCE, tuple(map(name, ROWS)), most)
        self._blocks = BLOCKS * torch.cuda.get_device_properties(device).multi_processor_count

    def launch(self, channels: Channels, *arguments: Tensor | int | None) -> None:
        """Start the kernel for so many channels; the last two arguments are height and width, px."""
        height, width = (int(each) for each in arguments[-2:] if isinstance(each, int))
        rows = ROWS[channels]
        blocks = min(self._blocks, -(-height // rows) * -(-width // COLUMNS))
        block = threads(channels), shared(channels)
        nvrtc.launch(self._kernels[name(channels)], (blocks, 1), block, self._device, arguments)


def threads(channels: Channels) -> int:
    """Return the threads of a block: a warp makes 4 rows of 16 px."""
    return 32 * ROWS[channels] // 4 * COLUMNS // 16


def shared(channels: Channels) -> int:
    """Return the bytes of shared memory of a block: the weights, and a tile as it is or as it is made."""
    given, made = channels
    rows = ROWS[channels]
    weights = 256 * _steps(given) * made // GROUP
    return weights + max((rows + 2) * (COLUMNS + 2) * _pitch(given), rows * COLUMNS * _pitch(made))


def _pitch(channels: int) -> int:
    return 112 if channels == 48 else 2 * channels


def _steps(given: int) -> int:
    return -(-9 * given // (2 * GROUP))


def arranged(weight: Tensor) -> Tensor:
    """Return the ``(out, in, 3, 3)`` weights of a layer as its kernel reads them, in float16.

    Two groups of eight channels of a tap at a time, for eight channels of the result, in the order in which
    the 32 threads of a warp hold them.
    """
    made, given = weight.shape[:2]
    taps = weight.half().reshape(made, given // GROUP, GROUP, 9).permute(0, 3, 1, 2)
    padded = torch.nn.functional.pad(
        taps.reshape(made, 9 * given), (0, 2 * GROUP * _steps(given) - 9 * given)
    )
    parts = padded.view(made // GROUP, GROUP, -1, 2, 4, 2)  # out, of eight; step, half of it, four pairs
    return parts.permute(2, 0, 1, 4, 3, 5).contiguous()


def by_parity(weight: Tensor) -> Tensor:
    """Return a transposed 4×4 convolution's ``(in, out, 4, 4)`` weights, as ``(4 out, in, 2, 2)``.

    A 2×2 convolution with them, one px beyond each edge, makes what belongs to even and odd rows
    and columns of the finer image in channels of their own: two rows and two columns of coarse
    pixels are all that each of them sees.
    """
    given, made = weight.shape[:2]
    for axis in (2, 3):  # a list of places would have to be sent to the GPU
        weight = torch.stack([weight.select(axis, place) for place in PARITIES], axis)
    turned = weight.view(given, made, 2, 2, 2, 2)
    return turned.permute(2, 4, 1, 0, 3, 5).reshape(4 * made, given, 2, 2)

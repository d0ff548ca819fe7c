"""Where and in which number format a network computes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Image = NDArray[np.float32] | Tensor


@dataclass(frozen=True)
class Place:
    """Where and in which number format a network computes."""

    device: torch.device
    number_format: torch.dtype

    def formatted(self) -> torch.autocast:
        """Return the context in which networks compute in this number format."""
        low = self.number_format is not torch.float32
        return torch.autocast(self.device.type, dtype=self.number_format, enabled=low)

    def predict(self, network: nn.Module, noisy: Tensor) -> Tensor:
        """Return the network's float32 output."""
        with self.formatted():
            output: Tensor = network(noisy)
        return output.float()

    def sent(self, noisy: Image, target: Image) -> tuple[Tensor, Tensor]:
        """Return ``(b, 1, p, p)`` noisy and target on the device; what lies there is not copied.

        From page-locked memory to an NVIDIA GPU the transfer may still be on its way.
        """
        at_once = self.device.type == "cuda"
        parts = (part if isinstance(part, Tensor) else torch.from_numpy(part) for part in (noisy, target))
        first, second = (part.to(self.device, non_blocking=at_once) for part in parts)
        return first.contiguous(memory_format=torch.channels_last), second

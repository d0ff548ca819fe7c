"""Images for the fused step."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def images(*shape: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Smooth images in [0, 1], and the same with noise."""
    torch.manual_seed(seed)
    number, height, width = shape
    coarse = torch.rand(number, 1, max(height // 16, 2), max(width // 16, 2))
    smooth = functional.interpolate(coarse, size=(height, width), mode="bicubic").clamp(0, 1)
    return torch.poisson(smooth * 30) / 30 + 0.1 * torch.randn_like(smooth), smooth

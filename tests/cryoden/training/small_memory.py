"""Memory that is too small: a network that asks the allocator for far too much, and is refused by it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from cryoden.model.networks import Baseline

TOO_MUCH = 1 << 60


@contextmanager
def room_for(patches: int, *, learning: bool = True) -> Iterator[list[int]]:
    """Let the baseline run out of memory with more patches at once, where it learns or only predicts.

    Gives the numbers of patches that were computed.
    """
    fitted: list[int] = []

    def asks(module: nn.Module, given: tuple[Any, ...]) -> None:
        if isinstance(module, Baseline) and torch.is_grad_enabled() is learning:
            if len(given[0]) > patches:
                torch.empty(TOO_MUCH)  # raises what torch's own allocator raises
            fitted.append(len(given[0]))

    hook = register_module_forward_pre_hook(asks)
    try:
        yield fitted
    finally:
        hook.remove()

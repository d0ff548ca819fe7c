"""A batch computed in parts where memory is too small for all of it at once.

The gradients of equal patches add up: so the weights move as those of the whole batch would, of the same
patches in the same order, apart from rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from cryoden.compute import devices
from cryoden.errors import KEPT, TrainingError
from cryoden.model.place import Place
from cryoden.sampling.source import Batch, BatchOnGpu

Losses = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class InParts:
    """How many parts a batch is computed in: twice as many whenever memory runs out.

    Attributes
    ----------
    number : int
        Of parts.
    """

    def __init__(self) -> None:
        self.number = 1

    def gradients(
        self, network: nn.Module, place: Place, batch: Batch | BatchOnGpu, losses: Losses
    ) -> Tensor:
        """Leave the gradients of a whole batch in the network's weights, and return its mean loss.

        Parameters
        ----------
        network : nn.Module
            Whose weights have no gradients yet.
        place : Place
            Where to compute.
        batch : Batch or BatchOnGpu
            ``(b, 1, p, p)`` noisy and target.
        losses : callable
            Takes noisy and target of some patches on the device, and returns two means over them: what is
            reported, and what the weights are to follow.

        Raises
        ------
        TrainingError
            T06 when memory is too small for a single patch.
        """
        found: list[Tensor] = []
        while not found:
            with devices.out_of_memory_caught():  # left before memory is freed: its traceback keeps tensors
                found.append(_sum(list(self._each(place, batch, losses))))
            if not found:
                network.zero_grad(set_to_none=True)
                self.number = halved(self.number, len(batch.noisy), place)
        return found[0]

    def _each(self, place: Place, batch: Batch | BatchOnGpu, losses: Losses) -> Iterator[Tensor]:
        whole = len(batch.noisy)
        most = -(-whole // self.number)
        for first in range(0, whole, most):
            some = slice(first, first + most)
            noisy, target = place.sent(batch.noisy[some], batch.target[some])
            share = len(noisy) / whole
            reported, followed = losses(noisy, target)
            _weighed(followed, share).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            yield _weighed(reported.detach(), share)


def _weighed(loss: Tensor, share: float) -> Tensor:
    return loss if share == 1 else loss * share  # nothing is launched for a whole batch


def _sum(losses: list[Tensor]) -> Tensor:
    return losses[0] if len(losses) == 1 else torch.stack(losses).sum()


def predicted(network: nn.Module, place: Place, noisy: Tensor, parts: int = 1) -> Tensor:
    """Return the network's output for ``(b, 1, p, p)`` pixels, in parts if need be; errors as above."""
    found: list[Tensor] = []
    while not found:
        with devices.out_of_memory_caught():
            found.append(torch.cat([place.predict(network, part) for part in noisy.chunk(parts)]))
        if not found:
            parts = halved(parts, len(noisy), place)
    return found[0]


def halved(parts: int, patches: int, place: Place) -> int:
    """Return twice as many parts, and free what a failed attempt has left.

    Raises
    ------
    TrainingError
        T06 when each part is a single patch already.
    """
    if parts >= patches:
        fix = "Choose smaller patches, or free some memory"
        raise TrainingError("T06", None, "out of memory with a single patch at a time", kept=KEPT, fix=fix)
    if place.device.type == "cuda":
        torch.cuda.empty_cache()
    return min(2 * parts, patches)

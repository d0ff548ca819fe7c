"""A source whose pairs tell their number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from cryoden.micrograph import Pixels

CPU = torch.device("cpu")


class Numbered:
    """Pairs whose pixels are their number, and its negative; the same in each epoch."""

    edge = 16

    def __init__(self, count: int, size: int) -> None:
        self.count, self.size, self.asked = count, size, list[int]()

    def items(self, epoch: int, step: int) -> Sequence[int]:
        first = (step - 1) * self.size + 1000 * (epoch - 1)
        return range(first, min(first + self.size, self.count + 1000 * (epoch - 1)))

    def read(self, item: int, noisy: Pixels, target: Pixels) -> None:
        self.asked.append(item)
        noisy[...], target[...] = item, -item


def steps(count: int, epoch: int = 1) -> Iterator[tuple[int, int]]:
    return ((epoch, step) for step in range(1, count + 1))

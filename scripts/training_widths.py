"""A network that begins as another one does that has fewer channels, or is not conditioned."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from cryoden.model.checkpoint import Model
from cryoden.model.conditioning import PREFIX, ConditionedUNet
from cryoden.model.networks import LinearFilter, widths_of


def widened(network: ConditionedUNet, wide: Sequence[int], model: Model) -> dict[str, Tensor]:
    """Return weights with which a network does what a model with no more channels does.

    The new channels have weights of their own, as they are in the network, and are not yet listened to.
    """
    before = {name: torch.from_numpy(value).float() for name, value in model.weights.items()}
    state = {name: value.clone() for name, value in network.state_dict().items()}
    narrow = widths_of(model)
    for name, value in before.items():
        if name.startswith(f"{PREFIX}last."):
            state[name] = _spread(state[name], value, wide, narrow)
        elif name.endswith(".weight") and value.ndim == 4:
            state[name][: len(value)] = 0
            places = _inputs(name, value.shape[1], wide, narrow)
            state[name][: len(value), places] = value
        else:
            state[name][tuple(slice(side) for side in value.shape)] = value
    return state


def _inputs(name: str, count: int, wide: Sequence[int], narrow: Sequence[int]) -> list[int]:
    """Return where the inputs of a narrow convolution are among those of a wide one."""
    part, level, layer, *_ = [*name.split("."), ""]
    if part != "up" or layer != "0":
        return list(range(count))
    coarse = len(narrow) - 1 - int(level)  # of the joint's two inputs this one comes first
    return [*range(narrow[coarse]), *range(wide[coarse], wide[coarse] + narrow[coarse - 1])]


def _spread(new: Tensor, old: Tensor, wide: Sequence[int], narrow: Sequence[int]) -> Tensor:
    """Return gains and offsets of each convolution, zero where channels are new."""
    found = torch.zeros_like(new)
    at = [0, 0]
    parts = [*zip(_channels(wide), _channels(narrow), strict=True), (LinearFilter.levels + 1,) * 2]
    for many, few in parts:
        found[at[0] : at[0] + few] = old[at[1] : at[1] + few]
        at = [at[0] + many, at[1] + few]
    return found


def _channels(widths: Sequence[int]) -> list[int]:
    """Return the outputs of all convolutions twice, gains and offsets, as they are applied."""
    down = [count for count in widths for _ in range(2)]
    up = [fine for fine, _ in reversed(list(pairwise(widths))) for _ in range(2)]
    return [count for count in [*down, *up, 1] for _ in range(2)]

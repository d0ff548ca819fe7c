"""What an independent implementation of the experiment has to find, computed in float64.

float64 leaves no doubt whose rounding it is when a program in float32 differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cryoden.events.training import Weights
from cryoden.model.networks import Baseline, build, load
from cryoden.sampling.source import Batch

LAYERS = {"0": 1, "2": 2, "4": 3}  # place of each convolution in the network, and its number
MADE = ("conv1", "relu1", "conv2", "relu2", "output")  # by each place of the network


@dataclass(frozen=True, eq=False)
class Expected:
    """Arrays by name, in the order in which a program would meet them, and the losses.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        float64; names as in `cryoden.experiment.flat_files.MEANINGS`.
    losses : ndarray
        ``(steps,)`` float64, each before the weights moved.
    """

    arrays: Mapping[str, NDArray[np.float64]]
    losses: NDArray[np.float64]


def expected(
    batches: Sequence[Batch], final: Weights, *, seed: int, learning_rate: float, steps: int
) -> Expected:
    """Return what the network of this seed does with these batches, taken in turns.

    Parameters
    ----------
    batches : sequence of Batch
        Of one shape.
    final : Weights
        Those the run kept.
    seed : int
        Of the initial weights.
    learning_rate : float
        Of plain gradient descent.
    steps : int
        How many losses.
    """
    network = build("baseline", seed).double()
    assert isinstance(network, Baseline)  # noqa: S101  what "baseline" names
    first = batches[0]
    arrays = _named("initial", network.state_dict())
    arrays |= {side: np.stack([getattr(batch, side) for batch in batches]) for side in ("noisy", "target")}
    arrays |= {name: value.detach().numpy() for name, value in _forward(network, first)}
    losses = np.array(list(_losses(network, batches, learning_rate, arrays, steps)))
    load(network, {name: value.astype(np.float64) for name, value in final.items()})
    arrays |= _named("final", network.state_dict())
    arrays["final_output"] = network(_double(first.noisy)).detach().numpy()
    arrays["final_loss"] = np.array([_loss(network, first).item()])
    return Expected(arrays, losses)


def _forward(network: Baseline, batch: Batch) -> Iterator[tuple[str, Tensor]]:
    values = _double(batch.noisy)
    for name, layer in zip(MADE, network, strict=True):
        values = layer(values)
        yield name, values


def _losses(
    network: Baseline,
    batches: Sequence[Batch],
    learning_rate: float,
    arrays: dict[str, Any],
    steps: int,
) -> Iterator[float]:
    """Train; yield each step's loss, and put what the first one did among the arrays."""
    optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
    for step in range(steps):
        optimizer.zero_grad(set_to_none=True)
        loss = _loss(network, batches[step % len(batches)])
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
        if step == 0:
            gradients = {name: value.grad for name, value in network.named_parameters()}
            arrays |= _named("gradient", gradients) | _named("stepped", network.state_dict())
        yield loss.item()


def _loss(network: Baseline, batch: Batch) -> Tensor:
    return functional.mse_loss(network(_double(batch.noisy)), _double(batch.target))


def _double(pixels: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(pixels).double()


def _named(state: str, values: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Return copies, by names that need no knowledge of torch: ``initial_weight1`` for ``0.weight``."""
    return {
        f"{state}_{kind}{LAYERS[place]}": value.detach().numpy().copy()
        for (place, kind), value in ((name.split("."), value) for name, value in values.items())
    }

"""Who computes a step: torch, with care or plainly, or one fused kernel for NVIDIA GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from cryoden.compute.place import Place
from cryoden.events.training import Weights
from cryoden.model.networks import Network, load
from cryoden.training.source import Batch

GENTLER = 4.0  # a run that went wrong goes on with a learning rate divided by this


class Engine(Protocol):
    """Takes batches; its losses are asked for now and then, because asking may wait for the device."""

    name: str
    place: Place
    fetching_waits: bool

    def step(self, batch: Batch, step: int, factor: float) -> None:
        """Move the weights once; ``factor`` is what the plan makes of the learning rate."""

    def rate(self, step: int, factor: float) -> float:
        """Return the learning rate of a step."""

    def losses(self) -> Sequence[float]:
        """Return the loss of each step since the last call, before its weights moved."""

    def judged(self) -> Network:
        """Return the network that is validated and saved, brought up to date; always the same object."""

    def restart(self, weights: Weights, step: int) -> float:
        """Go on from these weights after ``step``, more gently; return the new learning rate."""


def weights_of(engine: Engine) -> Weights:
    """Return a copy of what is validated and saved."""
    state = engine.judged().state_dict()
    return {name: value.float().cpu().numpy().copy() for name, value in state.items()}


class PlainEngine:
    """Plain gradient descent on the mean squared error by stock torch, on any device.

    Parameters
    ----------
    network : Network
        What is to learn; moved to the device.
    place : Place
        Where to compute.
    learning_rate : float
        The same in all steps.
    """

    name, fetching_waits = "torch", True

    def __init__(self, network: Network, place: Place, learning_rate: float) -> None:
        self.place, self.highest = place, learning_rate
        self.network = network.to(place.device)
        self._optimizer = torch.optim.SGD(self.network.parameters(), lr=learning_rate)
        self._losses: list[Tensor] = []

    def step(self, batch: Batch, step: int, factor: float) -> None:
        """Move the weights once; see `Engine.step`."""
        self._optimizer.param_groups[0]["lr"] = self.rate(step, factor)
        noisy, target = self.place.sent(batch.noisy, batch.target)
        self._optimizer.zero_grad(set_to_none=True)
        loss = functional.mse_loss(self.place.predict(self.network, noisy), target)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._optimizer.step()
        self._losses.append(loss.detach())

    def rate(self, step: int, factor: float) -> float:  # noqa: ARG002  others warm up
        """Return the learning rate of a step."""
        return self.highest * factor

    def losses(self) -> Sequence[float]:
        """Return the losses since the last call."""
        taken, self._losses = self._losses, []
        found: list[float] = torch.stack(taken).double().cpu().tolist() if taken else []
        return found

    def judged(self) -> Network:
        """Return the network, which is what learns."""
        return self.network

    def restart(self, weights: Weights, step: int) -> float:  # noqa: ARG002  others warm up
        """Go on from these weights at a quarter of the learning rate."""
        load(self.network, weights)
        self.highest /= GENTLER
        return self.highest

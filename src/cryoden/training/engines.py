"""Who computes a step: torch, with care or plainly, or one fused kernel for NVIDIA GPUs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from cryoden.compute import devices
from cryoden.errors import SettingsError
from cryoden.events.training import Weights
from cryoden.kernels.fused_baseline import FusedBaseline, available
from cryoden.model.networks import Network, load
from cryoden.model.place import Place
from cryoden.sampling.source import Batch, BatchOnGpu
from cryoden.settings.baseline import BaselineSettings
from cryoden.training.in_parts import InParts

Arrays = Mapping[str, NDArray[Any]]
State = tuple[Arrays, Mapping[str, Any]]
GENTLER = 4.0  # a run that went wrong goes on with a learning rate divided by this


class Engine(Protocol):
    """Takes batches; its losses are asked for now and then, because asking may wait for the device."""

    name: str
    place: Place
    parts: InParts
    fetching_waits: bool

    def step(self, batch: Batch | BatchOnGpu, step: int, factor: float) -> None:
        """Move the weights once; ``factor`` is what the plan makes of the learning rate."""

    def rate(self, step: int, factor: float) -> float:
        """Return the learning rate of a step."""

    def losses(self) -> Sequence[float]:
        """Return the loss of each step since the last call, before its weights moved."""

    def judged(self) -> Network:
        """Return the network that is validated and saved, brought up to date; always the same object."""

    def restart(self, weights: Weights, step: int) -> float:
        """Go on from these weights after ``step``, more gently; return the new learning rate."""

    def state(self) -> State:
        """Return all it needs to continue as if it had never ended, as copies; its losses are fetched."""

    def restore(self, arrays: Arrays, values: Mapping[str, Any]) -> None:
        """Take over a state."""


def named(prefix: str, arrays: Arrays) -> Arrays:
    """Return arrays under names that say what they are part of."""
    return {f"{prefix}/{name}": values for name, values in arrays.items()}


def part(prefix: str, arrays: Arrays) -> Arrays:
    """Return those of one part, under their own names."""
    begin = f"{prefix}/"
    return {name.removeprefix(begin): one for name, one in arrays.items() if name.startswith(begin)}


def tensors_of(module: nn.Module) -> Arrays:
    """Return a copy of a module's weights, in their own number format."""
    return {name: value.cpu().numpy().copy() for name, value in module.state_dict().items()}


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
        self.place, self.highest, self.parts = place, learning_rate, InParts()
        self.network = network.to(place.device)
        self._optimizer = torch.optim.SGD(self.network.parameters(), lr=learning_rate)
        self._losses: list[Tensor] = []

    def step(self, batch: Batch | BatchOnGpu, step: int, factor: float) -> None:
        """Move the weights once; see `Engine.step`."""
        self._optimizer.param_groups[0]["lr"] = self.rate(step, factor)
        self._optimizer.zero_grad(set_to_none=True)
        with devices.reproducible():
            loss = self.parts.gradients(self.network, self.place, batch, self._compared)
        self._optimizer.step()
        self._losses.append(loss)

    def _compared(self, noisy: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        loss = functional.mse_loss(self.place.predict(self.network, noisy), target)
        return loss, loss

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

    def state(self) -> State:
        """Return the weights: plain gradient descent remembers nothing else."""
        return tensors_of(self.network), {"highest": self.highest, "parts": self.parts.number}

    def restore(self, arrays: Arrays, values: Mapping[str, Any]) -> None:
        """Take over a state."""
        load(self.network, arrays)
        self.highest, self.parts.number = values["highest"], values.get("parts", 1)


class FusedEngine:
    """Plain gradient descent, two launches a step on one NVIDIA GPU; see `cryoden.kernels.fused_baseline`.

    Parameters
    ----------
    network : Network
        The baseline; moved to the device.
    device : torch.device
        The GPU.
    learning_rate : float
        The same in all steps.
    """

    name, fetching_waits = "fused", True

    def __init__(self, network: Network, device: torch.device, learning_rate: float) -> None:
        self.place = Place(device, torch.float32)  # in which it is judged
        self.network, self.highest = network.to(device), learning_rate
        self.parts = InParts()  # it holds no more than a batch and weights, and needs none
        self._begin()

    def step(self, batch: Batch | BatchOnGpu, step: int, factor: float) -> None:
        """Move the weights once; see `Engine.step`."""
        noisy, target = self.place.sent(batch.noisy, batch.target)
        self._fused.step(noisy, target, self.rate(step, factor))

    def rate(self, step: int, factor: float) -> float:  # noqa: ARG002  others warm up
        """Return the learning rate of a step."""
        return self.highest * factor

    def losses(self) -> Sequence[float]:
        """Return the loss of each step since the last call, before its weights moved."""
        new: list[float] = self._fused.losses()[self._fetched :].double().cpu().tolist()
        self._fetched += len(new)
        return new

    def judged(self) -> Network:
        """Return the network with the weights of now."""
        self.network.load_state_dict(self._fused.weights())
        return self.network

    def restart(self, weights: Weights, step: int) -> float:  # noqa: ARG002  others warm up
        """Go on from these weights at a quarter of the learning rate."""
        load(self.network, weights)
        self.highest /= GENTLER
        self._begin()
        return self.highest

    def state(self) -> State:
        """Return the weights; see `PlainEngine.state`."""
        return tensors_of(self.judged()), {"highest": self.highest}

    def restore(self, arrays: Arrays, values: Mapping[str, Any]) -> None:
        """Take over a state."""
        load(self.network, arrays)
        self.highest = values["highest"]
        self._begin()

    def _begin(self) -> None:
        self._fused = FusedBaseline(self.network, self.place.device)  # type: ignore[arg-type]  # only the baseline is fused
        self._fetched = 0


def chosen(network: Network, settings: BaselineSettings) -> tuple[Engine, str]:
    """Return the engine, and in words why it is not the fused one where that was asked for or offered.

    Raises
    ------
    SettingsError
        S02 where the device or the fused engine is asked for and is not there.
    """
    device, problem = devices.resolve(settings.device), _why_not_fused(settings)
    if settings.engine == "fused" and problem:
        words = f"engine = fused cannot be used: {problem}"
        raise SettingsError("S02", None, words, fix="Choose auto or torch")
    if settings.engine == "torch" or problem:
        why = f"computed with torch: {problem}" if settings.engine == "auto" else ""
        low = settings.precision == "bfloat16"
        place = Place(device, torch.bfloat16 if low else torch.float32)
        return PlainEngine(network, place, settings.learning_rate), why
    return FusedEngine(network, device, settings.learning_rate), ""


def _why_not_fused(settings: BaselineSettings) -> str:
    if devices.resolve(settings.device).type != "cuda":
        return "the fused step needs an NVIDIA GPU"
    if settings.precision != "auto":
        return f"the fused step has its own number formats, precision is {settings.precision}"
    return available(devices.resolve(settings.device))

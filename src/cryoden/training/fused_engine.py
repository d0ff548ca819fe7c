"""The baseline by the fused step where that can be used, else by stock torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cryoden.compute import devices
from cryoden.compute.fused_baseline import FusedBaseline, available
from cryoden.compute.place import Place
from cryoden.errors import SettingsError
from cryoden.events.training import Weights
from cryoden.model.networks import Network, load
from cryoden.settings.baseline import BaselineSettings
from cryoden.training.engines import GENTLER, Engine, PlainEngine
from cryoden.training.source import Batch


class FusedEngine:
    """Plain gradient descent, two launches a step on one NVIDIA GPU; see `cryoden.compute.fused_baseline`.

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
        self._begin()

    def step(self, batch: Batch, step: int, factor: float) -> None:
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

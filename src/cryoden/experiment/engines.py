"""Who computes a step of the experiment: stock torch, or one fused kernel for NVIDIA GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cryoden.compute import devices
from cryoden.compute.fused_baseline import available
from cryoden.compute.place import Place
from cryoden.errors import SettingsError
from cryoden.experiment.fused_engine import FusedEngine
from cryoden.experiment.stream import PairBatch
from cryoden.model.networks import Network
from cryoden.settings.baseline import BaselineSettings


class Engine(Protocol):
    """Takes batches; its losses are asked for now and then, because asking waits for the device."""

    name: str
    place: Place
    network: Network

    def step(self, batch: PairBatch) -> None:
        """Move the weights once by plain gradient descent on the batch's mean squared error."""

    def losses(self) -> NDArray[np.float64]:
        """Return the loss of each step since the last call, before its weights moved."""

    def refresh(self) -> None:
        """Bring ``network`` up to date with the weights."""


class TorchEngine:
    """Stock torch, on any device.

    Parameters
    ----------
    network : Network
        What is to learn; moved to the device.
    settings : BaselineSettings
        What the user chose.
    """

    name = "torch"

    def __init__(self, network: Network, settings: BaselineSettings) -> None:
        device = devices.resolve(settings.device)
        low = settings.precision == "bfloat16"
        self.place = Place(device, torch.bfloat16 if low else torch.float32)
        self.network = network.to(device)
        self._optimizer = torch.optim.SGD(self.network.parameters(), lr=settings.learning_rate)
        self._losses: list[Tensor] = []

    def step(self, batch: PairBatch) -> None:
        """Move the weights once; see `Engine.step`."""
        noisy, target = batch.on(self.place.device)
        self._optimizer.zero_grad(set_to_none=True)
        loss = functional.mse_loss(self.place.predict(self.network, noisy), target)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._optimizer.step()
        self._losses.append(loss.detach())

    def losses(self) -> NDArray[np.float64]:
        """Return the losses since the last call."""
        told, self._losses = self._losses, []
        return _numbers(told)

    def refresh(self) -> None:
        """Do nothing: the network is what learns."""


def _numbers(losses: Sequence[Tensor]) -> NDArray[np.float64]:
    return torch.stack(list(losses)).double().cpu().numpy() if losses else np.empty(0)


def chosen(network: Network, settings: BaselineSettings) -> tuple[Engine, str]:
    """Return the engine, and in words why it is not the fused one where that was asked for or offered.

    Raises
    ------
    SettingsError
        S02 where the device or the fused engine is asked for and is not there.
    """
    problem = _why_not_fused(settings)
    if settings.engine == "fused" and problem:
        raise SettingsError(
            "S02", None, f"engine = fused cannot be used: {problem}", fix="Choose auto or torch"
        )
    if settings.engine == "torch" or problem:
        why = f"computed with torch: {problem}" if settings.engine == "auto" else ""
        return TorchEngine(network, settings), why
    return FusedEngine(network, settings), ""


def _why_not_fused(settings: BaselineSettings) -> str:
    if devices.resolve(settings.device).type != "cuda":
        return "the fused step needs an NVIDIA GPU"
    if settings.precision != "auto":
        return f"the fused step has its own number formats, precision is {settings.precision}"
    return available(devices.resolve(settings.device))

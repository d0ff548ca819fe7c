"""The fused step as an engine of the experiment."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from cryoden.compute import devices
from cryoden.compute.fused_baseline import FusedBaseline
from cryoden.compute.place import Place
from cryoden.experiment.stream import PairBatch
from cryoden.model.networks import Network
from cryoden.settings.baseline import BaselineSettings


class FusedEngine:
    """Two launches a step on one NVIDIA GPU; see `cryoden.compute.fused_baseline`.

    Parameters
    ----------
    network : Network
        The baseline; moved to the device.
    settings : BaselineSettings
        What the user chose.
    """

    name = "fused"

    def __init__(self, network: Network, settings: BaselineSettings) -> None:
        device = devices.resolve(settings.device)
        self.place = Place(device, torch.float32)  # in which it is judged
        self.network = network.to(device)
        self._fused = FusedBaseline(network, device)  # type: ignore[arg-type]  # the experiment has no other
        self._rate, self._told = settings.learning_rate, 0

    def step(self, batch: PairBatch) -> None:
        """Move the weights once by plain gradient descent on the batch's mean squared error."""
        noisy, target = batch.on(self.place.device)
        self._fused.step(noisy, target, self._rate)

    def losses(self) -> NDArray[np.float64]:
        """Return the loss of each step since the last call, before its weights moved."""
        new = self._fused.losses()[self._told :].double().cpu().numpy()
        self._told += len(new)
        return new

    def refresh(self) -> None:
        """Bring ``network`` up to date with the weights."""
        self.network.load_state_dict(self._fused.weights())

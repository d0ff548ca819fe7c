"""How weights follow gradients that are nearly all noise, and how they are judged.

At a signal of 3 % of the variance a plain run can fall into the constant predictor. What keeps
this one up: it starts at the best linear filter, gradients are clipped, the learning rate is
warmed up, and what is validated and saved is a running average of the weights.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import get_ema_multi_avg_fn

from cryoden.compute.devices import reproducible
from cryoden.compute.ranks import ALONE, Ranks, lost
from cryoden.errors import TrainingError
from cryoden.events.training import TrainingState, Weights
from cryoden.model.networks import LinearFilter, Network, load
from cryoden.model.place import Place
from cryoden.sampling.source import Batch, BatchOnGpu
from cryoden.settings.training import TrainingSettings
from cryoden.training.engines import GENTLER, Arrays, State, named, part, tensors_of, weights_of
from cryoden.training.in_parts import InParts

WARM_UP = 50  # steps
CLIP_NORM = 0.1
AVERAGING = 0.995
STEP, RESTART, END = range(3)  # what the first of several processes says to the others


class Learner:
    """The careful engine: a network, the running average of its weights and the optimizer that moves it.

    Parameters
    ----------
    network : Network
        What is to learn.
    settings : TrainingSettings
        What the user chose.
    place : Place
        Where to compute.
    ranks : Ranks
        The processes that compute together; each is given its share of a batch.
    anchored : bool
        Whether the network is a trained one, toward whose answers a run is pulled: halves share
        more than particles, and a model that was shown the truth knows what to leave away. The
        same idea keeps a network from forgetting (Li & Hoiem 2018).
    """

    name, fetching_waits = "torch", False  # each step looks at its gradient anyway

    def __init__(
        self,
        network: Network,
        settings: TrainingSettings,
        place: Place,
        *,
        ranks: Ranks = ALONE,
        anchored: bool = False,
    ) -> None:
        self.place, self.ranks, self.settings, self.parts = place, ranks, settings, InParts()
        if ranks.number > 1:
            start = {name: value.numpy() for name, value in network.state_dict().items()}
            load(network, ranks.agreed(start))
        self.network: Network = network.to(place.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's stubs
        self.average: Network = copy.deepcopy(self.network).requires_grad_(False)
        self.fine_tuned = anchored
        pulled = anchored and settings.anchor > 0
        self.anchor = copy.deepcopy(self.average) if pulled else None
        self.first = 0  # the step before the first
        self.highest = settings.learning_rate
        self.optimizer = self._optimizer()
        self._losses: list[float] = []

    def rate(self, step: int, factor: float) -> float:
        """Return the learning rate of a step, ``factor`` of it by the plan."""
        return self.highest * factor * min(1.0, (step - self.first) / WARM_UP)

    def restart(self, weights: Weights, step: int) -> float:
        """Go on from these weights after ``step``, more gently; nothing else is remembered."""
        self.ranks.say(RESTART, step, 0.0)
        weights = self.ranks.agreed(weights)
        for module in (self.network, self.average):
            load(module, weights)
        self.first = step
        self.highest /= GENTLER
        self.optimizer = self._optimizer()
        return self.highest

    def state(self) -> State:
        """Return the weights, their average, and what the optimizer remembers of each."""
        of = self.optimizer.state
        remembered = {
            f"{number}/{name}": value.detach().cpu().numpy().copy()
            for number, weights in enumerate(self.network.parameters())
            for name, value in of.get(weights, {}).items()
            if isinstance(value, Tensor)
        }
        arrays = {
            **named("network", tensors_of(self.network)),
            **named("average", tensors_of(self.average)),
            **named(self.settings.optimizer, remembered),
        }
        values = {"first": self.first, "highest": self.highest, "fine_tuned": self.fine_tuned}
        return arrays, values | {"parts": self.parts.number}

    def restore(self, arrays: Arrays, values: Mapping[str, Any]) -> None:
        """Take over a state; an optimizer of another kind than it had remembers nothing."""
        load(self.network, part("network", arrays))
        load(self.average, part("average", arrays))
        self.first, self.highest = values["first"], values["highest"]
        self.parts.number = values.get("parts", 1)
        self.optimizer = self._optimizer()
        for number, weights in enumerate(self.network.parameters()):
            found = part(f"{self.settings.optimizer}/{number}", arrays)
            if found:
                self.optimizer.state[weights] = {name: _like(one, weights) for name, one in found.items()}

    def judged(self) -> Network:
        """Return the running average."""
        return self.average

    def losses(self) -> Sequence[float]:
        """Return the losses since the last call; not a number where a batch moved nothing."""
        taken, self._losses = self._losses, []
        return taken

    def _optimizer(self) -> torch.optim.Optimizer:
        kind = torch.optim.AdamW if self.settings.optimizer == "adamw" else torch.optim.SGD
        return kind(self.network.parameters(), lr=self.highest)

    def step(self, batch: Batch | BatchOnGpu, step: int, factor: float) -> None:
        """Update the weights once; they do not move when the loss, or its gradient, is not finite."""
        self.ranks.say(STEP, step, factor)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(step, factor)
        with reproducible():
            loss = self.parts.gradients(self.network, self.place, batch, self._compared)
            loss = self._of_all(loss, len(batch.noisy))
            norm = nn.utils.clip_grad_norm_(self.network.parameters(), CLIP_NORM)
        if torch.isfinite(norm):
            self.optimizer.step()
            self._follow(step)
        self.optimizer.zero_grad()
        self._losses.append(loss.item() if torch.isfinite(norm) else math.nan)

    def _compared(self, noisy: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        output = self.place.predict(self.network, noisy)
        loss = functional.mse_loss(output, target)
        return loss, loss + self._pull(output, noisy)

    def _of_all(self, loss: Tensor, patches: int) -> Tensor:
        """Return the loss of the whole batch, and make the gradients its own."""
        if self.ranks.number == 1:
            return loss
        learnt = [(value, value.grad) for value in self.network.parameters() if value.grad is not None]
        flat = [one.as_strided((one.numel(),), (1,)) for _, one in learnt]  # as it lies in memory
        sums = torch.cat([*flat, loss.reshape(1), loss.new_ones(1)]) * patches  # shares may differ by one
        self.ranks.add_up(sums)
        means = sums[:-1] / sums[-1]
        parts = torch.split(means[:-1], [one.numel() for one in flat])
        for (value, one), mean in zip(learnt, parts, strict=True):
            value.grad = mean.as_strided(one.size(), one.stride())  # nothing is copied
        return means[-1]

    def _pull(self, output: Tensor, noisy: Tensor) -> Tensor | float:
        if self.anchor is None:
            return 0.0
        with torch.no_grad():
            begun = self.place.predict(self.anchor, noisy)
        return self.settings.anchor * functional.mse_loss(output, begun)

    def _follow(self, step: int) -> None:
        taken = step - self.first
        decay = min(AVERAGING, taken / (taken + 10))
        averaged = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        averaged(list(self.average.parameters()), list(self.network.parameters()), None)


def continued(learner: Learner, state: TrainingState | None) -> int:
    """Take over a state in each process, which read it by itself, and return its step.

    Raises
    ------
    TrainingError
        T19 in another process than the first where it found another state than that one.
    """
    own = [float(state.step), float(state.fingerprint)] if state else [0.0, 0.0]
    learner.ranks.say(*own)
    if not learner.ranks.leads and learner.ranks.hear(2) != own:
        problem = "the processes of this training have found different checkpoints"
        raise TrainingError("T19", None, problem, fix="Give a run folder that all of them see")
    if state is not None:
        learner.restore(part("engine", state.arrays), state.values["engine"])
    return int(own[0])


def follow(learner: Learner, batches: Generator[Batch | BatchOnGpu, None, None]) -> None:
    """Do in another process what the first one's learner does, until `leading` ends there."""
    batch = next(batches, None)  # made ahead: the first makes its own before it says anything
    for what, step, factor in iter(partial(learner.ranks.hear, 3), [END, 0.0, 0.0]):
        if what == RESTART:
            learner.restart(weights_of(learner), int(step))
            continue
        if batch is None:
            raise lost(f"process {learner.ranks.rank + 1} has no batch for step {step:.0f}")
        learner.step(batch, int(step), factor)
        learner.losses()
        batch = next(batches, None)
    batches.close()
    learner.ranks.part()


def _like(values: NDArray[Any], weights: Tensor) -> Tensor:
    """Return what is remembered of weights: laid out as they are, or a count of steps, which stays here."""
    found = torch.from_numpy(values.copy())
    return torch.empty_like(weights).copy_(found) if found.shape == weights.shape else found


@contextmanager
def leading(ranks: Ranks) -> Iterator[None]:
    """Let the other processes end when the first has; after an error they may not listen, and are ended."""
    yield
    if ranks.leads:
        ranks.say(END, 0.0, 0.0)
        ranks.part()


def fitted_filter(batch: Batch) -> LinearFilter:
    """Return the linear filter that best predicts target from noisy, by least squares.

    Normal equations over the starlet bands, in float64.
    """
    linear = LinearFilter()
    with torch.no_grad():
        bands = linear.scales(torch.from_numpy(batch.noisy)).double().transpose(0, 1).flatten(1)
        matrix = bands @ bands.T
        ridge = 1e-9 * matrix.diagonal().mean() * torch.eye(len(matrix), dtype=torch.float64)
        target = torch.from_numpy(batch.target).double().flatten()
        linear.gains.copy_(torch.linalg.solve(matrix + ridge, bands @ target))
    return linear

from __future__ import annotations

import numpy as np
import pytest
import torch

from cryoden.errors import SettingsError
from cryoden.events.training import TrainingStarted
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.workflow import train_on_pairs
from cryoden.kernels.fused_baseline import available
from cryoden.micrograph import Micrograph
from cryoden.model.networks import build
from cryoden.model.place import Place
from cryoden.sampling.source import Batch
from cryoden.settings.baseline import BaselineSettings, PatchSettings
from cryoden.training.engines import GENTLER, PlainEngine, weights_of
from tests.cryoden.compute.disks import images


@pytest.fixture
def engine() -> PlainEngine:
    return PlainEngine(build("baseline", 0), Place(torch.device("cpu"), torch.float32), 0.05)


@pytest.fixture
def batch() -> Batch:
    noisy, target = np.random.default_rng(0).normal(size=(2, 2, 1, 32, 32)).astype(np.float32)
    return Batch(noisy, target)


def test_a_plain_step_goes_down_the_slope_of_the_loss_by_the_learning_rate(
    engine: PlainEngine, batch: Batch
) -> None:
    before = [part.detach().clone() for part in engine.network.parameters()]
    engine.step(batch, 1, 0.5)
    for part, start in zip(engine.network.parameters(), before, strict=True):
        assert part.grad is not None
        torch.testing.assert_close(part.detach(), start - 0.5 * 0.05 * part.grad)


def test_losses_are_told_once_each_before_their_weights_moved(engine: PlainEngine, batch: Batch) -> None:
    with torch.no_grad():
        untrained = engine.network(torch.from_numpy(batch.noisy))
    for step in (1, 2):
        engine.step(batch, step, 1.0)
    first, second = engine.losses()
    assert first == pytest.approx(float(((untrained - torch.from_numpy(batch.target)) ** 2).mean()))
    assert second < first
    assert engine.losses() == []


def test_a_restart_brings_back_weights_that_were_kept_and_is_gentler(
    engine: PlainEngine, batch: Batch
) -> None:
    kept = weights_of(engine)
    engine.step(batch, 1, 1.0)
    assert any((kept[name] != value).any() for name, value in weights_of(engine).items())
    assert engine.restart(kept, 1) == pytest.approx(0.05 / GENTLER)
    assert all((kept[name] == value).all() for name, value in weights_of(engine).items())


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without a GPU")
def test_without_a_gpu_it_says_why_and_torch_takes_its_place() -> None:
    assert available() == "no NVIDIA GPU"
    pairs = PatchPairs(
        [Micrograph(images(1, 256, 256)[1][0, 0].numpy(), 1.0, "m")], None, PatchSettings(patch=64, stride=64)
    )
    small = BaselineSettings(validation_pairs=2, epochs=1)
    (started,) = [one for one in train_on_pairs(pairs, small) if isinstance(one, TrainingStarted)]
    assert started.warnings == ("computed with torch: the fused step needs an NVIDIA GPU",)
    with pytest.raises(SettingsError, match="S02  engine = fused cannot be used: the fused step needs"):
        list(train_on_pairs(pairs, BaselineSettings(validation_pairs=2, engine="fused")))


def test_a_plain_step_is_in_the_number_format_that_is_told(
    engine: PlainEngine, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def forward(noisy: torch.Tensor) -> torch.Tensor:
        asked.append(torch.backends.cudnn.allow_tf32)
        return noisy

    monkeypatch.setattr(engine.network, "forward", forward)
    with pytest.raises(RuntimeError, match="grad"):
        engine.step(batch, 1, 1.0)
    assert asked == [False]

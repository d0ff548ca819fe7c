"""The fused training step against float64: on a GPU, and its source on an emulated one."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cryoden.denoising import denoise
from cryoden.events.batch import MicrographDenoised
from cryoden.events.training import StepFinished, TrainingStarted
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.workflow import train_on_pairs
from cryoden.kernels.fused_baseline import PITCH, SOURCE, WEIGHTS, FusedBaseline, available
from cryoden.micrograph import Micrograph
from cryoden.model.checkpoint import Model
from cryoden.model.networks import Baseline
from cryoden.settings.baseline import BaselineSettings, Engine, PatchSettings
from cryoden.settings.denoising import DenoisingSettings
from tests.cryoden.compute.disks import images
from tests.cryoden.kernels.emulated import HERE, compiled

GPU = torch.device("cuda")
SIZES = [(4, 256, 256), (3, 70, 131), (1, 1, 1), (2, 61, 300), (1, 513, 60)]
needs_gpu = pytest.mark.skipif(bool(available()), reason=f"needs an NVIDIA GPU: {available()}")


def network(seed: int = 0) -> Baseline:
    torch.manual_seed(seed)
    return Baseline()


def exact(net: nn.Sequential, noisy: Tensor, target: Tensor) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Gradients, loss and output in float64."""
    double = Baseline().double()
    double.load_state_dict(net.state_dict())
    output = double(noisy.double())
    loss = functional.mse_loss(output, target.double())
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    found = {name: value.grad for name, value in double.named_parameters() if value.grad is not None}
    return found, loss.detach(), output.detach()


def distance(found: Tensor, expected: Tensor) -> float:
    return float((found.double().cpu() - expected).norm() / expected.norm())


@pytest.fixture(scope="module")
def emulated() -> ctypes.CDLL:
    return compiled(SOURCE, HERE / "emulate_gpu.cpp")


@pytest.mark.parametrize(
    ("shape", "blocks"), [((1, 7, 9), 1), ((1, 1, 1), 1), ((2, 13, 70), 3), ((1, 5, 125), 2)]
)
def test_its_source_computes_loss_gradients_and_output_of_any_size(
    emulated: ctypes.CDLL, shape: tuple[int, int, int], blocks: int
) -> None:
    net, (noisy, target) = network(), images(*shape)
    flat = torch.cat([value.detach().reshape(-1) for value in net.parameters()])
    sums = torch.full((blocks, PITCH), float("nan"))
    found, loss, output = (
        torch.full((WEIGHTS,), float("nan")),
        torch.zeros(1),
        torch.full_like(noisy, float("nan")),
    )
    noisy_at, target_at, flat_at, sums_at, found_at, loss_at, output_at = (
        ctypes.c_void_p(tensor.data_ptr()) for tensor in (noisy, target, flat, sums, found, loss, output)
    )
    emulated.run_train(blocks, noisy_at, target_at, flat_at, sums_at, *shape)
    pixels = ctypes.c_float(noisy.numel())
    emulated.run_reduce(sums_at, blocks, flat_at, found_at, loss_at, ctypes.c_float(0), pixels)
    emulated.run_denoise(blocks, noisy_at, flat_at, output_at, *shape)
    gradients, expected, denoised = exact(net, noisy, target)
    assert distance(found, torch.cat([value.reshape(-1) for value in gradients.values()])) < 1e-3
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)
    assert distance(output, denoised) < 1e-5


@needs_gpu
@pytest.mark.parametrize("shape", SIZES)
def test_gradients_loss_and_output_are_those_of_float64(shape: tuple[int, int, int]) -> None:
    net, (noisy, target) = network(), images(*shape)
    fused = FusedBaseline(net, GPU)
    found, loss = fused.gradients(noisy.to(GPU), target.to(GPU))
    gradients, expected, denoised = exact(net, noisy, target)
    assert {name: distance(found[name], value) < 1e-3 for name, value in gradients.items()} == dict.fromkeys(
        gradients, True
    )
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)
    assert distance(fused.forward(noisy.to(GPU)), denoised) < 1e-5


@needs_gpu
def test_the_same_batches_give_the_same_bits() -> None:
    batches = [images(3, 200, 333, seed=s) for s in range(4)]

    def trained() -> Tensor:
        fused = FusedBaseline(network(3), GPU)
        for step in range(40):
            noisy, target = batches[step % 4]
            fused.step(noisy.to(GPU), target.to(GPU), 1e-2)
        return torch.cat([fused.losses(), *(value.flatten() for value in fused.weights().values())])

    assert torch.equal(trained(), trained())


@needs_gpu
def test_a_run_of_the_experiment_follows_float32_within_a_percent() -> None:
    """Of the same stream, over an epoch."""
    _, smooth = images(4, 1024, 1024)
    scenes = [Micrograph(one[0].numpy(), 1.0, "m") for one in smooth]
    pairs = PatchPairs(scenes, None, PatchSettings(patch=128, stride=56))
    curves = {}
    engines: tuple[Engine, ...] = ("torch", "fused")
    for engine in engines:
        settings = BaselineSettings(device="cuda", epochs=1, learning_rate=0.02, engine=engine)
        events = list(train_on_pairs(pairs, settings))
        (started,) = [event for event in events if isinstance(event, TrainingStarted)]
        assert started.precision == {"torch": "float32", "fused": "fused"}[engine]
        curves[engine] = np.array([event.loss for event in events if isinstance(event, StepFinished)])
    assert len(curves["fused"]) > 200
    np.testing.assert_allclose(curves["fused"], curves["torch"], rtol=0.01)


@needs_gpu
def test_it_denoises_as_torch_does() -> None:
    noisy, _ = images(1, 700, 500)
    weights = {name: value.numpy() for name, value in network().state_dict().items()}
    model = Model("baseline", weights, 1.0, scale="positive")

    def denoised(precision: Any, device: Any) -> Any:
        settings = DenoisingSettings(device=device, precision=precision)
        done = denoise.denoise(Micrograph(noisy[0, 0].numpy(), 1.0, "m"), model, settings)
        return next(one.micrograph.data for one in done if isinstance(one, MicrographDenoised))

    expected = denoised("float32", "cpu")
    np.testing.assert_allclose(denoised("auto", "cuda"), expected, atol=1e-4 * np.abs(expected).max())


def test_another_network_is_refused() -> None:
    with pytest.raises(ValueError, match="only the baseline"):
        FusedBaseline(nn.Sequential(nn.Conv2d(1, 8, 3)), torch.device("cpu"))

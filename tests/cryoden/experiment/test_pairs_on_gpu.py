"""Batches whose noise is made on a GPU are those that a processor makes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from cryoden.experiment import pairs_on_gpu
from cryoden.experiment.pair_grid import divided
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.pairs_on_gpu import ResidentPairs, StreamedPairs, recipe, training_batches
from cryoden.experiment.training_pairs import TrainingPairs
from cryoden.kernels.noisy_pairs import available
from cryoden.micrograph import Micrograph
from cryoden.sampling.source import Batches
from cryoden.sampling.stream import Stream
from cryoden.settings.baseline import BaselineSettings, PatchSettings
from tests.cryoden.kernels.emulated_pairs import EmulatedPairs, compiled
from tests.cryoden.scenes import scene

GPU, CPU = torch.device("cuda"), torch.device("cpu")
needs_gpu = pytest.mark.skipif(bool(available(GPU)), reason=f"needs an NVIDIA GPU: {available(GPU)}")


def made(**chosen: object) -> tuple[PatchPairs, TrainingPairs]:
    known = PatchSettings(**({"patch": 64, "stride": 32} | chosen))  # type: ignore[arg-type]
    pairs = PatchPairs([scene(seed).even for seed in (1, 2, 3)], None, known)
    settings = BaselineSettings(batch=5, fresh=True, seed=3)
    return pairs, TrainingPairs(pairs, divided(pairs.grid, 4)[0], settings)


def steps(source: TrainingPairs, epochs: int = 2) -> Iterator[tuple[int, int]]:
    return ((1 + step // source.steps, 1 + step) for step in range(epochs * source.steps))


def copies(batches: Batches, source: TrainingPairs) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [
        (torch.as_tensor(one.noisy).cpu().clone(), torch.as_tensor(one.target).cpu().clone())
        for one in batches.batches(steps(source))
    ]


CHOSEN: list[dict[str, object]] = [
    {},
    {"poisson": 0.0, "scale": "z-score"},
    {"clip": False, "gaussian": 0.0, "patch": 63, "noise_seed": 4},
]


def compare(chosen: dict[str, object], device: torch.device) -> None:
    pairs, source = made(**chosen)
    used = sorted({pairs.grid.place(int(index))[0] for index in source.order(1)})
    wanted = copies(Stream(source, 2, CPU), source)
    for kind in (ResidentPairs, StreamedPairs):
        found = copies(kind(pairs, source, device, 2, used), source)
        assert len(found) == len(wanted) == 2 * source.steps
        for one, other in zip(found, wanted, strict=True):
            assert all(map(torch.equal, one, other))


@pytest.mark.parametrize("chosen", CHOSEN)
def test_resident_and_streamed_micrographs_give_the_batches_of_the_processor(
    chosen: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the kernel's own source, on an emulated GPU."""
    library = compiled()
    monkeypatch.setattr(pairs_on_gpu, "NoisyPairs", lambda recipe, _: EmulatedPairs(library, recipe))
    compare(chosen, CPU)


@needs_gpu
@pytest.mark.parametrize("chosen", CHOSEN)
def test_a_gpu_gives_the_batches_of_the_processor(chosen: dict[str, object]) -> None:
    compare(chosen, GPU)


@needs_gpu
def test_micrographs_lie_on_the_gpu_where_they_fit() -> None:
    assert isinstance(training_batches(*made(), GPU, 2), ResidentPairs)


def test_without_a_gpu_pairs_are_made_by_threads() -> None:
    assert isinstance(training_batches(*made(), CPU, 2), Stream)


def test_the_recipe_of_the_gpu_is_that_of_the_settings() -> None:
    assert recipe(made()[0]).clip
    assert not recipe(made(poisson=0.0, scale="z-score")[0]).clip
    assert recipe(made(poisson=40.0, noise_seed=9)[0]).seed == 9


def test_a_scale_is_measured_with_the_pixels() -> None:
    one = Micrograph(np.random.default_rng(0).normal(10, 2, (128, 96)).astype(np.float32), 1.0, "m")
    pairs, other = (PatchPairs([one], None, PatchSettings(patch=64, stride=64)) for _ in range(2))
    np.testing.assert_array_equal(pairs.whole(0), one.data)
    assert pairs.scale(0) == other.scale(0)

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from cryoden.micrograph import Micrograph, Pixels
from cryoden.sampling.holdout import Region, TrainingPair
from cryoden.sampling.patches import PatchSource
from cryoden.sampling.resident_patches import ResidentPatches, nbytes, resident
from cryoden.sampling.stream import Stream
from tests.cryoden.scenes import scene

CPU = torch.device("cpu")
SHAPES = (96, 128), (80, 64), (130, 101)
STEPS = [(1, step) for step in range(1, 13)]


def source(*, swap: bool) -> PatchSource:
    pairs = [scene(seed, shape).pair for seed, shape in enumerate(SHAPES)]
    regions = [
        Region(pair, 0, 3, height, width - 3) for pair, (height, width) in zip(pairs, SHAPES, strict=True)
    ]
    return PatchSource(regions, 48, 7, swap=swap, size=5)


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("share", [(0, 1), (0, 2), (1, 2)])
def test_patches_cut_where_micrographs_lie_have_the_same_bits_as_those_drawn_from_files(
    swap: bool, share: tuple[int, int]
) -> None:
    drawn = source(swap=swap)
    found, wanted = ResidentPatches(drawn, CPU, share), Stream(drawn, 2, CPU, share=share)
    for one, other in zip(found.batches(STEPS), wanted.batches(STEPS), strict=True):
        assert np.array_equal(one.noisy.numpy(), other.noisy)
        assert np.array_equal(one.target.numpy(), other.target)


def part(image: Pixels) -> PatchSource:
    pair = TrainingPair(*(Micrograph(image + side, 1.0, "m") for side in (0, 1)))
    return PatchSource([Region(pair, 0, 0, *image.shape)], 32, 0, swap=True)


def test_where_a_square_is_blank_patches_are_not_cut_so() -> None:
    image = np.random.default_rng(0).standard_normal((96, 96), dtype=np.float32)
    assert ResidentPatches(part(image), CPU).is_full
    image[41:57, 30:46] = 0.5  # in no square of the grid they begin in
    assert not ResidentPatches(part(image), CPU).is_full


def test_a_processor_gains_nothing_by_it() -> None:
    assert resident(source(swap=True), CPU) is None


def test_a_micrograph_of_several_regions_counts_once() -> None:
    image: Tensor = torch.zeros(96, 96)
    pair = part(image.numpy()).regions[0].pair
    regions = [Region(pair, top, 0, 48, 96) for top in (0, 48)]
    assert nbytes(PatchSource(regions, 32, 0, swap=True)) == 2 * 4 * 96 * 96


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_on_a_gpu_they_have_the_same_bits_too() -> None:
    device, drawn = torch.device("cuda"), source(swap=True)
    found = resident(drawn, device)
    assert found is not None
    for one, other in zip(found.batches(STEPS), Stream(drawn, 2, CPU).batches(STEPS), strict=True):
        assert np.array_equal(one.noisy.cpu().numpy(), other.noisy)
        assert np.array_equal(one.target.cpu().numpy(), other.target)

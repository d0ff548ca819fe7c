"""Convolutions in one kernel with what follows: their source on an emulated GPU, and on a real one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from cryoden.kernels import nvrtc
from cryoden.model.float16_layers import LAST, ROWS, SOURCE, Layers, arranged, by_parity, name, shared
from tests.cryoden.model.emulated_layers import compiled

CPU, GPU = torch.device("cpu"), torch.device("cuda")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
INNER = sorted(ROWS.keys() - {LAST})
SHAPES = [(6, 10), (18, 34), (34, 70)]  # px; within a tile, and beyond it in part
GIVEN = {(24, 24): 48, (48, 48): 96}  # channels of coarse features


@pytest.fixture(scope="module")
def emulated() -> Layers:
    return compiled()


def image(channels: int, *shape: int, seed: int = 0) -> Tensor:
    """Return an image as networks have it on a GPU."""
    values = torch.randn(1, channels, *shape, generator=torch.Generator().manual_seed(seed))
    return values.half().contiguous(memory_format=torch.channels_last)


def weights(*shape: int) -> Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def far(found: Tensor, wanted: Tensor) -> float:
    return float((found.cpu().double() - wanted).abs().max() / wanted.abs().max())


def check_layer(
    layers: Layers, channels: tuple[int, int], shape: tuple[int, int], device: torch.device
) -> None:
    given, made = channels
    features, weight, bias = image(given, *shape), weights(made, given, 3, 3), weights(made)
    found = image(made, *shape, seed=2).to(device)
    fixed = features.to(device), arranged(weight).to(device)
    layers.launch(channels, *fixed, None, bias.to(device), found, *shape)
    wanted = functional.conv2d(features.double(), weight.half().double(), bias.double(), padding=1)
    assert far(found, functional.leaky_relu(wanted, 0.1)) < 2e-3


def check_joint(
    layers: Layers, channels: tuple[int, int], shape: tuple[int, int], device: torch.device
) -> None:
    given, made = channels
    coarser = GIVEN[channels]
    fine, coarse = image(given, *shape), image(coarser, *(side // 2 for side in shape), seed=3)
    weight, of_coarse, bias = weights(made, given, 3, 3), weights(coarser, made, 4, 4), weights(made)
    added = functional.conv2d(coarse.float(), by_parity(of_coarse), padding=1).half()
    added = added.contiguous(memory_format=torch.channels_last)
    found = torch.empty_like(image(made, *shape)).to(device)
    given_ = (one.to(device) for one in (fine, arranged(weight), added, bias))
    layers.launch(channels, *given_, found, *shape)
    wanted = functional.conv2d(fine.double(), weight.half().double(), bias.double(), padding=1)
    wanted += functional.conv_transpose2d(coarse.double(), of_coarse.double(), stride=2, padding=1)
    assert far(found, functional.leaky_relu(wanted, 0.1)) < 2e-3


def check_last(layers: Layers, shape: tuple[int, int], device: torch.device) -> None:
    features, weight, bias = image(24, *shape), weights(1, 24, 3, 3), weights(1)
    before = torch.randn(1, 1, *shape, generator=torch.Generator().manual_seed(4))
    padded = functional.pad(weight, (0, 0, 0, 0, 0, 0, 0, 7))
    found = before.clone().to(device)
    layers.launch(LAST, features.to(device), arranged(padded).to(device), bias.to(device), found, *shape)
    added = functional.conv2d(features.double(), weight.half().double(), bias.double(), padding=1)
    assert far(found, before.double() + added) < 1e-5


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("channels", INNER)
def test_a_layer_is_convolution_bias_and_leaky_relu(
    emulated: Layers, channels: tuple[int, int], shape: tuple[int, int]
) -> None:
    check_layer(emulated, channels, shape, CPU)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("channels", GIVEN)
def test_coarse_features_are_added_as_by_a_transposed_convolution(
    emulated: Layers, channels: tuple[int, int], shape: tuple[int, int]
) -> None:
    check_joint(emulated, channels, shape, CPU)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_last_layer_is_added_to_what_was_there(emulated: Layers, shape: tuple[int, int]) -> None:
    check_last(emulated, shape, CPU)


@needs_gpu
def test_on_a_gpu_all_of_them_are_the_same() -> None:
    layers = Layers(GPU)
    for shape in (*SHAPES, (300, 420)):
        for channels in INNER:
            check_layer(layers, channels, shape, GPU)
        for channels in GIVEN:
            check_joint(layers, channels, shape, GPU)
        check_last(layers, shape, GPU)


def test_all_kernels_are_in_the_source_with_the_rows_that_are_launched() -> None:
    source = (nvrtc.PACKAGES / SOURCE).read_text()
    assert all(f"LAYER({given}, {made}, {ROWS[given, made]}, " in source for given, made in INNER)
    assert f"{name(LAST)}(" in source


def test_a_block_fits_into_the_shared_memory_of_every_gpu_with_such_instructions() -> None:
    assert max(map(shared, ROWS)) <= 99 << 10

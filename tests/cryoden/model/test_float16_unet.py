"""The U-Net in float16: the source of its kernels on an emulated GPU, and all of it on a real one."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor

from cryoden.kernels import nvrtc
from cryoden.model import float16_unet
from cryoden.model.float16_layers import Layers
from cryoden.model.float16_unet import NAMES, SOURCE, Float16UNet, Kernels, quick
from cryoden.model.networks import UNet
from tests.cryoden.kernels import emulated_passes
from tests.cryoden.kernels.emulated import compiled as emulated_source
from tests.cryoden.kernels.emulated import places
from tests.cryoden.model.emulated_layers import compiled

GPU = torch.device("cuda")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


class Emulated:
    """The kernels' own source, run on the processor."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library

    def launch(self, name: str, work: int, *arguments: Tensor | int | None) -> None:
        assert work
        getattr(self._library, name)(*places(arguments))


@pytest.fixture(scope="module")
def emulated() -> Kernels:
    source = Path(__file__).with_name("emulate_float16.cpp")
    library = emulated_source(SOURCE, source)
    return cast("Kernels", Emulated(library))


@pytest.fixture(scope="module")
def layers() -> Layers:
    return compiled()


def network(widths: Sequence[int]) -> UNet:
    torch.manual_seed(0)
    made = UNet(widths).eval()
    for values in made.parameters():
        torch.nn.init.normal_(values, std=0.1)
    return made


def noisy(height: int, width: int) -> Tensor:
    return torch.randn(1, 1, height, width, generator=torch.Generator().manual_seed(1))


def distance(found: Tensor, wanted: Tensor) -> float:
    return float((found.cpu() - wanted).std() / wanted.std())


@pytest.mark.parametrize(
    ("widths", "shape"), [((8, 16), (6, 10)), ((8, 24, 16), (20, 12)), ((16, 8), (8, 12))]
)
def test_the_source_of_its_kernels_makes_what_the_network_makes(
    emulated: Kernels, widths: Sequence[int], shape: tuple[int, int]
) -> None:
    made = network(widths)
    with torch.inference_mode():
        found, wanted = Float16UNet(made, emulated, None)(noisy(*shape)), made(noisy(*shape))
    assert distance(found, wanted) < 3e-3


def test_its_starlet_bands_in_one_pass_each_are_those_of_the_network(
    emulated: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, own = network((16, 8)), emulated_passes.compiled()
    torch.nn.init.zeros_(made.last.weight)  # so that only the linear filter says something
    with torch.inference_mode():
        wanted = made(noisy(40, 52))
        monkeypatch.setattr(float16_unet, "passes_for", lambda _: own)
        found = Float16UNet(made, emulated, None)(noisy(40, 52))
    assert distance(found, wanted) < 1e-6


@pytest.mark.parametrize("widths", [(24, 48, 48, 24), (24, 24), (8, 24, 48), (24, 8)])
def test_with_kernels_for_whole_layers_it_makes_the_same(
    emulated: Kernels, layers: Layers, widths: Sequence[int]
) -> None:
    made, image = network(widths), noisy(24, 40)
    with torch.inference_mode():
        wanted, float16 = made(image), Float16UNet(made, emulated, layers)
        with torch.autocast("cpu", dtype=torch.bfloat16):  # as it is called
            found = float16(image)
    assert found.dtype is torch.float32
    assert distance(found, wanted) < 3e-3


def test_changed_weights_are_taken(emulated: Kernels) -> None:
    made = network((8, 16))
    float16 = Float16UNet(made, emulated, None)
    for values in made.parameters():
        torch.nn.init.normal_(values, std=0.1)
    float16.take()
    with torch.inference_mode():
        assert distance(float16(noisy(6, 10)), made(noisy(6, 10))) < 3e-3


@needs_gpu
def test_on_a_gpu_it_makes_what_the_network_makes() -> None:
    made, image = network((24, 48, 96)), noisy(256, 384)
    with torch.inference_mode():
        wanted = made(image)
    float16 = quick(made.to(GPU), GPU)
    assert float16 is not None
    with torch.inference_mode():
        assert distance(float16(image.to(GPU)), wanted) < 3e-3


def test_what_has_no_such_kernels_is_left_as_it_is() -> None:
    assert quick(network((8, 16)), torch.device("cpu")) is None


def test_all_kernels_are_in_the_source() -> None:
    assert all(f"void {name}(" in (nvrtc.PACKAGES / SOURCE).read_text() for name in NAMES)

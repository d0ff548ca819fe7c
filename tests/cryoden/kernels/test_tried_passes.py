"""Passes are taken only where they give what torch gives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from cryoden.kernels import tried_passes
from cryoden.kernels.image_passes import NAMES
from cryoden.kernels.tried_passes import agree, passes, passes_for
from tests.cryoden.kernels.emulated_passes import EmulatedPasses, compiled

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def emulated() -> EmulatedPasses:
    return compiled()


MADE = {  # which of the tensors that a kernel is given it writes, where it is not the last one alone
    "score": (2, 3), "tighten": (1, 2), "filter_rings": (0,), "smooth": (1, 2), "restore": (-2, -1),
}  # fmt: skip


class Spoiled(EmulatedPasses):
    """As the other, but one of the tensors that one kernel makes is wrong."""

    def __init__(self, other: EmulatedPasses, spoiled: str, at: int) -> None:
        super().__init__(other._library)
        self._spoiled, self._at = spoiled, at

    def _launch(self, name: str, blocks: int, *arguments: Tensor | float | None) -> None:
        super()._launch(name, blocks, *arguments)
        if name == self._spoiled:
            [each for each in arguments if isinstance(each, Tensor)][self._at].mul_(2).add_(999)


@pytest.mark.parametrize("blocks", [1, 3, 300])
def test_all_of_them_agree_with_torch(blocks: int, emulated: EmulatedPasses) -> None:
    assert agree(EmulatedPasses(emulated._library, blocks), CPU)


@pytest.mark.parametrize(("name", "at"), [(name, at) for name in NAMES for at in MADE.get(name, (-1,))])
def test_where_one_is_wrong_none_is_taken(name: str, at: int, emulated: EmulatedPasses) -> None:
    assert not agree(Spoiled(emulated, name, at), CPU)


@pytest.mark.parametrize("odd", ["two numbers a pixel", "half as many bytes", "what is learned"])
def test_an_image_that_kernels_would_misread_is_left_to_torch(
    odd: str, emulated: EmulatedPasses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tried_passes, "passes", lambda _: emulated)
    image = torch.zeros(4, 4)
    assert passes_for(image) is emulated
    meant = {
        "two numbers a pixel": image.double(),
        "half as many bytes": image.half(),
        "what is learned": image.clone().requires_grad_(),
    }
    assert passes_for(meant[odd]) is None


def test_a_processor_has_none() -> None:
    assert passes(CPU) is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_gpu_has_them() -> None:
    assert passes(torch.device("cuda")) is not None

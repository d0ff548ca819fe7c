from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch
from torch import Tensor

from cryoden.image.tiling import within
from cryoden.model.networks import UNet
from cryoden.model.strips import ROWS, steps, striped


def network(widths: Sequence[int]) -> UNet:
    torch.manual_seed(0)
    made = UNet(widths).eval()
    for values in made.parameters():
        torch.nn.init.normal_(values, std=0.1)
    return made


def worked(of: UNet, noisy: Tensor, margin: int = 0) -> tuple[Tensor, int]:
    made = list[Tensor]()

    def parts() -> Iterator[None]:
        made.append((yield from striped(of, noisy, margin)))

    with torch.inference_mode():
        yields = len(list(parts()))
    return made[0], yields


@pytest.mark.parametrize("widths", [(5, 7), (4, 6, 8), (4, 6, 8, 10, 12)])
@pytest.mark.parametrize("height", [16, ROWS, ROWS + 16, 5 * ROWS + 48])
def test_strips_make_what_the_network_makes_of_the_whole(widths: Sequence[int], height: int) -> None:
    noisy = torch.randn(1, 1, height, 96, generator=torch.Generator().manual_seed(1))
    made = network(widths)
    found, _ = worked(made, noisy)
    with torch.inference_mode():
        wanted = made(noisy)
    assert (found - wanted).abs().max() < 1e-5 * wanted.std()


@pytest.mark.parametrize("margin", [16, 32, 64])
@pytest.mark.parametrize("widths", [(5, 7), (4, 6, 8), (4, 6, 8, 10, 12)])
def test_without_a_margin_they_make_the_middle_of_the_same(widths: Sequence[int], margin: int) -> None:
    noisy = torch.randn(1, 1, 2 * ROWS + 80, 240, generator=torch.Generator().manual_seed(1))
    made = network(widths)
    found, _ = worked(made, noisy, margin)
    with torch.inference_mode():
        wanted = within(made(noisy), margin)
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() < 1e-5 * wanted.std()


def test_it_says_beforehand_how_often_it_can_be_stopped() -> None:
    made = network((4, 6, 8))
    _, yields = worked(made, torch.randn(1, 1, 32, 32))
    assert yields + 1 == steps(made)


def test_a_number_format_is_that_of_the_caller() -> None:
    noisy = torch.randn(1, 1, ROWS + 32, 64, generator=torch.Generator().manual_seed(1))
    made = network((4, 6, 8))
    with torch.autocast("cpu", torch.bfloat16):
        found, _ = worked(made, noisy)
    with torch.inference_mode():
        wanted = made(noisy)
    difference = (found.float() - wanted).std() / wanted.std()
    assert 1e-5 < difference < 0.02

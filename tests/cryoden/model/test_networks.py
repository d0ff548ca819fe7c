from __future__ import annotations

import numpy as np
import pytest
import torch

from cryoden.errors import ModelFileError
from cryoden.model.checkpoint import Model
from cryoden.model.networks import WIDTHS, Baseline, Network, SmoothingScales, UNet, build, loaded


def alive(network: Network) -> Network:
    """Give every weight a value, so that nothing is hidden behind a zero."""
    with torch.no_grad():
        for values in network.parameters():
            values.add_(0.05 * torch.randn(values.shape, generator=torch.Generator().manual_seed(1)))
    return network


def test_the_baseline_network_has_2625_weights_in_three_convolutions() -> None:
    shapes = [tuple(p.shape) for p in Baseline().parameters() if p.dim() == 4]
    assert shapes == [(16, 1, 3, 3), (16, 16, 3, 3), (1, 16, 3, 3)]
    assert sum(p.numel() for p in Baseline().parameters()) == 2625


def test_the_unet_has_about_3_2_million_weights() -> None:
    assert 3.2e6 < sum(p.numel() for p in UNet().parameters()) < 3.3e6


@pytest.mark.parametrize("network", [Baseline(), UNet(), UNet((4, 4, 4, 4, 4)), UNet((4, 4))])
def test_no_result_looks_farther_than_the_halo(network: Network) -> None:
    alive(network)
    edge = 2 * network.halo + 64
    for shift in range(0, network.stride, max(1, network.stride // 4)):
        noisy = torch.randn(1, 1, rounded(edge), rounded(edge), requires_grad=True)
        at = rounded(edge) // 2 + shift
        network(noisy)[0, 0, at, at].backward()
        assert noisy.grad is not None
        seen = noisy.grad[0, 0].abs().sum(1).nonzero().flatten()
        assert at - int(seen.min()) <= network.halo
        assert int(seen.max()) - at <= network.halo


def rounded(edge: int) -> int:
    return -(-edge // 32) * 32


def test_smoothing_scales_add_up_to_the_image() -> None:
    image = torch.randn(2, 1, 64, 80)
    torch.testing.assert_close(SmoothingScales(4)(image).sum(1, keepdim=True), image)


def test_white_noise_has_unit_variance_in_every_whitened_band() -> None:
    scales = SmoothingScales(4)
    pixels = torch.randn(1, 1, 1024, 1024, generator=torch.Generator().manual_seed(0))
    spread = scales.whitened(scales(pixels)).std(dim=(0, 2, 3))
    torch.testing.assert_close(spread, torch.ones(5), atol=0.15, rtol=0)


def test_a_fresh_unet_is_its_linear_filter() -> None:
    network = build("unet", 3)
    assert isinstance(network, UNet)
    torch.nn.init.normal_(network.linear.gains)
    noisy = torch.randn(1, 1, 96, 96)
    torch.testing.assert_close(network(noisy), network.linear(noisy))


def test_the_same_seed_builds_the_same_weights_and_moves_no_other_random_state() -> None:
    before = torch.get_rng_state()
    one, two, other = build("unet", 7), build("unet", 7), build("unet", 8)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not torch.equal(one.down[0][0].weight, other.down[0][0].weight)  # type: ignore[union-attr,index]  # a U-Net


def test_a_model_of_another_network_is_refused_with_its_first_difference() -> None:
    weights = {name: value.numpy() for name, value in Baseline().state_dict().items()}
    with pytest.raises(
        ModelFileError, match=r"M06 .*does not fit the network UNet.*Choose the network baseline"
    ):
        loaded(UNet(), Model("baseline", weights, 1.0))


@pytest.mark.parametrize("widths", [WIDTHS, (8, 12, 16, 20, 24)])
def test_a_loaded_network_computes_what_the_saved_one_computed(widths: tuple[int, ...]) -> None:
    network = alive(UNet(widths))
    weights = {name: value.numpy().copy() for name, value in network.state_dict().items()}
    noisy = torch.randn(1, 1, 64, 64)
    model = Model("unet", weights, None)
    again = loaded(build("unet", 1, model), model)
    assert np.array_equal(network(noisy).detach().numpy(), again(noisy).detach().numpy())


def test_building_a_network_moves_no_other_random_numbers_not_even_those_of_gpus() -> None:
    state, told = torch.random.get_rng_state(), torch.cuda._lazy_seed_tracker
    before = told.manual_seed_all_cb, told.manual_seed_cb  # what GPUs will be told once they are used
    build("unet", 3)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert (told.manual_seed_all_cb, told.manual_seed_cb) == before

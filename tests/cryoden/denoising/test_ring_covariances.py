"""What images share, ring by ring."""

from __future__ import annotations

import numpy as np
import torch

from cryoden.denoising.ring_covariances import measured, usual


def white(seed: int, height: int = 300, width: int = 400) -> torch.Tensor:
    return torch.randn(height, width, generator=torch.Generator().manual_seed(seed))


def test_white_noise_has_its_variance_in_every_ring_and_shares_none_with_other_noise() -> None:
    found = measured(torch.stack([white(1), 2 * white(2)])[:, None])
    error = 5 / np.sqrt(found.number)
    assert (np.abs(found.power[0, 0] - 1) < error).all()
    assert (np.abs(found.power[1, 1] - 4) < 4 * error).all()
    assert (np.abs(found.power[0, 1]) < 2 * error).all()


def test_the_number_of_coefficients_says_how_far_a_mean_strays() -> None:
    """The spread of many measurements is what the number promises."""
    many = np.array([measured(white(seed, 128, 128)[None, None]).power[0, 0] for seed in range(60)])
    number = measured(white(0, 128, 128)[None, None]).number
    promised = np.sqrt(1 / number)
    assert 0.8 < np.median(many.std(axis=0) / promised) < 1.25


def test_a_bright_spot_does_not_drown_the_rest() -> None:
    image = white(3)
    spoiled = image.clone()
    spoiled[40:80, 60:110] += 60 * white(4, 40, 50)
    clean, weighed, plain = (
        measured(one[None, None], weight).power[0, 0].mean()
        for one, weight in ((image, None), (spoiled, usual(spoiled)), (spoiled, None))
    )
    assert abs(weighed - clean) < 0.15 * clean
    assert plain > 10 * clean


def test_a_bright_crystal_does_not_move_the_mean_the_rest_is_seen_about() -> None:
    image = white(3)
    spoiled = image.clone()
    spoiled[40:180, 60:210] += 60
    clean, weighed = (measured(one[None, None], usual(one)).power[0, 0] for one in (image, spoiled))
    np.testing.assert_allclose(weighed[20:].mean(), clean[20:].mean(), rtol=0.1)
    assert weighed[:5].mean() < 2 * clean[:5].mean()

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cryoden.model.place import Place


@pytest.mark.parametrize("number_format", [torch.float32, torch.bfloat16])
def test_a_prediction_is_float32_whatever_the_network_computes_in(number_format: torch.dtype) -> None:
    network, image = nn.Conv2d(1, 1, 3), torch.rand(1, 1, 16, 16)
    predicted = Place(torch.device("cpu"), number_format).predict(network, image)
    exact = network(image)
    assert predicted.dtype is torch.float32
    assert torch.equal(predicted, exact) == (number_format is torch.float32)
    torch.testing.assert_close(predicted, exact, rtol=0, atol=0.05)


def test_patches_arrive_as_they_were_sent() -> None:
    noisy, target = np.random.default_rng(0).normal(size=(2, 3, 1, 8, 8)).astype(np.float32)
    first, second = Place(torch.device("cpu"), torch.float32).sent(noisy, target)
    assert np.array_equal(first.numpy(), noisy)
    assert np.array_equal(second.numpy(), target)

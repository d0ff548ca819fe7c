from __future__ import annotations

import numpy as np
import torch
from torch import nn

from cryoden.denoising.adapting import adapted_to
from cryoden.denoising.denoise import Denoiser, finished
from cryoden.micrograph import Micrograph
from cryoden.model.checkpoint import Model
from cryoden.model.conditioning import ConditionedUNet
from cryoden.settings.denoising import DenoisingSettings
from tests.cryoden.scenes import scene

CPU = DenoisingSettings(device="cpu", ice_ring=False, ring_gains=False)


def following() -> Model:
    """Return a model whose answer depends on what it knows of a micrograph."""
    torch.manual_seed(0)
    network = ConditionedUNet((4, 6))
    for parameter in network.parameters():
        nn.init.normal_(parameter, 0, 0.1)
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    return Model("unet", weights, 1.5, working_pixel=3.0)


def micrograph(seed: int, signal: float = 1.0) -> Micrograph:
    shown = scene(seed, (512, 512)).even.data
    noise = np.random.default_rng(seed).standard_normal(shown.shape, np.float32)
    return Micrograph(signal * shown + noise, 1.5, "m")


def test_a_model_adapted_to_a_micrograph_denoises_it_as_the_one_that_follows() -> None:
    model, one = following(), micrograph(0)
    plain = adapted_to([one], model, "cpu")
    expected, found = (finished(Denoiser(each, CPU).denoise(one)) for each in (model, plain))
    np.testing.assert_allclose(found.micrograph.data, expected.micrograph.data, atol=1e-3)
    assert set(plain.weights) < set(model.weights)


def test_other_micrographs_make_another_model() -> None:
    model = following()
    one, other = (adapted_to([micrograph(0, signal)], model, "cpu") for signal in (0.1, 3.0))
    assert not np.allclose(one.weights["last.weight"], other.weights["last.weight"])


def test_a_plain_model_stays_and_a_micrograph_that_cannot_be_read_is_left_out() -> None:
    model, one = following(), micrograph(0)
    plain = adapted_to([one], model, "cpu")
    assert adapted_to([one], plain, "cpu") is plain
    broken = Micrograph(np.full((512, 512), np.nan, np.float32), 1.5, "broken")
    with_it = adapted_to([one, broken], model, "cpu")
    assert all(np.array_equal(with_it.weights[name], plain.weights[name]) for name in plain.weights)
    assert adapted_to([broken], model, "cpu").weights.keys() == plain.weights.keys()

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from cryoden.errors import ModelFileError
from cryoden.model import checkpoint
from cryoden.model.checkpoint import Model
from cryoden.model.conditioning import KNOWN, ConditionedUNet, adapted, conditioned, unknown
from cryoden.model.networks import UNet, loaded

WIDTHS = (4, 6, 8)


def network(seed: int = 0) -> ConditionedUNet:
    """Return one whose every weight matters."""
    torch.manual_seed(seed)
    made = ConditionedUNet(WIDTHS)
    for parameter in made.parameters():
        nn.init.normal_(parameter, 0, 0.2)
    return made


def model(made: nn.Module) -> Model:
    weights = {name: value.detach().numpy() for name, value in made.state_dict().items()}
    return Model("unet", weights, 1.0, working_pixel=3.0)


def test_weights_adapted_to_what_is_known_do_what_the_conditioned_network_does() -> None:
    made, images, known = network(), torch.randn(3, 1, 32, 48), torch.randn(3, KNOWN)
    together = made(images, known)
    for image, numbers, expected in zip(images, known, together, strict=True):
        plain = UNet(WIDTHS)
        plain.load_state_dict(made.adapted(numbers))
        torch.testing.assert_close(plain(image[None])[0], expected, rtol=1e-3, atol=1e-3)


def test_a_conditioned_network_begins_as_the_plain_one_whatever_is_known() -> None:
    made, plain = ConditionedUNet(WIDTHS), UNet(WIDTHS)
    nn.init.normal_(plain.last.weight)
    made.load_state_dict(made.state_dict() | plain.state_dict())
    image = torch.randn(2, 1, 32, 32)
    torch.testing.assert_close(made(image, torch.randn(2, KNOWN)), plain(image))


def test_a_plain_model_is_adapted_to_nothing() -> None:
    plain = model(UNet(WIDTHS))
    assert conditioned(plain) is None
    assert adapted(plain, np.ones(KNOWN)) is plain


def test_a_conditioned_model_file_gives_another_plain_model_for_each_micrograph(tmp_path: Path) -> None:
    checkpoint.write(model(network()), tmp_path / "m.safetensors")
    read = checkpoint.load(tmp_path / "m.safetensors")
    two = [adapted(read, known) for known in (unknown(), np.ones(KNOWN))]
    outputs = [loaded(UNet(WIDTHS), each)(torch.ones(1, 1, 32, 32)) for each in two]
    assert not torch.allclose(*outputs)
    assert all(each.working_pixel == 3.0 and each.path == read.path for each in two)


@pytest.mark.parametrize("place", [0, KNOWN - 1])
def test_every_number_that_is_known_changes_the_weights(place: int) -> None:
    changed = unknown()
    changed[place] = 1
    one, other = (adapted(model(network()), known).weights for known in (unknown(), changed))
    assert all(not np.allclose(one[name], other[name]) for name in one if "weight" in name)


@pytest.mark.parametrize("damage", ["first.weight", "last.bias", "everything else"])
def test_weights_that_do_not_fit_together_are_refused(damage: str) -> None:
    whole = model(network()).weights
    if damage == "everything else":
        weights = {name: value for name, value in whole.items() if name.startswith("conditioning.")}
    else:
        weights = {**whole, f"conditioning.{damage}": np.zeros(3, np.float32)}
    with pytest.raises(ModelFileError, match="M06"):
        adapted(Model("unet", weights, 1.0), unknown())

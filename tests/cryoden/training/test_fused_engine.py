from __future__ import annotations

import pytest
import torch

from cryoden.compute.fused_baseline import available
from cryoden.errors import SettingsError
from cryoden.events.training import TrainingStarted
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.workflow import train_on_pairs
from cryoden.micrograph import Micrograph
from cryoden.settings.baseline import BaselineSettings, PatchSettings
from tests.cryoden.compute.disks import images


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without a GPU")
def test_without_a_gpu_it_says_why_and_torch_takes_its_place() -> None:
    assert available() == "no NVIDIA GPU"
    pairs = PatchPairs(
        [Micrograph(images(1, 256, 256)[1][0, 0].numpy(), 1.0, "m")], None, PatchSettings(patch=64, stride=64)
    )
    small = BaselineSettings(validation_pairs=2, epochs=1)
    (started,) = [one for one in train_on_pairs(pairs, small) if isinstance(one, TrainingStarted)]
    assert started.warnings == ("computed with torch: the fused step needs an NVIDIA GPU",)
    with pytest.raises(SettingsError, match="S02  engine = fused cannot be used: the fused step needs"):
        list(train_on_pairs(pairs, BaselineSettings(validation_pairs=2, engine="fused")))

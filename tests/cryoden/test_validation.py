from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cryoden.micrograph import Micrograph, Pixels
from cryoden.normalization import measure
from cryoden.optimization import Place
from cryoden.patches import PatchSource
from cryoden.regions import Region, TrainingPair
from cryoden.validation import Held, Score
from cryoden.working import WorkingMicrograph
from tests.cryoden.scenes import correlation, scene

PLACE = Place(torch.device("cpu"), torch.float32)


def held(pair: TrainingPair, left: int = 0) -> Held:
    height, width = pair.noisy.shape
    pair = TrainingPair(WorkingMicrograph(pair.noisy, 1.0), WorkingMicrograph(pair.target, 1.0))
    return Held(PatchSource([Region(pair, 0, left, height, width - left)], 64, 0, swap=False))


class Answer(nn.Module):
    """A network that gives known pixels, patch by patch."""

    def __init__(self, patches: list[Pixels]) -> None:
        super().__init__()
        self.patches = patches

    def forward(self, noisy: Tensor) -> Tensor:
        return torch.from_numpy(self.patches.pop(0).copy())[None, None].expand_as(noisy)


def test_scores_are_those_of_the_pixels() -> None:
    known = scene(3, (192, 256))
    score = held(known.pair).judge(nn.Identity(), PLACE)
    even, odd = (measure(half).apply(half.data) for half in (known.even, known.odd))
    assert score.loss == pytest.approx(float(np.square(even - odd).mean()), rel=1e-5)
    assert score.correlation == pytest.approx(correlation(even, odd), abs=1e-6)
    assert score.power == pytest.approx(float(even.var()), rel=1e-5)


def test_a_perfect_denoiser_reaches_the_floor_even_on_uneven_ground() -> None:
    """The floor must hold where the held-out part is darker than the rest of the micrograph."""
    known = scene(4, (256, 512), signal=0.5)
    slope = np.linspace(0, 8, 512, dtype=np.float32)[None]
    even, odd = (Micrograph(half.data + slope, 1.0, half.name) for half in (known.even, known.odd))
    judged = held(TrainingPair(even, odd), left=384)
    scale = measure(odd)
    truth = scale.apply((100 + 10 * known.clean + slope).astype(np.float32))[:, 384:]
    patches = [truth[r : r + 64, c : c + 64] for r in range(0, 256, 64) for c in range(0, 128, 64)]
    perfect = judged.judge(Answer(patches), PLACE)
    filtered = judged.judge(nn.Identity(), PLACE)
    floor = judged.references(filtered, PLACE, "noise2noise").floor
    assert floor == pytest.approx(perfect.loss, abs=4 / np.sqrt(256 * 128))


def test_an_output_of_a_tenth_of_the_linear_filters_power_has_not_fallen_and_less_has() -> None:
    linear = Score(0.9, 0.3, 0.1, 0.1)
    assert not Score(1.0, 0.0, 0.011, 0.0).has_fallen(linear)
    assert Score(1.0, 0.0, 0.009, 0.0).has_fallen(linear)

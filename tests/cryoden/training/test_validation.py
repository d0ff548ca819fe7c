from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cryoden.evaluation.bands import agreement_by_band
from cryoden.events.training import Mode
from cryoden.image.normalization import measure
from cryoden.image.spectra import Band
from cryoden.micrograph import Micrograph, Pixels
from cryoden.model.place import Place
from cryoden.sampling.holdout import Region, TrainingPair
from cryoden.sampling.patches import PatchSource
from cryoden.training.validation import HeldOutSet
from cryoden.training.working_micrograph import WorkingMicrograph
from tests.cryoden.scenes import Known, correlation, scene

BAND = Band(40, 4)  # px
PLACE = Place(torch.device("cpu"), torch.float32)


def held(pair: TrainingPair, left: int = 0, mode: Mode = "noise2noise") -> HeldOutSet:
    height, width = pair.noisy.shape
    pair = TrainingPair(WorkingMicrograph(pair.noisy, 1.0), WorkingMicrograph(pair.target, 1.0))
    source = PatchSource([Region(pair, 0, left, height, width - left)], 64, 0, swap=False)
    particles = BAND if mode == "noise2noise" else None
    return HeldOutSet(source, mode, PLACE, source.batch(0, 64), 1.5, particles)


def scored(known: Known) -> tuple[Pixels, Pixels]:
    even, odd = (measure(half).apply(half.data) for half in (known.even, known.odd))
    return even, odd


class Answer(nn.Module):
    """A network that gives known pixels, patch by patch."""

    def __init__(self, patches: list[Pixels]) -> None:
        super().__init__()
        self.patches = patches

    def forward(self, noisy: Tensor) -> Tensor:
        return torch.from_numpy(self.patches.pop(0).copy())[None, None].expand_as(noisy)


class Scaled(nn.Module):
    def forward(self, noisy: Tensor) -> Tensor:
        return noisy / 2


class Blurred(nn.Module):
    """The mean of 8 × 8 pixels, on tiles that fit into a patch."""

    def forward(self, noisy: Tensor) -> Tensor:
        return functional.interpolate(functional.avg_pool2d(noisy, 8), scale_factor=8.0, mode="nearest")


def test_scores_are_those_of_the_pixels() -> None:
    known = scene(3, (192, 256))
    judged = held(known.pair)
    score = judged.judge(nn.Identity())
    even, odd = scored(known)
    assert score.loss == pytest.approx(float(np.square(even - odd).mean()), rel=1e-5)
    assert score.correlation == pytest.approx(correlation(even, odd), abs=1e-6)
    assert judged.references.identity == pytest.approx(score.loss, rel=1e-5)
    assert judged.references.r_half == score.correlation


def test_a_perfect_denoiser_reaches_the_floor_even_on_uneven_ground() -> None:
    """The floor must hold where the held-out part is darker than the rest of the micrograph."""
    known = scene(4, (256, 512), signal=0.5)
    slope = np.linspace(0, 8, 512, dtype=np.float32)[None]
    even, odd = (Micrograph(half.data + slope, 1.0, half.name) for half in (known.even, known.odd))
    judged = held(TrainingPair(even, odd), left=384)
    scale = measure(odd)
    truth = scale.apply((100 + 10 * known.clean + slope).astype(np.float32))[:, 384:]
    patches = [truth[r : r + 64, c : c + 64] for r in range(0, 256, 64) for c in range(0, 128, 64)]
    perfect = judged.judge(Answer(patches))
    assert judged.references.floor == pytest.approx(perfect.loss, abs=4 * judged.references.error)
    assert perfect.quality.bias == pytest.approx(0, abs=0.05)


def test_both_filters_help_and_neither_passes_the_floor() -> None:
    at = held(scene(5, (256, 256)).pair).references
    assert at.floor is not None
    assert at.floor < at.linear <= at.gaussian < at.constant < at.identity
    assert 1.5 < at.sigma < 9  # Å; a disk has a radius of 6 px
    assert abs(at.fine) < 0.1


def test_halving_an_image_takes_6_db_of_noise_and_a_quarter_of_the_signal() -> None:
    judged = held(scene(6, (256, 256)).pair)
    nothing, halved = judged.judge(nn.Identity()).quality, judged.judge(Scaled()).quality
    assert nothing.palovcak == pytest.approx(0, abs=1e-4)
    assert nothing.bias == pytest.approx(0, abs=1e-4)
    assert halved.palovcak == pytest.approx(6.02, abs=0.01)
    assert halved.bias == pytest.approx(0.25, abs=1e-3)
    assert halved.frc == pytest.approx(nothing.frc, abs=1e-4)
    assert halved.resolution == nothing.resolution == judged.references.resolution


def test_gain_and_bias_of_a_blur_are_what_the_truth_says() -> None:
    """White noise of 64 pixels averaged loses 18 dB; the bias is the signal's own change."""
    known = scene(7, (512, 512))
    told = held(known.pair).judge(Blurred()).quality
    blocks = known.clean.reshape(64, 8, 64, 8).mean((1, 3)).repeat(8, 0).repeat(8, 1)
    lost = np.square(blocks - known.clean).mean() / known.clean.var()
    assert told.palovcak == pytest.approx(18.06, abs=0.2)
    assert told.bias == pytest.approx(lost, abs=0.05)


def test_supervised_pairs_tell_no_gain() -> None:
    known = scene(8, (256, 256))
    judged = held(TrainingPair(known.even, Micrograph(known.clean, 1.5, "clean")), mode="supervised")
    quality = judged.judge(Blurred()).quality
    assert quality.palovcak is quality.bias is judged.references.floor is None
    assert quality.resolution is not None
    assert (quality.band, judged.references.band) == (None, None)


@pytest.mark.parametrize(("power", "collapsed"), [(0.001, True), (0.2, False)])
def test_an_output_far_weaker_than_the_linear_filters_has_fallen(power: float, collapsed: bool) -> None:
    """The filter passes about half of the signal's half of the power here."""

    class Faint(nn.Module):
        def forward(self, noisy: Tensor) -> Tensor:
            return noisy * math.sqrt(power)

    score = held(scene(9, (256, 256), signal=1.0).pair).judge(Faint())
    assert score.collapsed is collapsed
    assert (score.quality.palovcak is None) is collapsed


def test_an_output_beyond_all_numbers_is_scored_without_a_warning() -> None:
    class Mad(nn.Module):
        def forward(self, noisy: Tensor) -> Tensor:
            return noisy * 1e38 * 1e38

    score = held(scene(10, (256, 256)).pair).judge(Mad())
    assert not np.isfinite(score.loss)
    assert score.quality.band is None
    assert score.quality.palovcak is score.quality.resolution is None


def test_a_hurried_score_is_the_last_whole_one_moved_by_what_the_patches_seen_have_moved() -> None:
    judged = held(scene(3, (192, 256)).pair)
    whole = judged.judge(nn.Identity()).loss
    assert judged.judge(nn.Identity(), 0.0).loss == pytest.approx(whole, rel=1e-9)
    halved = judged.judge(Scaled()).loss
    judged.judge(nn.Identity())
    assert judged.judge(Scaled(), 0.0).loss == pytest.approx(halved, rel=0.1)


def test_a_network_is_judged_without_tensorfloat_32() -> None:
    class Asking(nn.Module):
        def forward(self, noisy: Tensor) -> Tensor:
            assert not torch.backends.cudnn.allow_tf32
            return noisy

    held(scene(3, (192, 256)).pair).judge(Asking())


def test_the_band_figure_is_the_correlation_with_the_other_half_in_the_band() -> None:
    """As an evaluation measures it, in one whole image by Fourier transform."""
    known = scene(11, (512, 512), signal=0.3)
    judged = held(known.pair)
    even, odd = scored(known)
    expected = agreement_by_band(even, odd, 1.0, [BAND]).correlation[0]
    assert judged.judge(nn.Identity()).quality.band == pytest.approx(expected, abs=0.03)
    at = judged.references.band
    assert at is not None
    assert at.identity == judged.judge(nn.Identity()).quality.band
    assert (at.coarse, at.fine) == (60, 6)  # Å


def test_the_references_have_what_filters_reach_in_the_band() -> None:
    judged = held(scene(5, (256, 256)).pair)
    at = judged.references.band
    assert at is not None
    assert at.identity < at.gaussian <= at.linear + 0.01 < 1


def test_amplitudes_leave_the_band_figure_as_it_is_and_detail_that_is_lost_does_not() -> None:
    judged = held(scene(6, (256, 256)).pair)
    nothing, halved, blurred = (
        judged.judge(made).quality.band for made in (nn.Identity(), Scaled(), Blurred())
    )
    assert halved == pytest.approx(nothing, abs=1e-6)
    assert blurred != pytest.approx(nothing, abs=0.01)


def test_a_hurried_band_figure_is_the_last_whole_one_moved_by_what_the_patches_seen_have_moved() -> None:
    judged = held(scene(3, (192, 256)).pair)
    whole = judged.judge(nn.Identity()).quality.band
    assert judged.judge(nn.Identity(), 0.0).quality.band == pytest.approx(whole, rel=1e-9)
    judged.judge(Scaled())
    assert judged.judge(Scaled(), 0.0).quality.band == pytest.approx(whole, rel=1e-6)


def test_patches_too_small_for_the_band_have_no_band_figure() -> None:
    known = scene(3, (192, 256)).pair
    pair = TrainingPair(WorkingMicrograph(known.noisy, 1.0), WorkingMicrograph(known.target, 1.0))
    source = PatchSource([Region(pair, 0, 0, 192, 256)], 64, 0, swap=False)
    judged = HeldOutSet(source, "noise2noise", PLACE, source.batch(0, 8), 1.5, Band(900, 90))
    assert judged.references.band is None
    assert judged.judge(nn.Identity()).quality.band is None

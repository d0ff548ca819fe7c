"""What a pair of patches is: its scale, its noise, and what it depends on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cryoden.errors import MicrographError, SettingsError
from cryoden.experiment.pairs import PatchPairs
from cryoden.image.normalization import positive
from cryoden.micrograph import Micrograph
from tests.cryoden.experiment.small_pairs import settings
from tests.cryoden.scenes import scene


def micrograph(pixels: NDArray[Any], name: str = "m") -> Micrograph:
    return Micrograph(pixels.astype(np.float32), 1.0, name)


def flat(value: float) -> Micrograph:
    """A gray micrograph whose 95th percentile is 100: 6 % of it is bright."""
    pixels = np.full((512, 512), 100 * value)
    pixels[:, 480:] = 100
    return micrograph(pixels)


def test_the_target_is_the_micrograph_over_the_95th_percentile_of_its_positive_pixels() -> None:
    pixels = np.random.default_rng(0).normal(5, 20, (128, 128)).astype(np.float32)
    pairs = PatchPairs([micrograph(pixels)], None, settings(patch=128))
    expected = np.clip(pixels / np.percentile(pixels[pixels > 0], 95), 0, 1)
    np.testing.assert_allclose(pairs.pair(0)[1], expected, atol=1e-6)
    assert pairs.pair(0)[1].max() == 1


def test_a_model_sees_a_large_micrograph_on_the_scale_its_patches_had() -> None:
    pixels = np.random.default_rng(0).normal(5, 20, (2300, 2300)).astype(np.float32)
    pixels[1000:1100] *= 100
    pairs = PatchPairs([micrograph(pixels)], None, settings())
    assert positive(pixels, "m").std == pairs.scale(0).divisor


@pytest.mark.parametrize("gray", [0.25, 0.5])
def test_the_noise_of_gray_t_has_the_variance_t_over_100_plus_the_square_of_005(gray: float) -> None:
    pairs = PatchPairs([flat(gray)], None, settings(patch=448))
    noisy, target = pairs.pair(0)
    assert target.std() == 0
    noise = noisy - target  # of 200,704 pixels: the variance is known to 0.3 %
    assert noise.mean() == pytest.approx(0, abs=float(4 * noise.std() / noise.size**0.5))
    assert noise.var() == pytest.approx(gray / 100 + 0.05**2, rel=0.015)


def test_poisson_noise_alone_comes_in_whole_electrons() -> None:
    noisy, _ = PatchPairs([flat(0.5)], None, settings(gaussian=0.0, poisson=40.0)).pair(0)
    np.testing.assert_allclose(noisy * 40, np.round(noisy * 40), atol=1e-4)
    assert noisy.var() == pytest.approx(0.5 / 40, rel=0.1)


def test_noise_is_clipped_unless_that_is_not_wanted() -> None:
    clipped, free = (
        PatchPairs([flat(1.0)], None, settings(patch=448, clip=clip)).pair(0)[0] for clip in (True, False)
    )
    assert (clipped.min() >= 0, clipped.max()) == (True, 1)
    assert free.max() > 1.2
    np.testing.assert_array_equal(clipped, np.clip(free, 0, 1))


def test_no_noise_at_all_gives_the_target() -> None:
    noisy, target = PatchPairs([scene().even], None, settings(poisson=0.0, gaussian=0.0)).pair(1)
    np.testing.assert_array_equal(noisy, target)


def test_z_scores_have_the_mean_and_the_spread_of_the_whole_micrograph_and_are_not_clipped() -> None:
    known = scene()
    pairs = PatchPairs([known.even], [known.odd], settings(scale="z-score", patch=160, stride=32))
    noisy, target = pairs.pair(0)
    data = known.even.data
    np.testing.assert_allclose(target, (data[:160, :160] - data.mean()) / data.std(), atol=1e-4)
    assert noisy.min() < 0
    assert noisy.max() > 1


def test_z_scores_are_no_counts_and_get_no_poisson_noise() -> None:
    with pytest.raises(SettingsError, match="S03"):
        PatchPairs([scene().even], None, settings(scale="z-score"))
    assert len(PatchPairs([scene().even], None, settings(scale="z-score", poisson=0.0)))


def test_noisy_micrographs_take_the_scale_of_their_targets_and_no_noise() -> None:
    known = scene()
    dim = micrograph(known.odd.data / 2, "dim")
    pairs = PatchPairs([known.even], [dim], settings(clip=False))
    noisy, target = pairs.pair(0)
    assert target.mean() == pytest.approx(2 * noisy.mean(), rel=0.05)
    bright = np.percentile(known.even.data, 95)
    np.testing.assert_allclose(noisy, dim.data[:64, :64] / bright, rtol=1e-5)


def test_patches_lie_in_rows_at_the_stride_and_every_micrograph_has_its_own() -> None:
    pairs = PatchPairs([scene(i).even for i in range(2)], None, settings(stride=32))
    assert pairs.counts == [20, 20]
    assert [pairs.grid.place(index) for index in (0, 1, 5, 19, 20)] == [
        (0, 0, 0), (0, 0, 32), (0, 32, 0), (0, 96, 128), (1, 0, 0),
    ]  # fmt: skip


def test_a_pair_depends_on_seed_epoch_and_index_alone() -> None:
    def made(**chosen: object) -> PatchPairs:
        return PatchPairs([scene().even], None, settings(**chosen))

    one, other = made(), made()
    with ThreadPoolExecutor(4) as pool:
        backwards = dict(zip(range(5, -1, -1), pool.map(other.pair, range(5, -1, -1)), strict=True))
    for index in range(6):
        np.testing.assert_array_equal(one.pair(index), backwards[index])
    noise = [
        noisy - target
        for noisy, target in (one.pair(0), one.pair(1), one.pair(0, epoch=1), made(noise_seed=1).pair(0))
    ]
    shared = np.corrcoef([part.ravel() for part in noise]) - np.eye(4)
    assert np.abs(shared).max() < 0.08  # 4,096 pixels: chance reaches 0.06


def test_no_two_pairs_share_a_stretch_of_their_noise() -> None:
    pairs = PatchPairs([flat(0.5)], None, settings(poisson=0.0))
    noise = [pairs.pair(index, epoch)[0] for index, epoch in ((0, 0), (1, 0), (0, 1))]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.isin(noise[one], noise[other]).mean() < 0.02  # by chance 0.001


@pytest.mark.parametrize("value", [0.0, -3.0])
def test_a_micrograph_with_nothing_to_scale_by_is_named(value: float) -> None:
    black = micrograph(np.full((64, 64), value), "black")
    with pytest.raises(MicrographError, match=r"F25 .*black"):
        PatchPairs([black], None, settings()).pair(0)


def test_pairs_of_different_size_and_micrographs_smaller_than_a_patch_are_refused() -> None:
    small = micrograph(np.ones((32, 80)), "small")
    with pytest.raises(MicrographError, match="D12"):
        PatchPairs([small], None, settings())
    with pytest.raises(MicrographError, match="D05"):
        PatchPairs([scene().even], [small], settings())
    assert PatchPairs([small, scene().even], None, settings()).counts == [0, 6]

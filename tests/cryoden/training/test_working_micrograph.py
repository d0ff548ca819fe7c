from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cryoden.errors import MicrographError
from cryoden.formats import micrographs
from cryoden.image.resampling import working_shape
from cryoden.micrograph import Micrograph, Pixels
from cryoden.model.checkpoint import Model
from cryoden.sampling.holdout import Region, TrainingPair, fitting_edge, split
from cryoden.sampling.patches import PatchSource
from cryoden.settings.training import TrainingSettings
from cryoden.training import working_micrograph
from cryoden.training.working_micrograph import CHOSEN, WorkingMicrograph, at_working_pixel, working_pixel
from tests.cryoden.scenes import scene, write_halves

SHAPE = (300, 420)


def whole(micrograph: WorkingMicrograph) -> Pixels:
    return micrograph.window(0, 0, *micrograph.shape)


@pytest.mark.parametrize("scale", [1.0, 2.5, 4.7])
@pytest.mark.parametrize("keep", [False, True])
def test_a_network_sees_zero_mean_and_unit_variance(scale: float, keep: bool) -> None:
    pixels = whole(WorkingMicrograph(scene(0, SHAPE, 0.05).even, scale, keep=keep))
    assert pixels.shape == tuple(round(side / scale) for side in SHAPE)
    assert float(pixels.mean()) == pytest.approx(0, abs=0.01)
    assert float(pixels.std()) == pytest.approx(1, rel=0.01)


@pytest.mark.parametrize("scale", [1.0, 2.5, 4.7])
def test_windows_of_a_file_are_those_of_the_micrograph_in_memory_kept_or_not(
    tmp_path: Path, scale: float
) -> None:
    known = scene(3, SHAPE)
    path, _ = write_halves(tmp_path, known)
    with micrographs.open_micrograph(path) as file:
        sources = [
            WorkingMicrograph(micrograph, scale, keep=keep)
            for micrograph in (file, known.even)
            for keep in (False, True)
        ]
        windows = [source.window(7, 11, 40, 32) for source in sources]
        expected = whole(sources[0])[7:47, 11:43]
    assert all(np.abs(window - expected).max() < 1e-5 for window in windows)


def test_a_kept_micrograph_hands_out_copies() -> None:
    source = WorkingMicrograph(scene(0, SHAPE).even, 2.5, keep=True)
    source.window(0, 0, 16, 16)[:] = 99
    assert source.window(0, 0, 16, 16).max() < 99


@pytest.mark.parametrize("keep", [False, True])
def test_a_pixel_that_is_no_number_is_told_with_its_place_and_never_learned(keep: bool) -> None:
    micrograph = scene(0, SHAPE).odd
    source = WorkingMicrograph(micrograph, 2.5, keep=keep)
    assert source.normalization.std > 0  # measured; the pixel goes bad afterwards
    micrograph.data[110, 20] = np.inf
    with pytest.raises(MicrographError, match=r"F24  m0_ODD — .*row 110, column 20"):
        source.window(32, 0, 32, 32)


def test_patches_are_drawn_alike_from_kept_and_computed_micrographs() -> None:
    known = scene(1, SHAPE)
    streams = []
    for keep in (False, True):
        pair = TrainingPair(*(WorkingMicrograph(half, 2.5, keep=keep) for half in (known.even, known.odd)))
        source = PatchSource([Region(pair, 0, 0, *pair.noisy.shape)], 48, 5, swap=True)
        streams.append(np.stack([source.draw(step, 0) for step in range(8)]))
    assert np.abs(streams[0] - streams[1]).max() < 1e-5


def test_only_as_many_micrographs_are_kept_as_fit_into_the_memory_that_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pairs = [scene(i, SHAPE).pair for i in range(3)]
    height, width = at_working_pixel(pairs, TrainingSettings()).pairs[0].noisy.shape
    free = 2 * 2 * 4 * height * width / working_micrograph.KEPT_SHARE
    monkeypatch.setattr(working_micrograph, "free_main_memory", lambda: int(free))
    kept = [pair.target.keep for pair in at_working_pixel(pairs, TrainingSettings()).pairs]  # type: ignore[attr-defined]  # working micrographs
    assert kept == [True, True, False]
    finest = at_working_pixel(pairs, TrainingSettings(network="baseline")).pairs
    assert not any(pair.noisy.keep for pair in finest)  # type: ignore[attr-defined]  # working micrographs


def pairs_of(*sizes: float | None) -> list[TrainingPair]:
    return [TrainingPair(*(replace(scene(0).even, pixel_size=size),) * 2) for size in sizes]


def test_the_working_pixel_is_chosen_by_network_user_and_start_and_never_finer_than_the_data() -> None:
    unet, baseline = TrainingSettings(), TrainingSettings(network="baseline")
    assert working_pixel(pairs_of(0.8, 1.1), unet) == CHOSEN
    assert working_pixel(pairs_of(0.8, 1.1), baseline) is None
    assert working_pixel(pairs_of(0.8, 5.5), unet) == 5.5
    assert working_pixel(pairs_of(0.8), TrainingSettings(network="baseline", working_pixel=3)) == 3
    start = Model("unet", {}, 0.8, working_pixel=6.0)
    assert working_pixel(pairs_of(0.8), unet, start) == 6
    assert working_pixel(pairs_of(0.8), TrainingSettings(working_pixel=2), start) == 2


def test_a_pixel_size_that_is_not_known_is_assumed_and_said() -> None:
    found = at_working_pixel(pairs_of(None, None), TrainingSettings())
    assert (found.working_pixel, found.pixel_size) == (CHOSEN, None)
    assert found.pairs[0].noisy.shape == working_shape(scene(0).even.shape, CHOSEN)
    assert found.warnings == (
        "no pixel size in the header of m0_EVN: 1 Å/px assumed, the result may be wrong",
    )
    assert at_working_pixel(pairs_of(0.8), TrainingSettings()).warnings == ()
    assert at_working_pixel(pairs_of(None), TrainingSettings(network="baseline")).warnings == ()


def test_each_micrograph_of_a_mixed_set_comes_to_the_same_working_pixel() -> None:
    first, second = at_working_pixel(pairs_of(1.0, 2.0), TrainingSettings()).pairs
    fine, coarse = (working_shape(scene(0).even.shape, CHOSEN / size) for size in (1.0, 2.0))
    assert (first.noisy.shape, second.noisy.shape) == (fine, coarse)
    assert first.noisy.pixel_size == second.noisy.pixel_size == CHOSEN


def test_patches_shrink_to_what_fits_and_leave_most_of_a_lone_pair_to_train_on() -> None:
    small = Micrograph(np.zeros((512, 512), np.float32), 4.0, "m")
    lone, several = [TrainingPair(small, small)], [TrainingPair(small, small)] * 2
    assert (fitting_edge(lone, 256), fitting_edge(several, 256), fitting_edge(several, 96)) == (128, 256, 96)
    training, held_out = split(lone, 0.15, fitting_edge(lone, 256), 0)
    assert sum(region.width for region in training) >= 3 * sum(region.width for region in held_out)
    thumbnail = Micrograph(np.zeros((20, 40), np.float32), 4.0, "m")
    tiny = [TrainingPair(thumbnail, thumbnail)]
    with pytest.raises(MicrographError, match="D12"):
        split(tiny, 0.15, fitting_edge(tiny, 256), 0)

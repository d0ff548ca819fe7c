from __future__ import annotations

from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest

from cryoden.denoising.binned import binned, binned_within, binning_of
from cryoden.errors import MicrographError, SettingsError
from cryoden.events.batch import FileFailed, FileFinished
from cryoden.io import mrc
from cryoden.micrograph import Micrograph, Pixels
from cryoden.settings.denoising import DenoisingSettings
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files
from tests.cryoden.scenes import scene


def noise(height: int, width: int) -> Pixels:
    return np.random.default_rng(1).normal(40, 10, (height, width)).astype(np.float32)


def micrograph(data: Pixels, pixel_size: float | None = 1.5) -> Micrograph:
    return Micrograph(data, pixel_size, "m")


def by(factor: int) -> DenoisingSettings:
    return DenoisingSettings(bin=factor)


@pytest.mark.parametrize(("height", "width"), [(240, 320), (240, 160), (180, 300)])
@pytest.mark.parametrize("factor", [2, 3, 4, 5])
def test_low_frequencies_and_mean_stay(height: int, width: int, factor: int) -> None:
    data = noise(height // factor * factor, width // factor * factor)
    found = binned(micrograph(data), by(factor))
    assert found.shape == (height // factor, width // factor)
    assert found.pixel_size == pytest.approx(1.5 * factor)
    assert found.data.mean(dtype=float) == pytest.approx(data.mean(dtype=float), rel=1e-6)
    small = np.fft.rfft2(found.data.astype(float)) / found.data.size
    whole = np.fft.rfft2(data.astype(float)) / data.size
    rows, columns = (found.shape[0] - 1) // 2, (found.shape[1] - 1) // 2  # below the last frequency
    for here in (slice(0, rows + 1), slice(-rows, None)):
        assert np.abs(small[here, : columns + 1] - whole[here, : columns + 1]).max() < 1e-6 * 40


def test_the_first_pixels_have_their_centers_in_one_place() -> None:
    """So coordinates times the factor are those in the micrograph."""
    rows, columns = np.indices((240, 320))
    data = np.exp(-((rows - 96) ** 2 + (columns - 200) ** 2) / (2 * 9.0**2)).astype(np.float32)
    found = binned(micrograph(data), by(4)).data
    assert divmod(int(found.argmax()), found.shape[1]) == (24, 50)
    about = np.indices(found.shape)
    center = [float((one * found).sum() / found.sum()) for one in about]
    assert center == pytest.approx([24, 50], abs=1e-3)


def test_what_is_left_at_the_end_is_cut_off() -> None:
    found = binned(micrograph(noise(103, 207)), by(4))
    alone = binned(micrograph(noise(103, 207)[:100, :204].copy()), by(4))
    assert found.shape == (25, 51)
    assert np.array_equal(found.data, alone.data)


@pytest.mark.parametrize(("wanted", "factor"), [(3.0, 2.0), (4.0, 4 / 1.5), (5.3, 5.3 / 1.5)])
def test_a_pixel_size_is_met_to_half_a_pixel_over_the_whole_image(wanted: float, factor: float) -> None:
    shape = (700, 1013)
    binning = binning_of(shape, 1.5, DenoisingSettings(bin_to=wanted), "m")
    assert binning is not None
    assert binning.pixel_size == wanted
    for part, few, side in zip(binning.part, binning.shape, shape, strict=True):
        assert abs(part - few * factor) <= 0.5
        assert side - factor - 0.5 <= part <= side


def test_pixels_of_that_size_already_stay_and_others_are_refused() -> None:
    found = micrograph(noise(60, 80))
    assert binned(found, DenoisingSettings(bin_to=1.5)) is found
    assert binned(found, DenoisingSettings()) is found
    with pytest.raises(MicrographError, match=r"F65 .* cannot be binned to 1\.2 Å"):
        binned(found, DenoisingSettings(bin_to=1.2))
    with pytest.raises(MicrographError, match=r"F65 .* no pixel size.*--pixel-size"):
        binned(micrograph(noise(60, 80), None), DenoisingSettings(bin_to=3))
    with pytest.raises(MicrographError, match=r"F65 .* would be binned to 8 × 6"):
        binned(found, by(10))
    with pytest.raises(SettingsError, match="S03"):
        DenoisingSettings(bin=2, bin_to=3)
    assert binned(micrograph(noise(60, 80), None), by(2)).pixel_size is None


def test_a_map_with_limits_keeps_them() -> None:
    steps = np.full((80, 80), 0.5, np.float32)
    steps[20:60, 20:60] = 0.99
    assert binned(micrograph(steps), by(2)).data.max() > 0.99
    found = binned_within(micrograph(steps), by(2)).data
    assert (found.min(), found.max()) == (np.float32(0.5), np.float32(0.99))


def test_a_binned_result_has_its_pixel_size_in_the_header_and_is_that_of_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "m.mrc"
    mrc.write(path, scene(2, (300, 330)).even.data, pixel_size=1.5, label="written for a test")

    def result(folder: str, **settings: Any) -> Path:
        request = BatchRequest(settings=DenoisingSettings(device="cpu", confidence=True, **settings))
        events = list(denoise_files([path], tmp_path / folder, request))
        (done,) = (one for one in events if isinstance(one, FileFinished))
        return done.output

    with mrcfile.open(result("whole")) as whole, mrcfile.open(result("binned", bin=3)) as small:
        assert small.data.shape == (100, 110)
        assert float(small.voxel_size.x) == float(small.voxel_size.y) == 4.5
        wanted = binned(Micrograph(np.array(whole.data), 1.5, "m"), by(3)).data
        assert np.array_equal(small.data, wanted)
    assert mrcfile.validate(tmp_path / "binned" / "m_denoised.mrc")
    with mrcfile.open(tmp_path / "binned" / "m_confidence.mrc") as sure:
        assert sure.data.shape == (100, 110)
        assert float(sure.voxel_size.x) == 4.5
    refused = BatchRequest(settings=DenoisingSettings(device="cpu", bin_to=1.0))
    events = list(denoise_files([path], tmp_path / "refused", refused))
    assert [one.code for one in events if isinstance(one, FileFailed)] == ["F65"]
    assert not list((tmp_path / "refused").iterdir())

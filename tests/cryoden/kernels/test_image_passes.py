"""Passes over whole images: their source on an emulated GPU, and on a real one."""

from __future__ import annotations

import pytest
import torch

from cryoden.image.normalization import robust
from cryoden.image.resampling import Resampling
from cryoden.image.tiling import continued
from cryoden.kernels.image_passes import NAMES, SOURCE, THREADS, Passes, gray_scale, statistics
from cryoden.kernels.nvrtc import PACKAGES
from tests.cryoden.kernels.emulated_passes import compiled


@pytest.fixture(scope="module")
def emulated() -> Passes:
    return compiled()


def test_a_band_below_others_is_mirrored_at_the_edges_of_the_whole_micrograph(emulated: Passes) -> None:
    raw = torch.arange(35.0).view(7, 5)
    gray = gray_scale(torch.tensor(0.0), torch.tensor(1.0))
    found = emulated.removed(raw, torch.zeros(7, 5), (gray, 100.0), (4, 2), (8, 9))
    rows, columns = [2, 3, 4, 5, 6, 5, 4, 3], [2, 1, 0, 1, 2, 3, 4, 3, 2]
    assert torch.equal(found, raw[rows][:, columns])


def test_statistics_of_a_bright_micrograph_lose_nothing_to_its_mean(emulated: Passes) -> None:
    signal = torch.randn(64, 300, generator=torch.Generator().manual_seed(0))
    gray, result = gray_scale(torch.tensor(3e5), torch.tensor(0.5)), torch.empty(64, 300)
    told = statistics(emulated.restored(signal, None, gray, result), gray[0], result.numel())
    variance, mean = torch.var_mean(result.double(), correction=0)
    assert told[3] == pytest.approx(float(variance), rel=1e-9)
    assert told[2] == pytest.approx(float(mean), rel=1e-12)
    assert told[:2].tolist() == [float(result.min()), float(result.max())]


def test_what_is_no_number_counts_for_nothing(emulated: Passes) -> None:
    values = torch.tensor([1.0, torch.nan, 3.0, -2.0] * 100)
    mean, std = emulated.trimmed(values, torch.tensor([torch.inf, torch.inf]), 2, 6.0)
    kept = values[~values.isnan()].double()
    assert mean.tolist() == pytest.approx([float(kept.mean())] * 2)
    assert std.tolist() == pytest.approx([float(kept.std(correction=0))] * 2)


def test_statistics_of_what_is_no_number_are_none(emulated: Passes) -> None:
    signal, result = torch.zeros(3, 4), torch.empty(3, 4)
    signal[1, 2] = torch.nan
    gray = gray_scale(torch.tensor(1.0), torch.tensor(2.0))
    assert statistics(emulated.restored(signal, None, gray, result), gray[0], 12).isnan().all()
    assert result.isnan().sum() == 1


def test_every_kernel_is_in_the_source() -> None:
    source = (PACKAGES / SOURCE).read_text()
    assert all(f" {name}(" in source for name in NAMES)
    assert f"THREADS = {THREADS}" in source


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_on_a_gpu_an_image_of_many_blocks_is_what_it_is_on_the_processor() -> None:
    image = torch.randn(1031, 2049, generator=torch.Generator().manual_seed(0))
    resampling = Resampling(1031, 2049, 3.3)
    where = range(-64, 1100), range(-64, 2120)
    for work in (resampling.reduce, resampling.enlarge, lambda given: continued(given, *where)):
        given = resampling.reduce(image) if work == resampling.enlarge else image
        torch.testing.assert_close(work(given.cuda()).cpu(), work(given), atol=1e-5, rtol=0)
    assert robust(image.cuda()) == pytest.approx(robust(image), rel=1e-6, abs=1e-7)

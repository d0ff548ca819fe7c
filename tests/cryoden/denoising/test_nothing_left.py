from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from cryoden.denoising.denoise import denoise
from cryoden.denoising.nothing_left import ALMOST, refuse_constant, remark
from cryoden.errors import OutputError
from cryoden.events.batch import FileFailed, MicrographDenoised
from cryoden.formats import micrographs
from cryoden.io import mrc
from cryoden.micrograph import Micrograph
from cryoden.model.checkpoint import Model, load, write
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files
from tests.cryoden.hostile import DATA

NOISE = np.random.default_rng(0).normal(size=(96, 96)).astype(np.float32)
RAW = Micrograph(NOISE, 1.5, "m")


@pytest.mark.parametrize(
    ("mean", "std", "pixel_format"),
    [(0.0, 0.0, "float32"), (7.0, 5e-5, "float32"), (1e6, 0.1, "float32"), (50_016.0, 0.5, "float16")],
)
def test_a_result_that_is_as_good_as_constant_is_refused(
    mean: float, std: float, pixel_format: Literal["float32", "float16"]
) -> None:
    result = replace(RAW, data=(mean + std * NOISE).astype(np.float32))
    with pytest.raises(OutputError, match=r"O14  r\.mrc — the result is constant"):
        refuse_constant(Path("r.mrc"), result, RAW, pixel_format)


def test_a_faint_result_is_published() -> None:
    refuse_constant(Path("r.mrc"), replace(RAW, data=50 + 1e-3 * NOISE), RAW, "float32")


def test_a_constant_result_of_a_batch_is_a_failure_and_leaves_no_file(tmp_path: Path) -> None:
    general = load(GENERAL)
    silent = Model("unet", {name: 0 * w for name, w in general.weights.items()}, 1.0, working_pixel=3.0)
    write(silent, tmp_path / "silent.safetensors")
    mrc.write(tmp_path / "m.mrc", NOISE, pixel_size=1.5, label="made for a test")
    batch = BatchRequest(tmp_path / "silent.safetensors", DenoisingSettings(device="cpu"))
    events = list(denoise_files([tmp_path / "m.mrc"], tmp_path / "out", batch))
    (failure,) = [event for event in events if isinstance(event, FileFailed)]
    assert failure.message.startswith("O14")
    assert not list((tmp_path / "out").iterdir())


def test_a_result_with_hardly_anything_in_it_says_so() -> None:
    empty = np.random.default_rng(1).normal(size=(384, 384)).astype(np.float32)
    *_, last = denoise(Micrograph(empty, 3.0, "m"), load(GENERAL), DenoisingSettings(device="cpu"))
    assert isinstance(last, MicrographDenoised)
    assert [one.code for one in last.micrograph.warnings] == [ALMOST]
    assert remark(0.2) == ()


@pytest.mark.skipif(not DATA.is_dir(), reason=f"real micrographs not found in {DATA}")
def test_the_weakest_of_real_single_frames_is_not_called_empty() -> None:
    *_, last = denoise(
        micrographs.read(DATA / "apoferritin_pairs/May08_05.53.51_frame.mrc"),
        load(GENERAL),
        DenoisingSettings(device="cpu"),
    )
    assert isinstance(last, MicrographDenoised)
    assert ALMOST not in [one.code for one in last.micrograph.warnings]

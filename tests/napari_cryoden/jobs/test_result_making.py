from __future__ import annotations

from pathlib import Path
from typing import Any

import mrcfile
import numpy as np

from cryoden.micrograph import Micrograph
from cryoden.settings.denoising import DenoisingSettings
from napari_cryoden.jobs.companions import Band
from napari_cryoden.jobs.result_making import ReadyResult, denoising, ready


def last(events: Any) -> Any:
    while True:
        try:
            next(events)
        except StopIteration as end:
            return end.value


def test_the_file_holds_what_the_layers_show(model: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(50, 7, (300, 300)).astype(np.float32)
    raw = Micrograph(noise, 1.5, "m")
    output, settings = tmp_path / "m_denoised.mrc", DenoisingSettings(device="cpu", confidence=True)
    result = last(denoising(raw, model, settings, output, 1, ()))
    first, *others, sure = ready(raw, result, Band(high_pass=100.0).of(1.5))
    np.testing.assert_array_equal(first.micrograph.data, mrcfile.read(output))
    assert first.picture.limits[0] < first.picture.limits[1]
    assert [one.micrograph.name for one in others] == [
        "high-pass 100 Å",
        "high-pass 100 Å",
        "band-pass 100 to 20 Å",
    ]
    assert isinstance(sure, ReadyResult)
    assert sure.is_confidence

"""What the CCP-EM Pipeliner shows, from files as jobs leave them: what is not there is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.io import mrc
from cryoden.runs.folder import RunFolder
from cryoden.runs.metrics import COLUMNS

pytest.importorskip("pipeliner", reason="needs pip install 'napari-cryoden[pipeliner]'")
from cryoden.hosts.pipeliner_displays import of_results, of_training

HEAD = ",".join(COLUMNS)
SUPERVISED = """
1,1,0.5,0.9,0.001,,,,,,,,,,,,,,,,,
0,0,0.1,,,,1.0,0.1,,,,,,0,0,,,,,,wait,early
4,1,1.0,,,0.8,0.7,0.3,,,,,,0,1,,,,,,good,better
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(rows: str) -> RunFolder:
    run = RunFolder(Path("training"))
    run.path.mkdir()
    run.metrics.write_text(f"{HEAD}{rows}")
    return run


def titles(shown: list[Any]) -> list[str]:
    return [one.title for one in shown]


def test_supervised_training_has_a_curve_of_losses_alone() -> None:
    (loss,) = of_training(written(SUPERVISED))
    assert loss.title == "Loss by epoch"
    assert (loss.xvalues, loss.yvalues) == ([[1], [0, 1]], [[0.8], [1.0, 0.7]])


def test_a_picture_and_a_report_are_shown_where_they_are() -> None:
    run = written(SUPERVISED)
    run.denoised.write_bytes(b"png")
    run.report.write_text("<p>report</p>")
    words = "Region of a validation micrograph, raw and denoised"
    assert titles(of_training(run)) == ["Loss by epoch", words, "Report of the training"]


def test_micrographs_without_a_result_are_not_shown() -> None:
    pixels = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    for name in ("a", "b", "a_denoised"):
        mrc.write(Path(f"{name}.mrc"), pixels, pixel_size=1.0, label=name)
    columns = "_rlnMicrographName\n_cryodenMicrographNameDenoised\n"
    Path("list.star").write_text(f"data_micrographs\nloop_\n{columns}a.mrc a_denoised.mrc\nb.mrc None\n")
    beside, every = of_results(Path("list.star"))
    assert beside.labels == ["raw: a.mrc", "denoised: a.mrc"]
    assert every.image_names == ["a_denoised.mrc"]

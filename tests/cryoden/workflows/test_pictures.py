from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from cryoden.runs.folder import RunFolder
from cryoden.runs.report import write
from cryoden.workflows import train_model
from cryoden.workflows.pictures import GAP
from tests.cryoden.scenes import scene
from tests.cryoden.training.short_runs import settings


def test_the_report_of_a_run_shows_a_region_raw_and_denoised(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    chosen = settings(network="baseline", learning_rate=0.01, epochs=10)
    list(train_model.train_halves([scene(i).halves for i in range(4)], folder, chosen))
    with Image.open(folder.denoised) as picture:
        pixels = np.asarray(picture.convert("L"), np.float32)
    height, width = scene(0).even.shape
    assert pixels.shape == (height, 2 * width + GAP)
    raw, denoised = pixels[:, :width], pixels[:, -width:]
    rough = [float(np.abs(np.diff(side)).mean()) for side in (raw, denoised)]
    assert rough[1] < 0.7 * rough[0]  # the noise is gone, the contrast is the same
    assert "![Raw and denoised](denoised.png)" in folder.text.read_text()
    assert folder.report.read_text().count("data:image/png;base64,") == 2


def test_a_run_without_a_model_has_a_report_without_a_picture(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    chosen = settings(network="unet", optimizer="sgd", learning_rate=10.0, epochs=1)
    list(train_model.train_halves([scene(i).halves for i in range(4)], folder, chosen))
    if not folder.model.is_file():
        assert not folder.denoised.exists()
    folder.denoised.unlink(missing_ok=True)
    write(folder)
    assert "Raw and denoised" not in folder.text.read_text()


def test_the_report_says_what_was_used_and_what_was_held_out(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    chosen = settings(epochs=0, minutes=0.01, batch=0, working_pixel=0.0, steps_per_epoch=2)
    list(train_model.train_halves([scene(1, (256, 256)).halves], folder, chosen))
    text = folder.text.read_text()
    assert "Not measured" not in text
    assert "| validation | strips of it that are not trained on |" in text
    for as_typed in ("| batch | 0", "| epochs | 0", "| working_pixel | 0.0", "| device | auto"):
        assert as_typed not in text
    assert "| batch | 2 |" in text
    assert "(limited by time) |" in text

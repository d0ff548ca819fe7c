from __future__ import annotations

import csv
import os
import subprocess
import sys
from typing import Any

import mrcfile
import numpy as np
from PIL import Image

from cryoden.model import checkpoint


def test_the_demonstration_walks_the_whole_way_and_leaves_its_results(tmp_path: Any) -> None:
    """In a process of its own, as a user starts it."""
    subprocess.run(
        [sys.executable, "-m", "napari_cryoden.demo", str(tmp_path), "--steps", "2"],
        check=True,
        env=os.environ | {"CRYODEN_DEMO_EXIT": "1"},
    )
    model = checkpoint.load(tmp_path / "run" / "model.safetensors")
    assert model.network == "unet"
    with mrcfile.open(tmp_path / "sample1_EVN_denoised.mrc") as file:
        assert file.data.shape == (1024, 1024)
        assert float(file.voxel_size.x) == 2.0
    with (tmp_path / "run" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len([row for row in rows if row["step_loss"]]) >= 1
    for name in ("1_loaded", "2_training", "3_compared"):
        picture = np.asarray(Image.open(tmp_path / f"{name}.png").convert("L"))
        assert picture.shape[1] > 1000
        assert picture.std() > 20

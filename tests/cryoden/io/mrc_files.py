"""Micrographs written and refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cryoden.io import mrc
from cryoden.io.mrc_header_copy import original
from cryoden.micrograph import Pixels
from tests.cryoden.hostile import DATA, NX, NY

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"real micrographs not found in {DATA}")


def image(height: int = NY, width: int = NX, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).normal(40, 10, (height, width)).astype(np.float32)


def written(path: Path, data: Pixels, like: Path | None = None, **options: object) -> Path:
    options |= {"like": original(like)} if like else {}
    mrc.write(path, data, **{"pixel_size": 1.5, "label": "test", **options})  # type: ignore[arg-type]  # per test
    return path

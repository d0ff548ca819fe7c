"""One micrograph in every kind of file."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import numpy as np
import pytest

from cryoden.io import mrc
from cryoden.micrograph import Pixels

tifffile = pytest.importorskip("tifffile", reason="tifffile is not installed")
PIXEL = 1.25


def picture(height: int = 90, width: int = 120, seed: int = 0) -> Pixels:
    """Return noise with a bright first row, so that what is upside down shows."""
    found = np.random.default_rng(seed).normal(40, 10, (height, width)).astype(np.float32)
    found[0] += 100
    return found


def plain(path: Path, data: Pixels, pixel_size: float | None = PIXEL) -> Path:
    mrc.write(path, data, pixel_size=pixel_size, label="written for a test")
    return path


def packed(path: Path) -> Path:
    """Compress a file; returns the path, with the suffix of its MRC file taken off it."""
    inner = path.with_suffix("")
    pack = gzip.compress if path.suffix == ".gz" else bz2.compress
    path.write_bytes(pack(inner.read_bytes()))
    inner.unlink()
    return path


def tiff(path: Path, *pages: np.ndarray, **how: object) -> Path:
    with tifffile.TiffWriter(path, bigtiff=bool(how.pop("bigtiff", False))) as file:
        for page in pages:
            file.write(page, **{"photometric": "minisblack", "contiguous": False, "metadata": None, **how})
    return path

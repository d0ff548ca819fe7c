"""Simulated halves that come with the program, so that they are there at once: see scripts/make_sample.py."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
from safetensors import safe_open

from cryoden.micrograph import HalfPair, Micrograph

SAMPLE = Path(str(files(__package__) / "sample.safetensors"))


def sample_pairs() -> list[HalfPair]:
    """Return even and odd halves of two simulated exposures, as counts; every call gives fresh pixels."""
    with safe_open(SAMPLE, framework="np") as stored:
        pixel_size, names = float(stored.metadata()["pixel_size"]), sorted(stored.keys())
        halves = [Micrograph(stored.get_tensor(name).astype(np.float32), pixel_size, name) for name in names]
    return [HalfPair(even, odd) for even, odd in zip(halves[::2], halves[1::2], strict=True)]


def scene() -> str:
    """Return what was simulated, as Python writes it."""
    with safe_open(SAMPLE, framework="np") as stored:
        return str(stored.metadata()["scene"])

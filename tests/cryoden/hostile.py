"""Makes MRC files byte by byte, well-formed and otherwise, without any library."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

NX, NY = 64, 48
DATA = Path(__file__).parents[2].parent / "shared" / "data"


def header(order: str = "<", *, words: Mapping[int, int | float] = {}, **parts: bytes) -> bytes:
    """Return 1,024 bytes of a valid 64 × 48 float32 micrograph at 1.5 Å/px, with changes.

    ``words`` replaces numbers at 1-based places of the format description; ``parts`` may give
    ``mark``, ``stamp`` and ``exttyp``.
    """
    values: dict[int, int | float] = {1: NX, 2: NY, 3: 1, 4: 2, 8: NX, 9: NY, 10: 1}
    values |= {11: 1.5 * NX, 12: 1.5 * NY, 13: 1.5, 14: 90.0, 15: 90.0, 16: 90.0}
    values |= {17: 1, 18: 2, 19: 3, 20: 0.0, 21: -1.0, 22: -2.0, 28: 20141, 55: -1.0}
    values |= words
    raw = bytearray(1024)
    for word, value in values.items():
        kind = "i" if isinstance(value, int) else "f"
        struct.pack_into(order + kind, raw, 4 * (word - 1), value)
    raw[208:212] = parts.get("mark", b"MAP ")
    raw[212:216] = parts.get("stamp", b"DD\0\0" if order == "<" else b"\x11\x11\0\0")
    raw[104:108] = parts.get("exttyp", b"\0\0\0\0")
    return bytes(raw)


def pixels(dtype: str = "<f4", count: int = NX * NY, seed: int = 0) -> bytes:
    """Return pixels of random values around 40, fit for every type."""
    values = np.random.default_rng(seed).normal(40, 10, count).clip(1, 100)
    return values.astype(dtype).tobytes()


def made(path: Path, *blocks: bytes) -> Path:
    """Write the blocks one after the other."""
    path.write_bytes(b"".join(blocks))
    return path

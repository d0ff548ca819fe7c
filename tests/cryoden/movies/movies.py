"""Movies whose motion, gain and defects are known, and files of them as microscopes write them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from warnings import catch_warnings

import mrcfile
import numpy as np
from numpy.typing import NDArray

from cryoden.micrograph import Array, Pixels

EDGE, FRAMES, PIXEL = 256, 12, 1.5
RATE = 4.0  # electrons per pixel and frame


def drift(frames: int = FRAMES, seed: int = 0) -> Array:
    """Return how far the specimen has moved, ``(n, 2)`` px down and right: fast at first, then slowly."""
    time = np.arange(frames)
    jitter = np.random.default_rng(seed).normal(0, 0.3, (frames, 2))
    course = np.stack([7 * (1 - np.exp(-time / 3)), -0.4 * time], 1) + jitter
    return np.asarray(course - course[0])


def moved_scenes(shifts: Array, edge: int = EDGE, contrast: float = 0.25, seed: int = 1) -> Array:
    """Return ``(n, edge, edge)`` views, of mean 1, of a scene twice as wide that moves below the window."""
    wide = 2 * edge
    rows, columns = np.fft.fftfreq(wide)[:, None], np.fft.rfftfreq(wide)
    frequency = np.hypot(rows, columns)
    spectrum = np.fft.rfft2(np.random.default_rng(seed).standard_normal((wide, wide)))
    spectrum *= np.exp(-((frequency / 0.1) ** 2)) * (frequency > 0.01)
    spectrum /= np.fft.irfft2(spectrum, s=(wide, wide)).std()
    window = slice(edge // 2, edge // 2 + edge)
    views = [
        np.fft.irfft2(spectrum * np.exp(-2j * np.pi * (rows * down + columns * right)), s=(wide, wide))
        for down, right in shifts
    ]
    return 1 + contrast * np.array([view[window, window] for view in views])


def counted(scenes: Array, rate: float = RATE, seed: int = 2) -> NDArray[np.uint8]:
    """Return frames of electrons, so many on the mean in a pixel."""
    return np.random.default_rng(seed).poisson(rate * np.clip(scenes, 0, None)).astype(np.uint8)


def movie_frames(frames: int = FRAMES, edge: int = EDGE) -> NDArray[np.uint8]:
    """Return the frames of the movie that most tests use."""
    return counted(moved_scenes(drift(frames), edge))


def write_mrc(path: Path, data: NDArray[Any], pixel_size: float = PIXEL) -> Path:
    """Write an image or a stack of unsigned 16-bit or float pixels."""
    stored = data.astype(np.uint16) if data.dtype.kind in "iu" else data.astype(np.float32)
    with catch_warnings(action="ignore"), mrcfile.new(path, data=stored) as file:  # of NaN
        file.voxel_size = pixel_size
        if stored.ndim == 3:
            file.set_image_stack()
    return path


def write_eer(path: Path, frames: NDArray[np.uint8], pixel_size: float = PIXEL) -> Path:
    """Write pictures of 0 and 1 as EER, a BigTIFF file of frames in a code of 7 bits."""
    facts = f'<metadata><item name="sensorPixelSize.width" unit="m">{pixel_size * 1e-10}</item></metadata>\0'
    height, width = frames.shape[1:]
    file, at = bytearray(b"II+\0\x08\0\0\0" + bytes(8)), 8  # where the place of the next directory is written
    for frame in frames:
        places = []
        for data in (_coded(frame), facts.encode()):
            places.append((len(file), len(data)))
            file += data
        (strip, count), (text, letters) = places
        struct.pack_into("<Q", file, at, len(file))
        tags: tuple[tuple[int, ...], ...] = (
            (256, 4, 1, width),
            (257, 4, 1, height),
            (258, 3, 1, 1),
            (259, 3, 1, 65001),
            (262, 3, 1, 1),
        )
        strips = ((273, 4, 1, strip), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, count))
        tags += (*strips, (65001, 7, letters, text))
        file += struct.pack("<Q", len(tags)) + b"".join(struct.pack("<HHQQ", *tag) for tag in tags)
        at = len(file)
        file += bytes(8)
    path.write_bytes(file)
    return path


def _coded(frame: Pixels | NDArray[np.uint8]) -> bytes:
    """Return runs of empty pixels in 7 bits, 127 for a longer one, each electron's quarter pixel in 4."""
    bits: list[int] = []

    def put(value: int, count: int) -> None:
        bits.extend(value >> place & 1 for place in range(count))

    def put_run(length: int) -> None:
        for _ in range(length // 127):
            put(127, 7)
        put(length % 127, 7)

    last = 0
    for place in np.flatnonzero(frame):
        put_run(int(place) - last)
        put(0, 4)
        last = int(place) + 1
    put_run(frame.size - last)
    code = np.packbits(bits, bitorder="little").tobytes()
    return code + bytes(len(code) % 2)


def correlation(one: Array | Pixels, other: Array | Pixels) -> float:
    """Return Pearson's r."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def centered(shifts: Array | Sequence[Sequence[float]]) -> Array:
    """Return shifts but for what all have in common, which is no motion."""
    found = np.asarray(shifts, np.float64)
    return np.asarray(found - found.mean(0))

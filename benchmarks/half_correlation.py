"""How well a denoised half predicts the other raw half, beside the raw half and Gaussian low-passes.

    python benchmarks/half_correlation.py NOISY TARGET DENOISED

NOISY is what was denoised, TARGET the raw half it never saw. Three readings: the whole
micrograph; without structures wider than 400 px, because a shared slope of the illumination
lifts every low-pass; and the central 1024 × 1024 px. The correlation with the other raw half
cannot be raised by blurring alone or by inventing detail.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cryoden import mrc
from cryoden.normalization import measure

Image = NDArray[np.float32]
WIDTHS = (1, 2, 3, 4, 6, 8, 10, 12, 16, 24)
WIDEST = 400
BIN = 16


def gaussian(image: Image, sigma: float) -> Image:
    """Return the image smoothed by a Gaussian of ``sigma`` px, mirrored at its edges."""
    margin = min(round(4 * sigma), *(side - 1 for side in image.shape))
    padded = np.pad(image, margin, mode="reflect")
    rows, columns = np.fft.fftfreq(padded.shape[0])[:, None], np.fft.rfftfreq(padded.shape[1])[None]
    weights = np.exp(-2 * (np.pi * sigma) ** 2 * (rows**2 + columns**2))
    smooth = np.fft.irfft2(np.fft.rfft2(padded) * weights, s=padded.shape)
    return smooth[margin:, margin:][: image.shape[0], : image.shape[1]].astype(np.float32)


def center(image: Image, edge: int = 1024) -> Image:
    """Return the central square."""
    top, left = ((side - edge) // 2 for side in image.shape)
    return image[top : top + edge, left : left + edge]


def detail(image: Image) -> Image:
    """Return the image without what is wider than `WIDEST` px."""
    height, width = (side // BIN * BIN for side in image.shape)
    blocks = image[:height, :width].reshape(height // BIN, BIN, width // BIN, BIN).mean((1, 3))
    slope = np.kron(gaussian(blocks, WIDEST / BIN), np.ones((BIN, BIN), np.float32))
    return image[:height, :width] - slope


def correlations(image: Image, target: Image) -> tuple[float, ...]:
    """Return r on the whole, on the detail, and in the center."""
    readings = (lambda pixels: pixels, detail, center)
    return tuple(float(np.corrcoef(f(image).ravel(), f(target).ravel())[0, 1]) for f in readings)


def clipped(path: Path) -> Image:
    """Return a raw half z-scored, hot pixels limited, as the network sees it."""
    half = mrc.read(path)
    return measure(half).apply(half.data)


def main() -> None:
    """Print the table."""
    noisy, target = (clipped(Path(name)) for name in sys.argv[1:3])
    rows = {"raw": noisy} | {f"Gaussian {width} px": gaussian(noisy, width) for width in WIDTHS}
    rows["denoised"] = mrc.read(Path(sys.argv[3])).data
    print(f"{'':16}  whole   detail  center")
    for name, image in rows.items():
        print(f"{name:16}" + "".join(f"{r:8.4f}" for r in correlations(image, target)))


if __name__ == "__main__":
    main()

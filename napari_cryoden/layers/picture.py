"""Pixels made ready to be shown: a pyramid and gray levels, all of it made before the interface sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers._multiscale_data import MultiScaleData

from cryoden.image.block_mean import pyramid
from cryoden.micrograph import Pixels
from napari_cryoden.layers.contrast import Limits, contrast, robust

OVERVIEW = 1024  # px: about what is drawn of a micrograph that fills a window


class Levels(MultiScaleData):  # type: ignore[misc]  # napari has no types
    """A pyramid that is its finest level to whoever makes an array of it; napari's own is its coarsest."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self[0], dtype)


@dataclass(frozen=True, eq=False)
class Picture:
    """What napari draws of an image, without looking at all of its pixels.

    Parameters
    ----------
    levels : sequence of ndarray
        ``(h, w)`` each, the image first.
    noise : tuple of float
        Its gray levels pixel by pixel, which in a raw micrograph are those of noise.
    limits : tuple of float
        What it is shown with: the gray levels of what is drawn of it as a whole.
    """

    levels: Sequence[Pixels]
    noise: Limits
    limits: Limits

    @classmethod
    def of_few(cls, pixels: Pixels) -> Picture:
        """Return a small image, which needs no other levels."""
        return cls([pixels], contrast(pixels), robust(pixels))

    @property
    def overview(self) -> Pixels:
        """The level that is drawn of an image that fills a window."""
        return _overview(self.levels)

    def data(self, lay: Callable[[Pixels], Any] = lambda pixels: pixels) -> Any:
        """Return a layer's data: a pyramid, or the pixels alone where they are few."""
        laid = [lay(level) for level in self.levels]
        return Levels(laid) if len(laid) > 1 else laid[0]


def picture_of(pixels: Pixels, levels: Sequence[Pixels] = ()) -> Picture:
    """Return an image ready to be shown.

    Its levels take 0.2 s of 4096²: where they are not given, call this in the thread that made the pixels.
    """
    levels = levels or pyramid(pixels)
    return Picture(levels, contrast(pixels), robust(_overview(levels)))


def _overview(levels: Sequence[Pixels]) -> Pixels:
    return next((level for level in levels if max(level.shape) <= OVERVIEW), levels[-1])

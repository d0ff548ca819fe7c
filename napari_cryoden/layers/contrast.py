"""Which gray levels two layers are shown with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cryoden.micrograph import Pixels
from napari_cryoden.layers.layer_data import contrast

Matching = Literal["each", "same", "matched"]
Limits = tuple[float, float]


def limits(how: Matching, images: Sequence[Pixels]) -> list[Limits]:
    """Return darkest and brightest level of a raw and a denoised image.

    Parameters
    ----------
    how : {"each", "same", "matched"}
        ``each``: each image fills the scale. ``same``: both have the raw one's levels, so that
        what noise was removed shows. ``matched``: both have the denoised one's levels, each about
        its own middle, so that a particle has the same gray in both and noise saturates.
    images : sequence of ndarray
        Raw and denoised, ``(h, w)`` each.
    """
    raw, denoised = (contrast(image) for image in images)
    if how == "each":
        return [raw, denoised]
    if how == "same":
        return [raw, raw]
    half = (denoised[1] - denoised[0]) / 2
    middle = (raw[0] + raw[1]) / 2
    return [(middle - half, middle + half), denoised]

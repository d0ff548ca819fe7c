"""Simulated micrographs to try everything with, without any file."""

from __future__ import annotations

from cryoden import simulate
from cryoden.micrograph import Micrograph
from napari_cryoden.layers import LayerData, raw_layer


def sample_pairs() -> list[LayerData]:
    """Return even and odd halves of two simulated micrographs as layers.

    They carry the names motion correction gives to halves, so that "Train a denoiser"
    finds the pairs.
    """
    halves: list[LayerData] = []
    for number, pair in enumerate(simulate.sample_pairs(), start=1):
        for half, suffix in ((pair.even, "EVN"), (pair.odd, "ODD")):
            pixels = half.window(0, 0, *half.shape)
            halves.append(raw_layer(Micrograph(pixels, half.pixel_size, f"sample{number}_{suffix}")))
    return halves

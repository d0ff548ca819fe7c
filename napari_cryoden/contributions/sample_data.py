"""Simulated micrographs to try everything with, without any file."""

from __future__ import annotations

from cryoden.micrograph import Micrograph
from cryoden.simulation.sample import sample_pairs as halves_of_the_sample
from napari_cryoden.layers.layer_data import LayerData, raw_layer


def sample_pairs() -> list[LayerData]:
    """Return even and odd halves of two simulated micrographs as layers.

    They carry the names that motion correction gives to halves, so that "Train a denoiser"
    finds the pairs.
    """
    halves = [half for pair in halves_of_the_sample() for half in (pair.even, pair.odd)]
    return [
        raw_layer(Micrograph(half.window(0, 0, *half.shape), half.pixel_size, half.name)) for half in halves
    ]

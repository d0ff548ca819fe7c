"""The passes of image_passes.cu on an emulated GPU."""

from __future__ import annotations

import ctypes

from torch import Tensor

from cryoden.kernels.image_passes import SHARED, SOURCE, Passes
from tests.cryoden.kernels import emulated


class EmulatedPasses(Passes):
    """The kernels' own source, run on the processor by a few blocks."""

    def __init__(self, library: ctypes.CDLL, blocks: int = 2) -> None:
        self._library, self._blocks = library, blocks

    def _launch(self, name: str, blocks: int, *arguments: Tensor | float | None) -> None:
        getattr(self._library, f"run_{name}")(blocks, *emulated.places(arguments))
        assert self._library.touched() <= SHARED.get(name, 0), f"{name} has too little shared memory"


def compiled() -> EmulatedPasses:
    """Compile them, or skip the test."""
    return EmulatedPasses(emulated.compiled(SOURCE, emulated.HERE / "emulate_passes.cpp"))

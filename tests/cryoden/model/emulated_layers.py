"""The kernels of float16_layers.cu on an emulated GPU."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import cast

from torch import Tensor

from cryoden.model.float16_layers import SOURCE, Layers, name
from tests.cryoden.kernels import emulated
from tests.cryoden.kernels.emulated import places


class EmulatedLayers:
    """The kernels' own source, run on the processor."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library

    def launch(self, channels: tuple[int, int], *arguments: Tensor | int | None) -> None:
        getattr(self._library, f"run_{name(channels)}")(2, *places(arguments))


def compiled() -> Layers:
    """Compile them, or skip the test."""
    library = emulated.compiled(SOURCE, Path(__file__).with_name("emulate_layers.cpp"))
    return cast("Layers", EmulatedLayers(library))

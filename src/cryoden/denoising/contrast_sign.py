"""Whether particles are darker or brighter than the ice, which the general model cannot see turned over.

It learned from micrographs as a microscope records them, where matter is dark. What is dense is the
exception in them: where the network's output has a tail to the bright side, or hardly anything, it is
computed once more from the micrograph turned over, and the better of the two is taken. Better is what
has more in it and, both together, explains clearly more of the micrograph: of 21 real micrographs and 36
simulated ones none was turned as it was recorded.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import cache

import torch
from torch import Tensor

from cryoden.denoising.nothing_left import FAINT
from cryoden.denoising.tiled_network import TiledNetwork
from cryoden.errors import Remark
from cryoden.events.batch import TileFinished
from cryoden.image.normalization import Normalization
from cryoden.model.checkpoint import Model, load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings

LITTLE = 0.06  # standard deviation of an output that may be from a micrograph of the other sign
MORE, CLEARLY = 1.01, 1.03  # times as much in it; and that times what it explains
TURNED = Remark(
    "T11",
    "particles seem brighter than the ice: turned over for the network (--no-auto-invert keeps them)",
)


def is_sought(model: Model, settings: DenoisingSettings) -> bool:
    """Tell whether the sign is to be found out: for the general model, where nobody has said it."""
    return settings.auto_invert and not settings.invert and model.sha256 == _general()


def turned(scored: Tensor, gray: Normalization) -> Tensor:
    """Return scored pixels with dark and bright exchanged."""
    return sum(gray.limits) - scored


def output(
    network: TiledNetwork, working: Tensor, *, seek_sign: bool
) -> Generator[TileFinished, None, tuple[Tensor, int, tuple[Remark, ...]]]:
    """Yield each tile that is done; return an output for ``(h, w)`` working pixels, and what is odd.

    The number that is returned, too, is -1 where it is the output for the negative, else 1.

    Raises
    ------
    TrainingError
        See `cryoden.denoising.tiled_network.TiledNetwork.output`.
    """
    found = yield from network.output(working)
    if not seek_sign or not bool(odd(found)):
        return found, 1, ()
    with torch.inference_mode():  # never around a yield: it would leak to the caller
        negative = -working
    other = yield from network.output(negative)
    with torch.inference_mode():
        better = _clearly_better(other, found, working)
    return (other, -1, (TURNED,)) if better else (found, 1, ())


def odd(found: Tensor) -> Tensor:
    """Return, as a tensor, whether an output may be from a micrograph of the other sign."""
    about = found - found.mean()
    return ((about * about.square()).mean() > 0) | (about.std() < LITTLE)


def _clearly_better(other: Tensor, found: Tensor, working: Tensor) -> bool:
    has_more = other.std() > (MORE * found.std()).clamp(min=FAINT)
    one, two = (
        _explained(image, seen) * image.std() for image, seen in ((found, working), (other, -working))
    )
    return bool(has_more & (two > CLEARLY * one.clamp(min=0)))


def _explained(output: Tensor, working: Tensor) -> Tensor:
    """Return by how much less the micrograph varies about the output than about nothing."""
    return (output * working).mean() - output.square().mean() / 2


@cache
def _general() -> str:
    return load(GENERAL).sha256

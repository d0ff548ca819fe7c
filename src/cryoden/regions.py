"""Which pixels a run may learn from, and which it is judged on: never the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cryoden.errors import MicrographError, TrainingError
from cryoden.micrograph import Windowed


@dataclass(frozen=True)
class TrainingPair:
    """What the network sees and what it is compared with, of the same scene."""

    noisy: Windowed
    target: Windowed

    @property
    def name(self) -> str:
        """Name of the noisy micrograph, which stands for the pair."""
        return self.noisy.name


@dataclass(frozen=True)
class Region:
    """A rectangle of one pair, in pixels: a whole micrograph, or a part of a lone one."""

    pair: TrainingPair
    top: int
    left: int
    height: int
    width: int


def split(
    pairs: Sequence[TrainingPair], held_out: float, edge: int, seed: int
) -> tuple[list[Region], list[Region]]:
    """Divide pairs into training and held-out regions that share no pixel.

    Whole micrographs are held out; a lone pair gives up a strip across its longer side.

    Raises
    ------
    TrainingError
        T00 when there is no pair.
    MicrographError
        D12 for a micrograph smaller than a patch.
    """
    if not pairs:
        raise TrainingError("T00", None, "no pairs to train on", fix="Give at least one pair of micrographs")
    wholes = [_whole(pair, edge) for pair in pairs]
    if len(wholes) == 1:
        return _strips(wholes[0], held_out, edge)
    number = min(len(pairs) - 1, max(1, round(held_out * len(pairs))))
    chosen = set(np.random.Generator(np.random.Philox(key=seed)).permutation(len(pairs))[:number].tolist())
    training = [region for i, region in enumerate(wholes) if i not in chosen]
    return training, [wholes[i] for i in sorted(chosen)]


def _whole(pair: TrainingPair, edge: int) -> Region:
    height, width = pair.noisy.shape
    if min(height, width) < edge:
        raise MicrographError(
            "D12",
            pair.noisy.path or pair.name,
            f"smaller than a patch ({height}×{width} px, patch {edge} px)",
            kept="Nothing was trained",
            fix=f"Choose a patch of {max(32, min(height, width) // 32 * 32)} px or leave this micrograph out",
        )
    return Region(pair, 0, 0, height, width)


def _strips(whole: Region, held_out: float, edge: int) -> tuple[list[Region], list[Region]]:
    longer = max(whole.height, whole.width)
    strip = max(edge, round(held_out * longer))
    if longer - strip < edge:
        raise MicrographError(
            "D12",
            whole.pair.noisy.path or whole.pair.name,
            f"too small to hold a part out (longer side {longer} px, two patches of {edge} px needed)",
            kept="Nothing was trained",
            fix=f"Choose a patch of {max(32, longer // 64 * 32)} px or give a second pair",
        )
    at = longer - strip
    if whole.height >= whole.width:
        parts = Region(whole.pair, 0, 0, at, whole.width), Region(whole.pair, at, 0, strip, whole.width)
    else:
        parts = Region(whole.pair, 0, 0, whole.height, at), Region(whole.pair, 0, at, whole.height, strip)
    return [parts[0]], [parts[1]]

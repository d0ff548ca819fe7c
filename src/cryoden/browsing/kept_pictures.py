"""The pictures that were shown lately, and those that may be shown next, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from cryoden.browsing.recent import Recent
from cryoden.micrograph import Micrograph, Pixels
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.reading import ReadingSettings

MOST = 2**30  # bytes
AHEAD = 2  # exposures behind the one that is looked at
Stage = Literal["raw", "preview", "denoised", "thumbnail"]


@dataclass(frozen=True)
class Choices:
    """How pictures are made.

    Parameters
    ----------
    model : Path or None
        What exposures without a result are denoised with; ``None`` for not at all.
    settings : DenoisingSettings
        How.
    reading : ReadingSettings or None
        How files are read.
    """

    model: Path | None = None
    settings: DenoisingSettings = field(default_factory=DenoisingSettings)
    reading: ReadingSettings | None = None


class Key(NamedTuple):
    """Which picture: of which exposure, what, and made how; of raw ones only how they are read counts."""

    name: str
    stage: Stage
    choices: Choices


def key_of(name: str, stage: Stage, choices: Choices) -> Key:
    """Return the key of a picture."""
    return Key(name, stage, Choices(reading=choices.reading) if stage == "raw" else choices)


@dataclass(frozen=True, eq=False)
class Shown:
    """A micrograph as it is shown; one of its pixels is ``edge`` × ``edge`` of the exposure's.

    What is kept has all ``levels`` that a screen may show; see `cryoden.image.block_mean.pyramid`.
    """

    micrograph: Micrograph
    edge: int = 1
    levels: Sequence[Pixels] = ()


Kept: TypeAlias = Recent[Key, Shown]


def kept_pictures(most: int = MOST) -> Kept:
    """Return where pictures are kept up to so many bytes."""
    return Kept(most, _bytes)


def room_ahead(kept: Kept) -> int:
    """Return for how many exposures behind the one that is looked at there is room, by what is kept now."""
    if not len(kept):
        return AHEAD
    one = 2 * kept.bytes / len(kept)  # raw and denoised; previews are small, and make it less
    return max(0, min(AHEAD, int(kept.most / one) - 1))


def _bytes(shown: Shown) -> int:
    return sum(level.nbytes for level in shown.levels or [shown.micrograph.data])

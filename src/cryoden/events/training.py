"""What a run reports while it runs.

Frozen dataclasses of Python scalars and fresh float32 arrays. The library yields them, and
command line, viewer and tests iterate the same generator; state is folded from them
(`cryoden.events.history`). Stopping a run is to stop asking for the next event.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cryoden.events.quality import UNJUDGED, HeldOutQuality, References, TrainingStatus
from cryoden.micrograph import Micrograph
from cryoden.settings.baseline import BaselineSettings
from cryoden.settings.training import TrainingSettings

Mode = Literal["noise2noise", "supervised"]
GrayScale = Literal["z-score", "positive"]  # see `cryoden.image.normalization`
Trouble = Literal["collapsed", "diverged"]
Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class PhaseStarted:
    """A named stretch of work before the first step, such as "measuring micrographs"."""

    phase: str


@dataclass(frozen=True)
class TrainingStarted:
    """First event with everything that stays true for the whole run.

    ``epochs`` is 0 when the run is limited by time, ``seconds`` is 0 when by epochs.
    ``working_pixel`` is the Å/px the network works at, ``None`` for the micrographs' own pixels;
    ``patch`` the edge in working px that was used, ``batch`` how many a step has; ``scale`` what the
    network sees of gray values; ``warnings`` what was assumed or is odd.
    """

    settings: TrainingSettings | BaselineSettings
    mode: Mode
    device: str
    precision: str
    parameters: int
    training: tuple[str, ...]
    validation: tuple[str, ...]
    pixel_size: float | None
    references: References
    epochs: int
    seconds: float
    steps_per_epoch: int
    working_pixel: float | None = None
    patch: int = 0
    scale: GrayScale = "z-score"
    warnings: tuple[str, ...] = ()
    batch: int = 0

    @property
    def held_out(self) -> tuple[str, ...]:
        """What it is judged by, in words where that is a part of what it learns from."""
        shared = set(self.training) & set(self.validation)
        return ("strips of it that are not trained on",) if shared else self.validation


@dataclass(frozen=True)
class StepFinished:
    """One update of the weights.

    ``progress`` runs from 0 to 1 and ``remaining`` counts seconds to the end of the run.
    """

    step: int
    epoch: int
    loss: float
    learning_rate: float
    elapsed: float
    progress: float
    remaining: float


@dataclass(frozen=True)
class Speed:
    """How fast an epoch was: its seconds, and batches, images and MB (10⁶ bytes of float32) a second."""

    seconds: float
    batches: float
    images: float
    megabytes: float


@dataclass(frozen=True)
class EpochFinished:
    """A pass and its validation on held-out data; epoch 0 is the untrained start.

    ``correlation`` is r(denoised noisy, raw target). ``weights`` is a fresh copy when this
    epoch is the best so far, else ``None``. ``collapsed`` says that the output has become
    (nearly) constant. ``train_loss`` is no number where no step was taken. ``gpu_bytes`` is the
    most that was held of the GPU's memory, and what it has; ``None`` elsewhere. ``speed`` is reported
    where pairs are streamed.
    """

    epoch: int
    step: int
    elapsed: float
    train_loss: float
    validation_loss: float
    correlation: float
    collapsed: bool
    quality: HeldOutQuality
    weights: Weights | None
    verdict: TrainingStatus = UNJUDGED
    gpu_bytes: tuple[int, int] | None = None
    speed: Speed | None = None


@dataclass(frozen=True)
class BatchHalved:
    """Memory was too small for a step: from here on a batch's ``patches`` are computed in ``parts``.

    There were so many ``before``. But for rounding a step does the same.
    """

    step: int
    patches: int
    before: int
    parts: int

    @property
    def warning(self) -> str:
        """What happened, in one line."""
        most, then = (-(-self.patches // parts) for parts in (self.parts, self.before))
        return (
            f"T06: out of memory at step {self.step:,}: of a batch's {self.patches} patches {most} are "
            f"computed at once from here on, {then} before. Batches stay as they are, and nothing is lost"
        )


@dataclass(frozen=True)
class Restarted:
    """A run that went wrong restarts from its best weights, or its starting model, at a lower learning rate.

    ``attempt`` counts from 1; steps and epochs count on.
    """

    attempt: int
    why: Trouble
    message: str
    learning_rate: float


@dataclass(frozen=True)
class TrainingFinished:
    """Last event of a run that was asked to its end, with the reason for the end."""

    reason: Literal["completed", "plateau", "stopped"] | Trouble
    message: str
    epochs: int
    best_epoch: int
    best_loss: float
    elapsed: float


@dataclass(frozen=True)
class PreviewMade:
    """A region denoised with the weights of this step; ``top`` and ``left`` in px of its micrograph."""

    step: int
    top: int
    left: int
    region: Micrograph


@dataclass(frozen=True, eq=False)
class TrainingState:
    """Everything that a run is resumed from after ``step`` steps, as copies; given where one is due.

    ``arrays`` are by name, ``values`` plain JSON values that may be NaN. A run that is resumed from it is
    the run that took it, bit for bit on the same machine; `cryoden.checkpoints` keeps it on disk.
    """

    step: int
    arrays: Mapping[str, NDArray[Any]]
    values: Mapping[str, Any]

    @property
    def fingerprint(self) -> int:
        """A number that another state hardly has."""
        found = 0
        for name in sorted(self.arrays):
            found = zlib.crc32(self.arrays[name].tobytes(), found)
        return found


@dataclass(frozen=True)
class CheckpointSaved:
    """A state is on disk, or, with a ``warning``, could not be written: the one before it is kept."""

    step: int
    path: Path
    warning: str = ""


@dataclass(frozen=True, eq=False)
class Resumed:
    """A run continues after ``step`` steps, and ``elapsed`` seconds of its own time.

    ``past`` is what it reported before, ``best`` its best epoch with its weights, ``notes`` what is said
    of how it continues.
    """

    step: int
    elapsed: float
    past: tuple[StepFinished | EpochFinished, ...]
    best: EpochFinished | None
    notes: tuple[str, ...] = ()


TrainingEvent = (
    PhaseStarted
    | TrainingStarted
    | Resumed
    | StepFinished
    | EpochFinished
    | BatchHalved
    | Restarted
    | PreviewMade
    | TrainingState
    | CheckpointSaved
    | TrainingFinished
)

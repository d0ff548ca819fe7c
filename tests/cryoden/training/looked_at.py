"""The scene that previews show."""

from __future__ import annotations

from cryoden.events.training import TrainingEvent
from cryoden.micrograph import HalfPair
from cryoden.settings.training import TrainingSettings
from cryoden.training.preview_request import PreviewRegion, PreviewRequest, RunControl
from cryoden.workflows import train_model
from tests.cryoden.scenes import scene

SETTINGS = TrainingSettings(
    device="cpu", epochs=1, steps_per_epoch=6, batch=1, patch=64, start_from="scratch"
)


KNOWN = scene(1, (512, 400))
PAIR = HalfPair(KNOWN.even, KNOWN.odd)


def run(previews: PreviewRequest | None, settings: TrainingSettings = SETTINGS) -> list[TrainingEvent]:
    return list(
        train_model.train_halves([PAIR], None, settings, control=RunControl(previews or PreviewRequest()))
    )


def looking(row: int = 256, column: int = 200) -> PreviewRequest:
    previews = PreviewRequest()
    previews.look(PreviewRegion(KNOWN.even, row, column))
    return previews

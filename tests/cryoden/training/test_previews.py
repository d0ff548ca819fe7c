"""What is seen of a run while it goes on, and what that costs it."""

from __future__ import annotations

import pytest

from cryoden.denoising.denoise import denoise
from cryoden.events.batch import MicrographDenoised
from cryoden.events.training import PreviewMade, StepFinished, TrainingEvent
from cryoden.micrograph import HalfPair
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.training import TrainingSettings
from cryoden.training.preview_request import EDGE, PreviewRegion, PreviewRequest
from cryoden.workflows import train_model
from tests.cryoden.scenes import scene

SETTINGS = TrainingSettings(
    device="cpu", epochs=1, steps_per_epoch=6, batch=1, patch=64, start_from="scratch"
)
KNOWN = scene(1, (512, 400))
PAIR = HalfPair(KNOWN.even, KNOWN.odd)


def run(previews: PreviewRequest | None, settings: TrainingSettings = SETTINGS) -> list[TrainingEvent]:
    return list(train_model.train_halves([PAIR], None, settings, previews=previews))


def looking(row: int = 256, column: int = 200) -> PreviewRequest:
    previews = PreviewRequest()
    previews.look(PreviewRegion(KNOWN.even, row, column))
    return previews


def test_the_first_picture_comes_before_the_first_step_and_no_second_within_two_seconds() -> None:
    kinds = [type(event) for event in run(looking())]
    assert kinds.count(PreviewMade) == 1
    assert kinds.index(PreviewMade) < kinds.index(StepFinished)


def test_a_new_spot_is_shown_after_the_next_step() -> None:
    previews = looking()
    shown = []
    for event in train_model.train_halves([PAIR], None, SETTINGS, previews=previews):
        if isinstance(event, StepFinished) and event.step == 3:
            previews.look(PreviewRegion(KNOWN.odd, 0, 0))
        if isinstance(event, PreviewMade):
            shown.append(event)
    assert [(one.step, one.region.name) for one in shown] == [(0, KNOWN.even.name), (3, KNOWN.odd.name)]
    assert (shown[1].top, shown[1].left) == (0, 0)


def test_nobody_looking_costs_no_picture_and_looking_changes_no_loss() -> None:
    without, with_preview = (
        [event.loss for event in run(one) if isinstance(event, StepFinished)] for one in (None, looking())
    )
    assert without == with_preview
    assert not any(isinstance(event, PreviewMade) for event in run(PreviewRequest()))


def test_the_first_picture_is_what_denoising_gives_there_with_the_model_a_run_begins_with() -> None:
    """But for its rim: what lies beyond the region is mirrored in a preview."""
    settings = TrainingSettings(device="cpu", epochs=1, steps_per_epoch=1, batch=1, patch=64)
    shown = next(event for event in run(looking(), settings) if isinstance(event, PreviewMade))
    whole = DenoisingSettings(device="cpu", ice_ring=False)
    *_, last = denoise(KNOWN.even, load(GENERAL), whole)
    assert isinstance(last, MicrographDenoised)
    height, width = shown.region.shape
    expected = last.micrograph.data[shown.top : shown.top + height, shown.left : shown.left + width]
    inner = slice(100, -100)
    difference = (shown.region.data - expected)[inner, inner]
    assert difference.std() < 0.05 * expected[inner, inner].std()


@pytest.mark.parametrize(("row", "column"), [(0, 0), (256, 200), (511, 399), (-50, 900)])
def test_a_region_lies_within_the_micrograph(row: int, column: int) -> None:
    top, left, bottom, right = PreviewRegion(KNOWN.even, row, column).box(1.5)
    assert 0 <= top < bottom <= 512
    assert 0 <= left < right <= 400
    assert (bottom - top, right - left) == (round(1.5 * EDGE), round(1.5 * EDGE))

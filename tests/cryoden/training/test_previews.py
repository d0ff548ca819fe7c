"""What is seen of a run while it goes on, and what that costs it."""

from __future__ import annotations

from cryoden.denoising.denoise import denoise
from cryoden.events.batch import MicrographDenoised
from cryoden.events.training import PreviewMade, StepFinished
from cryoden.model.checkpoint import load
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.training import TrainingSettings
from cryoden.training.preview_request import PreviewRegion, RunControl
from cryoden.workflows import train_model
from tests.cryoden.training.looked_at import KNOWN, PAIR, SETTINGS, looking, run


def test_the_first_picture_comes_before_the_first_step_and_no_second_within_two_seconds() -> None:
    kinds = [type(event) for event in run(looking())]
    assert kinds.count(PreviewMade) == 1
    assert kinds.index(PreviewMade) < kinds.index(StepFinished)


def test_a_new_spot_is_shown_after_the_next_step() -> None:
    previews = looking()
    shown = []
    for event in train_model.train_halves([PAIR], None, SETTINGS, control=RunControl(previews)):
        if isinstance(event, StepFinished) and event.step == 3:
            previews.look(PreviewRegion(KNOWN.odd, 0, 0))
        if isinstance(event, PreviewMade):
            shown.append(event)
    assert [(one.step, one.region.name) for one in shown] == [(0, KNOWN.even.name), (3, KNOWN.odd.name)]
    assert (shown[1].top, shown[1].left) == (0, 0)


def test_the_first_picture_is_what_denoising_gives_there_with_the_model_a_run_begins_with() -> None:
    """But for its rim: what lies beyond the region is mirrored in a preview."""
    settings = TrainingSettings(device="cpu", epochs=1, steps_per_epoch=1, batch=1, patch=64)
    shown = next(event for event in run(looking(), settings) if isinstance(event, PreviewMade))
    whole = DenoisingSettings(device="cpu", ice_ring=False, ring_gains=False)
    *_, last = denoise(KNOWN.even, load(GENERAL), whole)
    assert isinstance(last, MicrographDenoised)
    height, width = shown.region.shape
    expected = last.micrograph.data[shown.top : shown.top + height, shown.left : shown.left + width]
    inner = slice(100, -100)
    difference = (shown.region.data - expected)[inner, inner]
    assert difference.std() < 0.05 * expected[inner, inner].std()

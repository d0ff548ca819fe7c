from __future__ import annotations

import pytest

from cryoden.events.training import PreviewMade, StepFinished
from cryoden.training.preview_request import EDGE, PreviewRegion, PreviewRequest
from tests.cryoden.training.looked_at import KNOWN, looking, run


def test_nobody_looking_costs_no_picture_and_looking_changes_no_loss() -> None:
    without, with_preview = (
        [event.loss for event in run(one) if isinstance(event, StepFinished)] for one in (None, looking())
    )
    assert without == with_preview
    assert not any(isinstance(event, PreviewMade) for event in run(PreviewRequest()))


@pytest.mark.parametrize(("row", "column"), [(0, 0), (256, 200), (511, 399), (-50, 900)])
def test_a_region_lies_within_the_micrograph(row: int, column: int) -> None:
    top, left, bottom, right = PreviewRegion(KNOWN.even, row, column).box(1.5)
    assert 0 <= top < bottom <= 512
    assert 0 <= left < right <= 400
    assert (bottom - top, right - left) == (round(1.5 * EDGE), round(1.5 * EDGE))

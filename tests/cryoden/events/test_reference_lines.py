from __future__ import annotations

from dataclasses import fields

from cryoden.events.quality import References
from cryoden.events.reference_lines import LINES, REFERENCES, loss_label


def test_each_reference_is_a_loss_that_is_measured() -> None:
    assert set(REFERENCES) <= {field.name for field in fields(References)}


def test_no_two_lines_are_drawn_or_called_alike_on_paper_or_screen() -> None:
    for look in (
        [(line.on_white, line.dashes) for line in LINES.values()],
        [(line.on_dark, line.dashes) for line in LINES.values()],
        [line.label for line in LINES.values()],
    ):
        assert len(set(look)) == len(LINES)


def test_the_loss_of_a_blank_image_is_1_on_z_scores_only() -> None:
    assert "1 = blank image" in loss_label("z-score")
    assert "1" not in loss_label("positive")

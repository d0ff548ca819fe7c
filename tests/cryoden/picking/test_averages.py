from __future__ import annotations

import numpy as np

from cryoden.picking.averages import class_averages
from cryoden.picking.working_image import working_image
from tests.cryoden.picking.planted import DIAMETER, PIXEL
from tests.cryoden.picking.test_templates import LONG, WIDE, scene


def test_rods_in_all_directions_have_an_average_that_is_a_rod() -> None:
    one, places = scene()
    image = working_image(one, LONG * PIXEL, PIXEL)
    rods, discs = (image.working(places[at::2]) for at in (0, 1))
    made = class_averages([(image, np.concatenate([rods, rods + 0.2]))], 1)
    assert made is not None
    assert made.pixel_size == image.pixel_size
    assert _elongation(made.averages[0]) > 1.6
    other = class_averages([(image, np.concatenate([discs, discs + 0.2]))], 1)
    assert other is not None
    assert _elongation(other.averages[0]) < 1.4


def test_two_kinds_have_two_averages() -> None:
    one, places = scene()
    image = working_image(one, LONG * PIXEL, PIXEL)
    made = class_averages([(image, np.concatenate([image.working(places)] * 3))], 2)
    assert made is not None
    low, high = sorted(map(_elongation, made.averages))
    assert high > 1.5 * low or high > 1.6


def test_few_picks_have_no_average() -> None:
    one, places = scene()
    image = working_image(one, DIAMETER, PIXEL)
    assert class_averages([(image, image.working(places[:5]))], 3) is None


def _elongation(average: np.ndarray) -> float:
    """Return the ratio of the widths along the axes of what is bright."""
    bright = np.clip(average - 0.4 * average.max(), 0, None)
    row, column = np.indices(average.shape) - average.shape[0] // 2
    total = bright.sum()
    moments = [[(bright * a * b).sum() / total for a in (row, column)] for b in (row, column)]
    low, high = np.linalg.eigvalsh(np.array(moments))
    assert WIDE
    return float((high / low) ** 0.5)

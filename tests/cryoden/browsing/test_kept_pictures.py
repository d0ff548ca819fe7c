from __future__ import annotations

from pathlib import Path

import numpy as np

from cryoden.browsing.kept_pictures import AHEAD, Choices, Shown, kept_pictures, key_of, room_ahead
from cryoden.micrograph import Micrograph
from cryoden.settings.reading import ReadingSettings


def shown(edge: int) -> Shown:
    return Shown(Micrograph(np.zeros((edge, edge), np.float32), 1.0, "m"))


def test_a_raw_picture_is_the_same_with_any_model_and_a_denoised_one_is_not() -> None:
    one, other = Choices(Path("a.safetensors")), Choices(Path("b.safetensors"))
    assert key_of("m", "raw", one) == key_of("m", "raw", other)
    assert key_of("m", "denoised", one) != key_of("m", "denoised", other)
    assert key_of("m", "raw", one) != key_of("m", "raw", Choices(reading=ReadingSettings(nan="mean")))


def test_less_is_made_ahead_where_pictures_are_big() -> None:
    kept = kept_pictures(6 * 4 * 64**2)  # three exposures
    assert room_ahead(kept) == AHEAD
    kept.put(key_of("a", "raw", Choices()), shown(64))
    assert room_ahead(kept) == 2
    kept.clear()
    kept.put(key_of("a", "raw", Choices()), shown(80))
    assert room_ahead(kept) == 0

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cryoden.errors import SettingsError
from cryoden.image.filters import wiener
from cryoden.micrograph import Micrograph
from cryoden.picking.known_particles import Annotated
from cryoden.picking.measure import (
    CHANCE,
    MethodPicked,
    PickingFinished,
    PickingQuestion,
    low_pass_name,
    measure_picking,
    measured_on,
    of_sum,
)
from cryoden.picking.picks import made
from cryoden.settings.picking import PickingSettings
from tests.cryoden.picking.planted import DIAMETER, PIXEL, PLACES, discs, written
from tests.cryoden.picking.test_known_particles import coordinates

SETTINGS = PickingSettings(diameter=DIAMETER)


def results(noise: float = 1.0, *, sign: int = 1) -> dict[str, MethodPicked]:
    even, odd = (np.float32(sign) * discs(noise=noise, seed=seed) for seed in (1, 2))
    one = Annotated(
        "m",
        Micrograph(np.float32(0.5) * (even + odd), PIXEL, "m"),
        (even, odd),
        made(PLACES, np.full(7, np.nan)),
        {},
    )
    return {found.method: found for found in measured_on(one, SETTINGS, {})}


def test_on_a_clear_micrograph_every_method_finds_all_and_chance_next_to_none() -> None:
    found = results()
    assert set(found) == {
        "raw", *map(low_pass_name, (10, 20, 30, 40, 60, 80)), "Wiener", CHANCE,
    }  # fmt: skip
    assert all(one.detection.average_precision == 1 for one in found.values() if one.method != CHANCE)
    assert found[CHANCE].detection.average_precision < 0.2
    assert (found["raw"].taken, found["raw"].true) == (7, 7)


def test_noise_hides_particles_from_the_picker() -> None:
    clear, noisy = (results(noise)["raw"].detection.average_precision for noise in (1.0, 12.0))
    assert noisy < clear - 0.2


def test_bright_particles_are_found_with_the_contrast_of_the_raw_micrograph() -> None:
    assert results(sign=-1)["Wiener"].detection.average_precision == 1


def test_the_filter_of_a_sum_passes_more_than_that_of_a_half() -> None:
    half = wiener([(discs(noise=2, seed=1), discs(noise=2, seed=2))], PIXEL)
    whole = of_sum(half)
    assert (whole.gain >= half.gain - 1e-12).all()
    signal = half.gain / (1 - half.gain + 1e-12)  # S / N of a half; of the sum it is twice as much
    np.testing.assert_allclose(whole.gain, 2 * signal / (1 + 2 * signal), atol=1e-6)


def test_files_are_measured_with_the_picks_they_have(tmp_path: Path) -> None:
    written(tmp_path / "m.mrc", discs(noise=1.0))
    picks = coordinates(tmp_path / "m.star")
    *each, ended = measure_picking(PickingQuestion([tmp_path / "m.mrc"], [picks], SETTINGS))
    assert isinstance(ended, PickingFinished)
    assert ended.results == tuple(each)
    assert not ended.of_picker
    assert "Wiener" not in {one.method for one in ended.results}, "it needs two halves"


def test_picks_with_figures_of_merit_are_known_to_be_of_a_picker(tmp_path: Path) -> None:
    written(tmp_path / "m.mrc", discs(noise=1.0))
    (tmp_path / "p.txt").write_text("image_name\tx_coord\ty_coord\tscore\nm\t61\t70\t1.5\nm\t900\t70\t1.5\n")
    *_, ended = measure_picking(PickingQuestion([tmp_path / "m.mrc"], [tmp_path / "p.txt"], SETTINGS))
    assert isinstance(ended, PickingFinished)
    assert ended.of_picker
    assert [one.code for one in ended.remarks] == ["K06"]


def test_two_methods_of_one_name_are_refused(tmp_path: Path) -> None:
    written(tmp_path / "m.mrc", discs())
    picks = coordinates(tmp_path / "m.star")
    asked = PickingQuestion([tmp_path / "m.mrc"], [picks], SETTINGS)
    (tmp_path / "raw").mkdir()
    written(tmp_path / "raw" / "m.mrc", discs())
    with pytest.raises(SettingsError, match="S05"):
        list(measure_picking(replace(asked, others={"raw": [tmp_path / "raw"]})))

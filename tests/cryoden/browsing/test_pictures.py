from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cryoden.browsing.exposure_list import Exposure, exposures_in
from cryoden.browsing.kept_pictures import Choices, Key, kept_pictures
from cryoden.browsing.pictures import PictureEvent, PictureFailed, PictureMade, ThumbnailMade, pictures
from cryoden.browsing.requests import Requests
from cryoden.formats import micrographs
from cryoden.image.block_mean import block_mean
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from tests.cryoden.browsing.acquisition import write_folder, write_project
from tests.cryoden.scenes import correlation

CHOICES = Choices(GENERAL, DenoisingSettings(device="cpu"))
NOT_DENOISED = Choices()


class Looking:
    """Requests, what is kept, and what has been made of them."""

    def __init__(self, most: int = 2**30) -> None:
        self.kept = kept_pictures(most)
        self.requests = Requests(self.kept)
        self.events: Iterator[PictureEvent | None] = pictures(self.requests, self.kept)

    def made(self) -> list[PictureEvent]:
        """Return what is made until there is nothing to do."""
        made = list[PictureEvent]()
        while any(found := [next(self.events) for _ in range(2)]):  # what needs not be made is None, too
            made += [event for event in found if event is not None]
        return made

    def look(self, *exposures: Exposure, choices: Choices = CHOICES) -> list[PictureEvent]:
        self.requests.look(exposures, choices)
        return self.made()


def names(events: list[PictureEvent]) -> list[str]:
    return [f"{event.key.name} {event.key.stage}" for event in events]


@pytest.fixture
def exposures(tmp_path: Path) -> tuple[Exposure, ...]:
    return exposures_in(write_project(tmp_path, (400, 480))).exposures


def test_raw_preview_and_denoised_come_one_after_another_then_the_next_one(
    exposures: tuple[Exposure, ...],
) -> None:
    looking = Looking()
    events = looking.look(exposures[0], exposures[2])
    first, last = exposures[0].name, exposures[2].name
    assert names(events) == [
        f"{first} raw", f"{first} preview", f"{first} denoised", f"{first} thumbnail",
        f"{last} raw", f"{last} denoised", f"{last} thumbnail",
    ]  # fmt: skip
    raw, preview, denoised = (event.shown for event in events[:3] if isinstance(event, PictureMade))
    assert raw.micrograph.shape == denoised.micrograph.shape == (400, 480)
    assert preview.micrograph.pixel_size == preview.edge * 1.5
    coarse = block_mean(denoised.micrograph.data, preview.edge)
    assert correlation(preview.micrograph.data, coarse.astype(np.float32)) > 0.6
    assert looking.look(exposures[2]) == []  # it was made ahead


def test_a_result_that_is_there_is_read_and_not_made(tmp_path: Path) -> None:
    exposure = exposures_in(write_folder(tmp_path)).exposures[1]
    events = Looking().look(exposure)
    assert names(events) == ["m2.mrc raw", "m2.mrc denoised", "m2.mrc thumbnail"]
    assert isinstance(events[1], PictureMade)
    wanted = micrographs.read(tmp_path / "m2_denoised.mrc").data
    assert np.array_equal(events[1].shown.micrograph.data, wanted)


def test_without_a_model_only_raw_pictures_are_made(exposures: tuple[Exposure, ...]) -> None:
    assert names(Looking().look(*exposures[:1], choices=NOT_DENOISED)) == [f"{exposures[0].name} raw"]


def test_what_is_not_wanted_any_more_is_given_up(exposures: tuple[Exposure, ...]) -> None:
    looking = Looking()
    small_tiles = Choices(GENERAL, DenoisingSettings(device="cpu", tile=128))
    looking.requests.look(exposures[:1], small_tiles)
    begun = [next(looking.events), next(looking.events)]
    assert [type(event) for event in begun] == [PictureMade, PictureMade]
    wanted, left = looking.requests.is_wanted, list[str]()

    def then_leave(task: object) -> bool:  # the key comes between the first tile and the second
        if not left:
            left.append("")
            looking.requests.look(exposures[1:2], NOT_DENOISED)
        return wanted(task)  # type: ignore[arg-type]

    looking.requests.is_wanted = then_leave  # type: ignore[method-assign]
    assert next(looking.events) is None
    assert names(looking.made()) == [f"{exposures[1].name} raw"]
    assert Key(exposures[0].name, "denoised", small_tiles) not in looking.kept


def test_a_bad_file_is_reported_once_and_the_next_one_shown(exposures: tuple[Exposure, ...]) -> None:
    assert exposures[0].micrograph is not None
    exposures[0].micrograph.write_text("no micrograph")
    looking = Looking()
    events = looking.look(*exposures[:2], choices=NOT_DENOISED)
    assert isinstance(events[0], PictureFailed)
    assert "a 1.mrc" in events[0].problem
    assert names(events[1:]) == [f"{exposures[1].name} raw"]
    assert looking.look(exposures[0], choices=NOT_DENOISED) == []


def test_a_model_that_cannot_be_read_is_reported_and_raw_is_shown(
    exposures: tuple[Exposure, ...], tmp_path: Path
) -> None:
    events = Looking().look(exposures[0], choices=Choices(tmp_path / "none.safetensors"))
    assert [type(event) for event in events] == [PictureMade, PictureFailed, PictureFailed]


def test_thumbnails_are_small_and_made_of_results_where_there_are_any(tmp_path: Path) -> None:
    exposures = exposures_in(write_folder(tmp_path)).exposures
    looking = Looking()
    looking.requests.want_thumbnails(exposures, NOT_DENOISED)
    made = [event for event in looking.made() if isinstance(event, ThumbnailMade)]
    assert [event.key.name for event in made] == [one.name for one in exposures]
    assert all(max(event.pixels.shape) <= 128 and event.pixels.dtype == np.uint8 for event in made)


def test_however_many_are_looked_at_no_more_is_kept_than_there_is_room_for(tmp_path: Path) -> None:
    first = write_folder(tmp_path) / "m2.mrc"
    for number in range(3, 9):
        shutil.copy(first, tmp_path / f"n{number}.mrc")
    picture = 4 * 96 * 128
    looking = Looking(4 * picture)
    for exposure in exposures_in(tmp_path).exposures:
        looking.look(exposure, choices=NOT_DENOISED)
        assert looking.kept.bytes <= 4 * picture
    assert len(looking.kept) == 4

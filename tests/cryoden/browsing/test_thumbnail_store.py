from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.browsing.exposure_list import Exposure
from cryoden.browsing.kept_pictures import Choices, kept_pictures
from cryoden.browsing.pictures import ThumbnailMade, pictures
from cryoden.browsing.requests import Requests, Task
from cryoden.browsing.thumbnail_store import ThumbnailStore
from cryoden.image.block_mean import averaged_down
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from tests.cryoden.browsing.acquisition import write_folder

Tasks = Callable[..., Task]


@pytest.fixture
def store(tmp_path: Path) -> ThumbnailStore:
    return ThumbnailStore(tmp_path / "cache" / "thumbnails.sqlite")


@pytest.fixture
def task(tmp_path: Path) -> Tasks:
    folder = write_folder(tmp_path)

    def of(name: str = "m1.mrc", *, model: Path | None = None) -> Task:
        return Task(Exposure(name, folder / name), "thumbnail", Choices(model))

    return of


def small(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (72, 96), dtype=np.uint8)


def test_a_thumbnail_is_found_again_by_the_next_viewer(store: ThumbnailStore, task: Tasks) -> None:
    store.put(task(), small())
    found = ThumbnailStore(store._path).get(task())
    assert found is not None
    assert np.array_equal(found, small())


def test_that_of_another_file_model_or_setting_is_not_taken(store: ThumbnailStore, task: Tasks) -> None:
    first = task()
    store.put(first, small())
    assert store.get(task("m2.mrc")) is None
    assert store.get(task(model=GENERAL)) is None
    assert first.exposure.micrograph is not None
    os.utime(first.exposure.micrograph, ns=(0, 0))  # written once more, with as many bytes
    assert store.get(first) is None
    first.exposure.micrograph.unlink()
    assert store.get(first) is None


def test_those_that_were_asked_for_longest_ago_go_first(
    tmp_path: Path, task: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryoden.browsing.thumbnail_store.EVERY", 3)
    store = ThumbnailStore(tmp_path / "cache.sqlite", most=2)
    old, asked, new = task("m1.mrc"), task("m2.mrc"), task("m1.mrc", model=GENERAL)
    store.put(old, small(0))
    store.put(asked, small(1))
    store.put(old, small(0))  # the third, at which nothing is too much yet
    assert store.get(asked) is not None
    for _ in range(3):
        store.put(new, small(2))
    assert [store.get(one) is None for one in (old, asked, new)] == [True, False, False]


def test_a_damaged_cache_is_begun_anew(store: ThumbnailStore, task: Tasks) -> None:
    store._path.parent.mkdir()
    store._path.write_bytes(b"no database" * 1000)
    assert store.get(task()) is None
    store.put(task(), small())
    assert store.get(task()) is not None


def test_where_nothing_can_be_kept_nothing_is(tmp_path: Path, task: Tasks) -> None:
    (tmp_path / "file").write_text("no folder")
    store = ThumbnailStore(tmp_path / "file" / "thumbnails.sqlite")
    store.put(task(), small())
    assert store.get(task()) is None


def test_the_second_look_through_the_same_files_loads_no_model(store: ThumbnailStore, task: Tasks) -> None:
    loaded = list[str]()

    def look() -> list[np.ndarray]:
        kept = kept_pictures()
        requests = Requests(kept)
        choices = Choices(GENERAL, DenoisingSettings(device="cpu"))
        requests.want_thumbnails([task().exposure], choices)
        made = next(pictures(requests, kept, lambda: loaded.append("model"), store))
        assert isinstance(made, ThumbnailMade)
        return [made.pixels]

    first, second = look(), look()
    assert np.array_equal(first, second)
    assert loaded == ["model"]


def test_a_file_that_changes_while_it_is_looked_at_leaves_no_thumbnail(
    store: ThumbnailStore, task: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, kept = task(), kept_pictures()
    assert first.exposure.micrograph is not None
    requests = Requests(kept)
    requests.want_thumbnails([first.exposure], Choices())
    made = pictures(requests, kept, store=store)

    def then_changed(*given: Any) -> Any:
        os.utime(first.exposure.micrograph, ns=(0, 0))  # type: ignore[arg-type]  # there is one
        return averaged_down(*given)

    monkeypatch.setattr("cryoden.browsing.pictures.averaged_down", then_changed)
    assert isinstance(next(made), ThumbnailMade)
    assert store.get(replace(first, choices=Choices())) is None


def test_sessions_of_few_thumbnails_each_do_not_fill_the_disk(tmp_path: Path, task: Tasks) -> None:
    for model in (None, GENERAL):
        for name in ("m1.mrc", "m2.mrc"):
            ThumbnailStore(tmp_path / "cache.sqlite", most=2).put(task(name, model=model), small())
    last = ThumbnailStore(tmp_path / "cache.sqlite", most=2)
    assert (
        sum(
            last.get(task(name, model=model)) is not None
            for model in (None, GENERAL)
            for name in ("m1.mrc", "m2.mrc")
        )
        == 2
    )

"""Pairs read ahead of the step: what arrives, in what memory, and how it ends."""

from __future__ import annotations

import gc
import os
import sys
import threading
import weakref
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from cryoden.errors import MicrographError, PatchFileError
from cryoden.events.training import EpochFinished
from cryoden.experiment.build import build
from cryoden.experiment.engines import chosen
from cryoden.experiment.index import INDEX, Layout, Source, index_text, plan_of, shard_name
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.store import PatchStore
from cryoden.experiment.stream import PairBatch, Pairs, Stream, order
from cryoden.experiment.train import train
from cryoden.micrograph import Pixels
from cryoden.model.networks import build as network
from cryoden.settings.baseline import BaselineSettings, PatchSettings
from tests.cryoden.scenes import scene


class Numbered:
    """Pairs whose pixels are their number, and its negative."""

    edge = 16

    def __init__(self, count: int) -> None:
        self.count, self.asked = count, list[int]()

    def __len__(self) -> int:
        return self.count

    def read(self, index: int, noisy: Pixels, target: Pixels) -> None:
        self.asked.append(index)
        noisy[...], target[...] = index, -index


def stream(pairs: Pairs, batch: int = 4, threads: int = 3) -> Stream:
    return Stream(pairs, batch, threads, pinned=False)


def numbers(batch: PairBatch) -> list[int]:
    """Return which pairs a batch holds; all of their pixels say so."""
    found = batch.noisy[:, 0, 0, 0]
    assert (batch.noisy == found[:, None, None, None]).all()
    assert (batch.target == -found[:, None, None, None]).all()
    return [int(one) for one in found]


@pytest.fixture(scope="module")
def micrographs() -> PatchPairs:
    settings = PatchSettings(patch=64, stride=64, shard=5)
    return PatchPairs([scene(seed).even for seed in (1, 2)], None, settings)


@pytest.fixture
def store(micrographs: PatchPairs, tmp_path: Path) -> PatchStore:
    """The same twelve pairs on disk."""
    list(build(micrographs, tmp_path))
    return PatchStore(tmp_path)


@pytest.mark.parametrize("threads", [1, 3, 40])
@pytest.mark.parametrize("batch", [1, 4, 7])
def test_batches_hold_the_pairs_asked_for_in_order_and_the_last_may_be_smaller(
    batch: int, threads: int
) -> None:
    asked = [int(one) for one in order(100, 0, 1)]
    found = [numbers(one) for one in stream(Numbered(100), batch, threads).batches(iter(asked))]
    assert found == [asked[at : at + batch] for at in range(0, 100, batch)]


def test_a_batch_stays_as_it_is_until_the_next_but_one_is_asked_for() -> None:
    before: PairBatch | None = None
    for number, batch in enumerate(stream(Numbered(400), 2).batches(iter(range(400)))):
        if before is not None:
            assert numbers(before) == [2 * number - 2, 2 * number - 1]
        assert numbers(batch) == [2 * number, 2 * number + 1]
        before = batch


def test_nothing_to_read_gives_no_batch_and_a_stream_serves_many_epochs() -> None:
    reading = stream(Numbered(10))
    assert list(reading.batches(iter(()))) == []
    for epoch in (1, 2):
        asked = [int(one) for one in order(10, 0, epoch)]
        assert [one for batch in reading.batches(iter(asked)) for one in numbers(batch)] == asked


def test_an_epoch_sees_every_pair_once_in_an_order_of_its_own() -> None:
    orders = [order(1000, seed, epoch) for seed, epoch in ((0, 1), (0, 2), (1, 1), (0, 1))]
    assert all(sorted(one) == list(range(1000)) for one in orders)
    assert [(one == orders[0]).all() for one in orders] == [True, False, False, True]


def test_pairs_from_disk_and_pairs_on_the_fly_are_the_same_stream(
    store: PatchStore, micrographs: PatchPairs
) -> None:
    asked = [int(one) for one in order(12, 0, 1)]
    from_disk, on_the_fly = (stream(one, 5).batches(iter(asked)) for one in (store, micrographs))
    for one, other in zip(from_disk, on_the_fly, strict=True):
        np.testing.assert_array_equal(one.noisy, other.noisy)
        np.testing.assert_array_equal(one.target, other.target)


def test_reading_goes_no_further_ahead_than_there_are_buffers() -> None:
    pairs = Numbered(10_000)
    batches: Any = stream(pairs).batches(iter(range(10_000)))
    next(batches)
    batches.close()
    assert len(pairs.asked) <= 4 * 26


def test_a_file_that_became_shorter_is_told_with_its_name_when_its_batch_is_asked_for(
    store: PatchStore,
) -> None:
    os.truncate(store.folder / "pairs_00001.bin", 3 * store.layout.pair_bytes - 1)
    batches: Any = stream(store, 2).batches(iter(range(12)))
    assert len(list(islice(batches, 3))) == 3
    with pytest.raises(PatchFileError, match=r"Q04 .*pairs_00001\.bin — is not whole: 98,303 of 163,840"):
        list(batches)
    assert reading_threads() == []


def test_a_file_that_is_gone_is_told_with_its_name(store: PatchStore) -> None:
    (store.folder / "pairs_00002.bin").unlink()
    with pytest.raises(PatchFileError, match=r"Q04 .*pairs_00002\.bin — cannot be read: No such file"):
        list(stream(store).batches(iter([0, 11])))


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file at hand that fails to be read")
def test_a_disk_that_fails_is_told_with_the_name_of_the_file(store: PatchStore) -> None:
    failing = store.folder / "pairs_00000.bin"
    failing.unlink()
    failing.symlink_to("/proc/self/mem")  # address 0 cannot be read: an input/output error
    with pytest.raises(PatchFileError, match=r"Q04 .*pairs_00000\.bin — cannot be read: Input/output error"):
        list(stream(store).batches(iter([0])))


def test_a_micrograph_that_cannot_be_used_is_told_where_pairs_are_made_on_the_fly() -> None:
    data = scene().even.data.copy()
    data[100, 100] = np.nan
    known = scene().even
    bad = type(known)(data, 1.5, "bad")
    with pytest.raises(MicrographError, match=r"F24 .*bad"):
        list(stream(PatchPairs([bad], None, PatchSettings(patch=64, stride=64))).batches(iter([0])))


def test_an_error_in_what_is_asked_for_comes_after_the_batches_before_it() -> None:
    def asked() -> Iterator[int]:
        yield from range(4)
        raise KeyError("no more")

    batches: Any = stream(Numbered(10)).batches(asked())
    assert numbers(next(batches)) == [0, 1, 2, 3]
    with pytest.raises(KeyError):
        next(batches)


def reading_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("patches")]


def test_stopping_in_the_middle_leaves_no_thread_and_frees_the_buffers() -> None:
    reading = stream(Numbered(1000))
    batches: Any = reading.batches(iter(range(1000)))
    batch = next(batches)
    memory = weakref.ref(batch.noisy.untyped_storage())
    assert len(reading_threads()) == 3
    batches.close()
    assert reading_threads() == []
    reading.close()
    del batch, batches, reading
    gc.collect()
    assert memory() is None


def test_a_run_that_is_stopped_leaves_no_thread(store: PatchStore) -> None:
    events: Any = train(store, BaselineSettings(device="cpu", held_out=2, batch=2, epochs=9))
    next(event for event in events if isinstance(event, EpochFinished) and event.epoch == 1)
    events.close()
    assert reading_threads() == []


@pytest.mark.parametrize(("batch", "batches"), [(4, 3), (10, 1), (3, 4)])
def test_the_speed_of_an_epoch_counts_the_pairs_it_saw(store: PatchStore, batch: int, batches: int) -> None:
    events = list(train(store, BaselineSettings(device="cpu", held_out=2, batch=batch, epochs=2)))
    told = [event.speed for event in events if isinstance(event, EpochFinished)]
    assert told[0] is None
    for speed in told[1:]:
        assert speed is not None
        assert speed.images * speed.seconds == pytest.approx(10)
        assert speed.batches * speed.seconds == pytest.approx(batches)
        assert speed.megabytes * speed.seconds == pytest.approx(10 * 2 * 64 * 64 * 4 / 1e6)


PAIRS, EDGE = 29_913, 1024


@pytest.fixture
def large(tmp_path: Path) -> PatchStore:
    """A data set of 251 GB, of which the disk holds nothing but the index: all files are holes."""
    settings = PatchSettings(patch=EDGE, stride=EDGE)
    layout = Layout(PAIRS, settings.shard, EDGE, settings.dtype)
    try:
        for number in range(layout.shards):
            (tmp_path / shard_name(number)).touch()
            os.truncate(tmp_path / shard_name(number), len(layout.of_shard(number)) * layout.pair_bytes)
    except OSError as error:
        pytest.skip(f"no files of such a size: {error}")
    if sys.platform == "win32" or sum(file.stat().st_blocks for file in tmp_path.iterdir()) > 10_000:
        pytest.skip("no sparse files here")
    sources = [vars(Source("nowhere", "target", PAIRS, [EDGE, EDGE], 0))]
    about = plan_of(layout, settings, {"kind": "noise added", "sources": sources, "versions": {}})
    (tmp_path / INDEX).write_text(index_text(about | {"crc32": [0] * PAIRS}))
    return PatchStore(tmp_path)


def test_a_data_set_of_251_gb_is_streamed_in_little_memory_with_few_files_open(large: PatchStore) -> None:
    assert large.layout.pairs * large.layout.pair_bytes == 250_928_431_104
    process, resident, handles = psutil.Process(), list[int](), list[int]()
    engine, _ = chosen(network("baseline", 0), BaselineSettings(device="cpu"))
    reading = stream(large, 4)
    indices = islice(map(int, order(PAIRS, 0, 1)), 4 * 60)
    for number, batch in enumerate(reading.batches(indices)):
        if number == 0:
            engine.step(PairBatch(batch.noisy[:1], batch.target[:1]))  # a real step, of one pair
        batch.noisy.sum()
        resident.append(process.memory_info().rss)
        handles.append(process.num_fds())
    assert len(resident) == 60
    assert max(resident) < 2 << 30
    assert max(resident[30:]) - max(resident[10:30]) < 16 << 20
    assert max(handles) - min(handles) <= 3  # one for each thread that reads

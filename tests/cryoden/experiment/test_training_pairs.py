"""Pairs of a patch set as training is fed with them, and what it is judged by."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch

from cryoden.errors import MicrographError, PatchFileError
from cryoden.events.training import EpochFinished
from cryoden.experiment.build import build
from cryoden.experiment.index import INDEX, Layout, Source, index_text, plan_of, shard_name
from cryoden.experiment.pair_grid import divided
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.store import PatchStore
from cryoden.experiment.training_pairs import PatchSet, TrainingPairs, order
from cryoden.experiment.workflow import train_on_pairs
from cryoden.model.networks import build as network
from cryoden.sampling.source import Batch
from cryoden.sampling.stream import Stream
from cryoden.settings.baseline import BaselineSettings, PatchSettings
from cryoden.training.engines import chosen
from tests.cryoden.scenes import scene

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def micrographs() -> PatchPairs:
    settings = PatchSettings(patch=64, stride=64, shard=5)
    return PatchPairs([scene(seed).even for seed in (1, 2)], None, settings)


@pytest.fixture
def store(micrographs: PatchPairs, tmp_path: Path) -> PatchStore:
    """The same twelve pairs on disk."""
    list(build(micrographs, tmp_path))
    return PatchStore(tmp_path)


class Asked:
    """Pairs of a patch set, so many a step, as they are named."""

    def __init__(self, pairs: PatchSet, indices: Iterable[int], size: int) -> None:
        self.pairs, self.indices, self.size, self.edge = pairs, list(indices), size, pairs.edge

    def items(self, _: int, step: int) -> list[int]:
        return self.indices[(step - 1) * self.size : step * self.size]

    def read(self, item: int, noisy: Any, target: Any) -> None:
        self.pairs.read(item, noisy, target)


def batches(pairs: PatchSet, indices: Iterable[int], size: int = 4) -> Any:
    source = Asked(pairs, indices, size)
    steps = range(1, -(-len(source.indices) // size) + 1)
    return Stream(source, 3, CPU).batches((1, step) for step in steps)


def test_an_epoch_sees_every_pair_once_in_an_order_of_its_own() -> None:
    orders = [order(1000, seed, epoch) for seed, epoch in ((0, 1), (0, 2), (1, 1), (0, 1))]
    assert all(sorted(one) == list(range(1000)) for one in orders)
    assert [(one == orders[0]).all() for one in orders] == [True, False, False, True]


def test_batches_of_an_epoch_are_its_order_cut_into_pieces_whichever_is_asked_for_first(
    micrographs: PatchPairs,
) -> None:
    chosen_pairs = [0, 2, 3, 5, 7, 8, 11]
    source = TrainingPairs(micrographs, chosen_pairs, BaselineSettings(batch=3, seed=4))
    assert source.steps == 3
    asked = {step: source.items(-(-step // 3), step) for step in (8, 1, 3, 2, 7, 9)}
    for epoch, first in ((1, 1), (3, 7)):
        items = [item for step in range(first, first + 3) for item in asked[step]]
        expected = [int(index) for index in order(12, 4, epoch) if index in chosen_pairs]
        assert items == [(epoch, index) for index in expected]


def test_pairs_from_disk_and_pairs_on_the_fly_are_the_same_stream(
    store: PatchStore, micrographs: PatchPairs
) -> None:
    from_disk, on_the_fly = (batches(one, order(12, 0, 1), 5) for one in (store, micrographs))
    for one, other in zip(from_disk, on_the_fly, strict=True):
        np.testing.assert_array_equal(one.noisy, other.noisy)
        np.testing.assert_array_equal(one.target, other.target)


def test_a_patch_set_on_disk_holds_out_what_the_same_pairs_on_the_fly_do(
    store: PatchStore, micrographs: PatchPairs
) -> None:
    (training, held), (others, kept) = divided(store.grid, 3), divided(micrographs.grid, 3)
    assert (training.tolist(), held) == (others.tolist(), kept)
    of = {micrographs.grid.place(index)[0] for index in held}
    assert of.isdisjoint(micrographs.grid.place(int(index))[0] for index in training)


def test_a_file_that_became_shorter_is_told_with_its_name_when_its_batch_is_asked_for(
    store: PatchStore,
) -> None:
    os.truncate(store.folder / "pairs_00001.bin", 3 * store.layout.pair_bytes - 1)
    reading = batches(store, range(12), 2)
    assert len(list(islice(reading, 3))) == 3
    with pytest.raises(PatchFileError, match=r"Q04 .*pairs_00001\.bin — is incomplete: 98,303 of 163,840"):
        list(reading)
    assert reading_threads() == []


def test_a_file_that_is_gone_is_told_with_its_name(store: PatchStore) -> None:
    (store.folder / "pairs_00002.bin").unlink()
    with pytest.raises(PatchFileError, match=r"Q04 .*pairs_00002\.bin — cannot be read: No such file"):
        list(batches(store, [0, 11]))


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file at hand that fails to be read")
def test_a_disk_that_fails_is_told_with_the_name_of_the_file(store: PatchStore) -> None:
    failing = store.folder / "pairs_00000.bin"
    failing.unlink()
    failing.symlink_to("/proc/self/mem")  # address 0 cannot be read: an input/output error
    with pytest.raises(PatchFileError, match=r"Q04 .*pairs_00000\.bin — cannot be read: Input/output error"):
        list(batches(store, [0]))


def test_a_micrograph_that_cannot_be_used_is_told_where_pairs_are_made_on_the_fly() -> None:
    data = scene().even.data.copy()
    data[100, 100] = np.nan
    known = scene().even
    bad = type(known)(data, 1.5, "bad")
    with pytest.raises(MicrographError, match=r"F24 .*bad"):
        list(batches(PatchPairs([bad], None, PatchSettings(patch=64, stride=64)), [0]))


def reading_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("patches")]


def test_a_run_that_is_stopped_leaves_no_thread(store: PatchStore) -> None:
    events: Any = train_on_pairs(store, BaselineSettings(device="cpu", validation_pairs=2, batch=2, epochs=9))
    next(event for event in events if isinstance(event, EpochFinished) and event.epoch == 1)
    events.close()
    assert reading_threads() == []


@pytest.mark.parametrize(("batch", "batches"), [(4, 2), (6, 1), (5, 2)])
def test_the_speed_of_an_epoch_counts_the_pairs_it_saw(store: PatchStore, batch: int, batches: int) -> None:
    events = list(
        train_on_pairs(store, BaselineSettings(device="cpu", validation_pairs=2, batch=batch, epochs=2))
    )
    told = [event.speed for event in events if isinstance(event, EpochFinished)]
    assert told[0] is None
    for speed in told[1:]:
        assert speed is not None
        assert speed.images * speed.seconds == pytest.approx(6)
        assert speed.batches * speed.seconds == pytest.approx(batches)
        assert speed.megabytes * speed.seconds == pytest.approx(6 * 2 * 64 * 64 * 4 / 1e6)


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
    sources = [vars(Source("nowhere", "target", 1, [EDGE, EDGE], 0))] * PAIRS
    about = plan_of(layout, settings, {"kind": "noise added", "sources": sources, "versions": {}})
    (tmp_path / INDEX).write_text(index_text(about | {"crc32": [0] * PAIRS}))
    return PatchStore(tmp_path)


def test_a_data_set_of_251_gb_is_streamed_in_little_memory_with_few_files_open(large: PatchStore) -> None:
    assert large.layout.pairs * large.layout.pair_bytes == 250_928_431_104
    process, resident, handles = psutil.Process(), list[int](), list[int]()
    engine, _ = chosen(network("baseline", 0), BaselineSettings(device="cpu"))
    for number, batch in enumerate(batches(large, order(PAIRS, 0, 1)[: 4 * 40])):
        if number == 0:
            engine.step(Batch(batch.noisy[:1], batch.target[:1]), 1, 1.0)  # a real step, of one pair
        batch.noisy.sum()
        resident.append(process.memory_info().rss)
        handles.append(process.num_fds())
    assert len(resident) == 40
    assert max(resident) < 2 << 30
    assert max(resident[20:]) - max(resident[10:20]) < 16 << 20
    assert max(handles) - min(handles) <= 3  # one for each thread that reads

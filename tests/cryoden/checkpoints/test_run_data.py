from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cryoden.checkpoints.run_data import RunData, described, is_on_disk, read_data, write_data
from cryoden.dataset.opening import open_halves
from cryoden.errors import RunError
from cryoden.formats import micrographs
from cryoden.io import mrc
from cryoden.micrograph import Micrograph, Windowed
from cryoden.settings.reading import ReadingSettings
from tests.cryoden.checkpoints.interrupted import halves


def opened(folder: Path) -> list[Windowed]:
    return [half for pair in open_halves([folder]) for half in (pair.even, pair.odd)]


def facts(folder: Path) -> RunData:
    return described(opened(folder), "noise2noise")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return halves(tmp_path / "halves", 3)


def test_what_is_written_is_read_and_opens_the_same_pixels(folder: Path, tmp_path: Path) -> None:
    write_data(facts(folder), tmp_path)
    data = read_data(tmp_path)
    assert data == facts(folder)
    again = [half for pair in data.pairs() for half in pair]
    for one, other in zip(opened(folder), again, strict=True):
        assert (one.name, one.pixel_size, one.path) == (other.name, other.pixel_size, other.path)
        assert np.array_equal(one.window(0, 0, *one.shape), other.window(0, 0, *other.shape))


def grown(folder: Path) -> None:
    for half in ("EVN", "ODD"):
        shutil.copy(folder / f"m0_{half}.mrc", folder / f"n_{half}.mrc")


def renamed(folder: Path) -> None:
    for half in ("EVN", "ODD"):
        (folder / f"m0_{half}.mrc").rename(folder / f"n_{half}.mrc")


def edited(folder: Path) -> None:
    file = folder / "m1_EVN.mrc"
    whole = bytearray(file.read_bytes())
    whole[len(whole) // 2] ^= 255
    file.write_bytes(whole)


def rescaled(folder: Path) -> None:
    file = folder / "m1_EVN.mrc"
    pixels = micrographs.read(file).data
    file.unlink()
    mrc.write(file, pixels, pixel_size=2.0, label="another")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (grown, ["files: 6 then, 8 now", "new: n_EVN.mrc, n_ODD.mrc"]),
        (renamed, ["missing: m0_EVN.mrc, m0_ODD.mrc", "new: n_EVN.mrc, n_ODD.mrc"]),
        (edited, ["m1_EVN.mrc: other pixels or header"]),
    ],
)
def test_what_has_become_of_the_files_is_said_once(
    folder: Path, change: Callable[[Path], None], words: list[str]
) -> None:
    then = facts(folder)
    change(folder)
    assert then.differences(facts(folder)) == words


def test_another_pixel_size_is_named(folder: Path) -> None:
    then = described(opened(folder)[:1], "supervised")
    rescaled(folder)
    shutil.copy(folder / "m1_EVN.mrc", folder / "m0_EVN.mrc")
    now = described([micrographs.open_micrograph(folder / "m0_EVN.mrc")], "supervised")
    assert then.differences(now) == ["m0_EVN.mrc: pixel_size 1.5 then, 2.0 now"]


def test_a_copy_with_another_time_is_the_same_file(folder: Path) -> None:
    then = facts(folder)
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    assert then.differences(facts(folder)) == []


def test_another_way_of_reading_and_another_kind_of_pairs_are_named(folder: Path) -> None:
    then, files = facts(folder), opened(folder)
    now = described(files, "supervised", ReadingSettings(mode0="signed"))
    assert then.differences(now) == ["data: noise2noise then, supervised now", "mode0: auto then, signed now"]


def test_of_pixels_in_memory_all_are_compared(folder: Path) -> None:
    file = folder / "m0_EVN.mrc"
    read = micrographs.read(file)
    layer = Micrograph(read.data.copy(), read.pixel_size, "a layer", file)
    then = described([layer, layer], "supervised")
    ((again, _),) = then.pairs()
    assert isinstance(again, Micrograph)
    assert then.differences(described([again, again], "supervised")) == []
    layer.data[3, 3] += 1  # an edit that no file shows
    assert then.differences(described([layer, layer], "supervised")) != []
    assert is_on_disk([layer])
    assert not is_on_disk([layer, Micrograph(read.data, 1.0, "made")])


def test_damaged_or_missing_facts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="R04"):
        read_data(tmp_path)
    (tmp_path / "data.json").write_text('{"kind": "baseline", "files": [{"path": 7}]}')
    with pytest.raises(RunError, match=r"R02 .*files.0.path"):
        read_data(tmp_path)

from __future__ import annotations

import gzip
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from cryoden.errors import MicrographError
from cryoden.formats import compressed
from cryoden.formats.micrographs import probe, read
from cryoden.io import mrc_header_copy
from tests.cryoden.formats.files import PIXEL, packed, picture, plain
from tests.cryoden.hostile import header


def refused(path: Path) -> str:
    with pytest.raises(MicrographError) as caught:
        read(path)
    message = str(caught.value)
    assert re.fullmatch(rf"F\d\d  {re.escape(str(path))} — [^\n]+", message)
    return message


@pytest.mark.parametrize("packing", [".gz", ".bz2"])
def test_a_compressed_file_has_header_and_pixels_of_the_file_it_was(tmp_path: Path, packing: str) -> None:
    path, data = plain(tmp_path / "m.mrc", picture()), picture()
    facts, original = probe(path), mrc_header_copy.original(path)
    path = packed(tmp_path / f"m.mrc{packing}")
    found = read(path)
    assert np.array_equal(found.data, data)
    assert (found.name, found.pixel_size, found.path) == ("m", PIXEL, path)
    same = ("nx", "ny", "nz", "mode", "dtype", "pixel_size", "kind", "labels", "data_offset")
    assert all(getattr(probe(path), name) == getattr(facts, name) for name in same)
    assert compressed.original(path) == original


@pytest.mark.parametrize("packing", [".gz", ".bz2"])
@pytest.mark.parametrize("kept", [0.1, 0.9])
def test_a_file_that_ends_early_says_so(tmp_path: Path, packing: str, kept: float) -> None:
    plain(tmp_path / "m.mrc", picture())
    path = packed(tmp_path / f"m.mrc{packing}")
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    assert "F60" in refused(path)


def test_a_wrong_checksum_is_found_although_all_pixels_are_there(tmp_path: Path) -> None:
    plain(tmp_path / "m.mrc", picture())
    path = packed(tmp_path / "m.mrc.gz")
    raw = bytearray(path.read_bytes())
    raw[-8] ^= 1  # of the checksum
    path.write_bytes(raw)
    assert "F61" in refused(path)
    assert "CRC" in refused(path)


@pytest.mark.parametrize("packing", [".gz", ".bz2"])
def test_what_is_not_compressed_says_so(tmp_path: Path, packing: str) -> None:
    path = plain(tmp_path / "m.mrc", picture()).rename(tmp_path / f"m.mrc{packing}")
    assert "F61" in refused(path)


def test_fewer_pixels_than_the_header_promises_are_counted(tmp_path: Path) -> None:
    whole = plain(tmp_path / "m.mrc", picture()).read_bytes()
    path = tmp_path / "m.mrc.gz"
    path.write_bytes(gzip.compress(whole[:-400]))
    assert "F03" in refused(path)
    assert f"{90 * 120 * 4 - 400:,} of {90 * 120 * 4:,} bytes" in refused(path)


def test_a_bomb_takes_neither_memory_nor_time(tmp_path: Path) -> None:
    side = 30_000  # 3.6 GB of zeros, of which the file has 16 MiB
    words = {1: side, 2: side, 3: 1, 8: side, 9: side, 10: 1}
    path = tmp_path / "m.mrc.gz"
    path.write_bytes(gzip.compress(header(words=words) + bytes(1 << 24)))
    tracemalloc.start()
    assert "F62" in refused(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 22
    tracemalloc.stop()


def test_a_plane_of_a_compressed_stack_is_read_alone(tmp_path: Path) -> None:
    side, words = 300, {1: 300, 2: 300, 3: 3, 8: 300, 9: 300, 10: 1, 11: 600.0, 12: 600.0, 23: 0}
    data = np.random.default_rng(0).normal(size=(3, side, side)).astype("<f4")
    path = tmp_path / "m.mrcs.gz"
    path.write_bytes(gzip.compress(header(words=words) + data.tobytes()))
    from cryoden.dataset.opening import read_micrograph  # noqa: PLC0415  this test alone looks above

    assert all(np.array_equal(read_micrograph(path, section=at).data, data[at]) for at in (2, 0, 1))

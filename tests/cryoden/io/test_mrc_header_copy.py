from __future__ import annotations

import sys
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from mrcfile.dtypes import HEADER_DTYPE

from cryoden.formats import micrographs
from cryoden.io.mrc_header_copy import BLOCK, of_sections, original, put_statistics, statistics, together
from cryoden.micrograph import Pixels
from tests.cryoden.hostile import DATA, NX, NY, header, made, pixels
from tests.cryoden.io.mrc_files import image, needs_data, written


class TestHeaderOfTheSource:
    @pytest.mark.parametrize("order", ["<", ">"])
    def test_the_header_of_the_source_is_kept(self, tmp_path: Path, order: str) -> None:
        words: dict[int, int | float] = {5: 3, 6: -4, 7: 5, 23: 1, 24: 768, 14: 89.0}
        words |= {50: 1.5, 51: -2.5, 52: 3.5}
        words |= {8: 2 * NX, 9: 2 * NY, 11: 3.0 * NX, 12: 3.0 * NY, 25: 77, 30: 12345, 56: 1}
        raw = bytearray(header(order, words=words, exttyp=b"FEI1"))
        raw[224:304] = b"history of the file".ljust(80)
        extended = bytes(range(256)) * 3
        like = made(tmp_path / "like.mrc", bytes(raw), extended, pixels(order + "f4"))
        path = written(tmp_path / "a.mrc", image(), like=like, label="denoised")
        with mrcfile.open(path, permissive=False) as file, mrcfile.open(like, permissive=False) as source:
            fields = ("nxstart", "nystart", "nzstart", "mx", "my", "cella", "cellb", "ispg", "origin")
            for field in (*fields, "exttyp"):
                assert file.header[field].tolist() == source.header[field].tolist(), field
            assert bytes(file.header.extra1) == bytes(source.header.extra1)
            assert bytes(file.header.extra2) == bytes(source.header.extra2)
            assert file.extended_header.tobytes() == extended
            assert file.header.machst[0] == 0x44
            assert file.get_labels() == ["history of the file".ljust(80), "denoised"]
        assert mrcfile.validate(path, print_file=sys.stderr)
        assert path.read_bytes()[1024 : 1024 + 768] == extended

    def test_ten_labels_keep_the_first_nine(self, tmp_path: Path) -> None:
        raw = bytearray(header(words={56: 10}))
        for row in range(10):
            raw[224 + 80 * row : 304 + 80 * row] = f"label {row}".encode().ljust(80)
        like = made(tmp_path / "like.mrc", bytes(raw), pixels())
        path = written(tmp_path / "a.mrc", image(), like=like, label="Å" * 90)
        with mrcfile.open(path) as file:
            labels = [label.strip() for label in file.get_labels()]
        assert labels == [*(f"label {row}" for row in range(9)), "?" * 80]

    def test_blank_labels_between_others_are_closed_up(self, tmp_path: Path) -> None:
        raw = bytearray(header(words={56: 9}))
        raw[224 + 160 : 224 + 240] = b"third".ljust(80)
        path = written(
            tmp_path / "a.mrc", image(), like=made(tmp_path / "like.mrc", bytes(raw), pixels()), label="new"
        )
        with mrcfile.open(path) as file:
            assert [label.strip() for label in file.get_labels()] == ["third", "new"]
        assert mrcfile.validate(path, print_file=sys.stderr)

    def test_a_transposed_source_gives_output_in_order(self, tmp_path: Path) -> None:
        words: dict[int, int | float] = {17: 2, 18: 1, 5: 3, 6: 4, 8: NY, 9: NX, 11: 1.5 * NY, 12: 1.5 * NX}
        like = made(tmp_path / "like.mrc", header(words=words), pixels())
        found = micrographs.read(like)
        path = written(tmp_path / "a.mrc", found.data, pixel_size=found.pixel_size, like=like)
        np.testing.assert_array_equal(micrographs.read(path).data, found.data)
        with mrcfile.open(path) as file:
            assert (int(file.header.mapc), int(file.header.nxstart), int(file.header.nystart)) == (1, 4, 3)
            assert float(file.voxel_size.x) == float(file.voxel_size.y) == pytest.approx(1.5)

    def test_a_source_whose_extended_header_is_missing_gives_none(self, tmp_path: Path) -> None:
        like = made(tmp_path / "like.mrc", header(words={24: 4096}, exttyp=b"FEI1"), pixels())
        path = written(tmp_path / "a.mrc", image(), like=like)
        assert path.stat().st_size == 1024 + 4 * NX * NY
        assert mrcfile.validate(path, print_file=sys.stderr)

    @pytest.mark.parametrize(("step", "expected"), [(4, b"AAAA"), (0, b""), (-4, b"")])
    def test_a_section_has_its_own_entry_of_an_extended_header_or_none(
        self, tmp_path: Path, step: int, expected: bytes
    ) -> None:
        words: dict[int, int | float] = {3: 3, 10: 3, 24: 12, 33: step & 0xFFFF}
        entries = b"AAAABBBBCCCC"
        like = made(
            tmp_path / "like.mrc", header(words=words, exttyp=b"SERI"), entries, pixels(count=3 * NX * NY)
        )
        assert original(like).extended == entries
        assert of_sections(original(like), [0]).extended == expected

    @needs_data
    @pytest.mark.parametrize("name", ["k2_counting/k2_micrograph.mrc", "falcon_micrograph.mrc"])
    def test_real_headers_survive(self, tmp_path: Path, name: str) -> None:
        source = micrographs.read(DATA / name)
        path = written(tmp_path / "a.mrc", source.data, pixel_size=source.pixel_size, like=DATA / name)
        assert mrcfile.validate(path, print_file=sys.stderr)
        with mrcfile.open(path, permissive=False) as file, mrcfile.open(DATA / name) as like:
            assert file.extended_header.tobytes() == like.extended_header.tobytes()
            assert file.header.cella.tolist() == like.header.cella.tolist()
            assert file.indexed_extended_header["Dose"] == like.indexed_extended_header["Dose"]
            np.testing.assert_array_equal(file.data, like.data.astype(np.float32))


def noise(mean: float, deviation: float, size: int = 3 * BLOCK + 17) -> Pixels:
    numbers = np.random.default_rng(1).standard_normal(size)
    return (mean + deviation * numbers).astype(np.float32).reshape(1, -1)


@pytest.mark.parametrize(("mean", "deviation"), [(0, 1), (32, 6), (1e6, 1), (-3, 1e-3)])
def test_statistics_are_those_of_double_precision(mean: float, deviation: float) -> None:
    pixels = noise(mean, deviation)
    found, exact = statistics(pixels), pixels.astype(np.float64)
    assert (found.least, found.most) == (exact.min(), exact.max())
    assert found.mean == pytest.approx(exact.mean(), rel=1e-12)
    assert found.variance == pytest.approx(exact.var(), rel=1e-9)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_pixel_that_is_no_number_is_seen_wherever_it_is(value: float) -> None:
    pixels = noise(0, 1)
    pixels[0, 2 * BLOCK + 5] = value
    assert not statistics(pixels).are_finite
    assert statistics(noise(0, 1)).are_finite


def test_parts_of_unlike_size_count_by_their_pixels() -> None:
    one, other = noise(0, 1, 1000), noise(5, 2, 300)
    both = np.concatenate([one, other], axis=1)
    found = together([statistics(one), statistics(other)], [1000, 300])
    assert found.mean == pytest.approx(both.mean(dtype=np.float64))
    assert found.variance == pytest.approx(both.var(dtype=np.float64))


def test_a_deviation_that_checkers_get_wrong_is_left_undetermined() -> None:
    header = np.zeros((), HEADER_DTYPE).view(np.recarray)
    put_statistics(header, statistics(noise(0, 2)), "float32")
    assert header.rms == pytest.approx(2, rel=0.01)
    put_statistics(header, statistics(noise(0, 2)), "float16")
    assert header.rms == -1
    put_statistics(header, statistics(noise(1e7, 2)), "float32")
    assert header.rms == -1

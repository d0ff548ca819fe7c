from __future__ import annotations

import os
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from cryoden.formats import micrographs
from cryoden.formats.beside import with_listed
from cryoden.io import mrc
from cryoden.io.mrc_probe import probe
from tests.cryoden.hostile import DATA, NX, NY, header, made, pixels
from tests.cryoden.io.mrc_refusals import refused


def test_a_sound_file_gives_its_facts_and_no_warning(tmp_path: Path) -> None:
    facts = probe(made(tmp_path / "a.mrc", header(), pixels()))
    assert (facts.nx, facts.ny, facts.nz, facts.mode, facts.dtype) == (NX, NY, 1, 2, "<f4")
    assert (facts.shape, facts.data_offset, facts.kind) == ((NY, NX), 1024, "micrograph")
    assert facts.pixel_size == pytest.approx(1.5)
    assert facts.warnings == ()


def test_files_of_mrcfile_in_every_mode_read_without_warning(tmp_path: Path) -> None:
    for dtype, expected in (("i2", "<i2"), ("f4", "<f4"), ("u2", "<u2"), ("f2", "<f2")):
        with mrcfile.new(tmp_path / "a.mrc", overwrite=True) as file:
            file.set_data(np.arange(12).reshape(3, 4).astype(dtype))
            file.voxel_size = 0.8
        facts = probe(tmp_path / "a.mrc")
        assert (facts.dtype, facts.shape, facts.warnings) == (expected, (3, 4), ())
        assert facts.pixel_size == pytest.approx(0.8)


class TestMeaning:
    @pytest.mark.parametrize(
        "words",
        [{11: 0.0}, {11: float("inf")}, {12: float("nan")}, {11: -96.0}, {8: 0}, {9: -48}, {12: 80.0}],
    )
    def test_a_pixel_size_that_makes_no_sense_is_missing(
        self, tmp_path: Path, words: dict[int, int | float]
    ) -> None:
        facts = probe(made(tmp_path / "a.mrc", header(words=words), pixels()))
        assert facts.pixel_size is None
        assert facts.warnings[0].code == "F28"
        assert "pass --pixel-size" in facts.warnings[0].text

    def test_a_pixel_size_of_exactly_one_is_kept_but_questioned(self, tmp_path: Path) -> None:
        facts = probe(made(tmp_path / "a.mrc", header(words={11: 64.0, 12: 48.0}), pixels()))
        assert facts.pixel_size == 1.0
        assert "placeholder" in facts.warnings[0].text

    def test_exchanged_axes_are_reordered(self, tmp_path: Path) -> None:
        words: dict[int, int | float] = {17: 2, 18: 1, 8: NY, 9: NX, 11: 1.5 * NY, 12: 1.5 * NX}
        facts = probe(made(tmp_path / "a.mrc", header(words=words), pixels()))
        assert facts.axes == (2, 1, 3)
        assert facts.shape == (NX, NY)
        assert facts.pixel_size == pytest.approx(1.5)
        assert facts.warnings[0].code == "F29"

    @pytest.mark.parametrize("axes", [(1, 1, 3), (0, 0, 0), (1, 2, 4)])
    def test_axes_that_are_no_permutation_are_refused(
        self, tmp_path: Path, axes: tuple[int, int, int]
    ) -> None:
        words = dict(zip((17, 18, 19), axes, strict=True))
        assert refused(made(tmp_path / "a.mrc", header(words=words), pixels())).startswith("F29")

    def test_a_volume_stack_without_grid_is_refused(self, tmp_path: Path) -> None:
        assert refused(made(tmp_path / "a.mrc", header(words={23: 401, 10: 0}), pixels())).startswith("F30")

    @pytest.mark.parametrize(
        ("group", "grid", "name", "kind"),
        [
            (0, 1, "a.mrc", "stack"),
            (0, 4, "a.mrc", "volume"),
            (0, 4, "a.mrcs", "stack"),
            (1, 4, "a.mrc", "volume"),
            (401, 2, "a.map", "volume"),
        ],
    )
    def test_several_sections_are_a_stack_or_a_volume(
        self, tmp_path: Path, group: int, grid: int, name: str, kind: str
    ) -> None:
        raw = header(words={3: 4, 23: group, 10: grid})
        assert probe(made(tmp_path / name, raw, pixels() * 4)).kind == kind

    @pytest.mark.parametrize("name", ["a.rec", "a.MAP", "a.St", "a.MRCS"])
    def test_one_section_is_a_micrograph_whatever_the_suffix(self, tmp_path: Path, name: str) -> None:
        assert probe(made(tmp_path / name, header(words={23: 1}), pixels())).kind == "micrograph"


def test_odd_names_are_read_and_escaped_in_messages(tmp_path: Path) -> None:
    names = (b"two words.mrc", b"new\nline.mrc", b"\xff\xfe.mrc", "❄.mrc".encode(), b"-x.mrc", b"%[a]*.mrc")
    for name in names:
        path = made(tmp_path / os.fsdecode(name), header(), pixels())
        assert probe(path).nx == NX
        path.write_bytes(b"")
        assert "\n" not in refused(path)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"real micrographs not found in {DATA}")
@pytest.mark.parametrize(
    ("name", "shape", "pixel_size", "extended"),
    [
        ("k2_counting/k2_micrograph.mrc", (3838, 3710), 0.854, 786432),
        ("falcon_micrograph.mrc", (4096, 4096), 0.667, 909312),
        ("apoferritin_pairs/May08_03.05.02_rest.mrc", (1168, 1208), 1.5, 0),
    ],
)
def test_real_micrographs_are_sound(
    name: str, shape: tuple[int, int], pixel_size: float, extended: int
) -> None:
    facts = probe(DATA / name)
    assert (facts.shape, facts.extended_bytes, facts.warnings) == (shape, extended, ())
    assert facts.pixel_size == pytest.approx(pixel_size, abs=0.001)


def test_ignoring_a_missing_extended_header_leaves_whole_files_alone(tmp_path: Path) -> None:
    extended = bytes(range(256)) * 4
    whole = made(tmp_path / "whole.mrc", header(words={24: 1024}, exttyp=b"SERI"), extended, pixels())
    short = made(tmp_path / "short.mrc", header(words={24: 1024}, exttyp=b"SERI"), pixels())
    assert probe(whole, assume_no_extended_header=True).data_offset == 2048
    assert probe(short, assume_no_extended_header=True).data_offset == 1024


class TestPixelSizeOfAStarFile:
    @pytest.mark.parametrize(
        ("header", "listed", "used", "said"),
        [
            (None, 2.0, 2.0, ""),
            (2.01, 2.0, 2.01, ""),
            (1.9, 2.0, 1.9, "1.9 Å in the header, 2 Å in the list of micrographs: 1.9 Å is used"),
            (
                1.0,
                2.0,
                2.0,
                "1 Å in the header, often a placeholder, 2 Å in the list of micrographs: 2 Å is used",
            ),
            (1.9, None, 1.9, ""),
        ],
    )
    def test_it_counts_where_the_header_has_none_and_is_named_where_they_differ(
        self, tmp_path: Path, header: float | None, listed: float | None, used: float, said: str
    ) -> None:
        path = tmp_path / "a.mrc"
        mrc.write(path, np.ones((4, 4), np.float32), pixel_size=header, label="made for a test")
        facts = with_listed(probe(path), listed)
        assert facts.pixel_size == pytest.approx(used)
        assert [warning.code for warning in facts.warnings] == ["F28"] * bool(said)
        assert said in "".join(map(str, facts.warnings))

    def test_what_the_user_gives_counts_more(self, tmp_path: Path) -> None:
        path = tmp_path / "a.mrc"
        mrc.write(path, np.eye(4, dtype=np.float32), pixel_size=1.0, label="made for a test")
        micrograph = micrographs.read(path, pixel_size=3.0, listed=2.0)
        assert (micrograph.pixel_size, micrograph.warnings) == (3.0, ())

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from cryoden.errors import MicrographError
from cryoden.io import mrc
from cryoden.io.mrc_probe import probe, with_listed
from tests.cryoden.hostile import DATA, NX, NY, header, made, pixels

FLOATS = 4 * NX * NY


def refused(path: Path | str, **options: bool) -> str:
    """Return the message of the refusal."""
    with pytest.raises(MicrographError) as caught:
        probe(path, **options)  # type: ignore[arg-type]  # only the flag is passed on
    return str(caught.value)


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


class TestSizes:
    def test_an_empty_file_is_refused_as_empty(self, tmp_path: Path) -> None:
        message = refused(made(tmp_path / "a.mrc"))
        assert message.startswith("F01")
        assert "0 bytes" in message
        assert str(tmp_path / "a.mrc") in message

    def test_a_lone_header_is_refused_with_the_promised_bytes(self, tmp_path: Path) -> None:
        message = refused(made(tmp_path / "a.mrc", header()))
        assert message.startswith("F02")
        assert "1,024 bytes" in message
        assert f"{FLOATS:,} more" in message

    @pytest.mark.parametrize("missing", [1, FLOATS // 2, FLOATS - 1])
    def test_a_truncated_file_is_refused_with_both_byte_counts(self, tmp_path: Path, missing: int) -> None:
        message = refused(made(tmp_path / "a.mrc", header(), pixels()[:-missing]))
        whole = 1024 + FLOATS
        assert message.startswith("F03")
        assert f"truncated: {whole - missing:,} of {whole:,} bytes. " in message
        assert message.endswith("Copy it again.")

    def test_a_cut_header_is_refused_as_truncated(self, tmp_path: Path) -> None:
        assert "500 of 1,024 bytes" in refused(made(tmp_path / "a.mrc", header()[:500]))

    def test_extra_bytes_are_counted_and_ignored(self, tmp_path: Path) -> None:
        facts = probe(made(tmp_path / "a.mrc", header(), pixels(), b"x" * 37))
        assert facts.data_offset == 1024
        (warning,) = facts.warnings
        assert "F04" in warning
        assert "37 extra bytes" in warning

    @pytest.mark.parametrize(
        ("code", "size"),
        [
            ("F05", (2**31 - 1, 2**31 - 1, 2**31 - 1)),
            ("F06", (2**31 - 1, 2**31 - 1, 1)),
            ("F07", (-64, 48, 1)),
            ("F08", (-64, -48, 1)),
            ("F09", (64, 0, 1)),
        ],
    )
    def test_impossible_sizes_are_refused_by_arithmetic(
        self, tmp_path: Path, code: str, size: tuple[int, int, int]
    ) -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        words = dict(zip((1, 2, 3), size, strict=True))
        message = refused(made(tmp_path / "a.mrc", header(words=words), pixels()))
        assert message.startswith(code)
        assert all(f"{side:,}" in message or str(side) in message for side in size[:1])
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000

    def test_a_sparse_file_of_more_pixels_than_a_micrograph_is_refused(self, tmp_path: Path) -> None:
        side = 50_000
        path = made(tmp_path / "a.mrc", header(words={1: side, 2: side, 4: 6, 8: side, 9: side}))
        os.truncate(path, 1024 + 2 * side * side)
        assert "50,000 × 50,000" in refused(path)


class TestExtendedHeader:
    def test_pixels_start_behind_it(self, tmp_path: Path) -> None:
        path = made(tmp_path / "a.mrc", header(words={24: 768}, exttyp=b"FEI1"), b"e" * 768, pixels())
        facts = probe(path)
        assert (facts.extended_bytes, facts.data_offset, facts.warnings) == (768, 1792, ())

    def test_a_huge_one_is_refused(self, tmp_path: Path) -> None:
        message = refused(made(tmp_path / "a.mrc", header(words={24: 2**31 - 1}), pixels()))
        assert message.startswith("F10")
        assert "2,147,483,647" in message
        assert refused(made(tmp_path / "a.mrc", header(words={24: -4}), pixels())).startswith("F10")

    def test_a_missing_one_is_refused_with_the_option_that_reads_the_file(self, tmp_path: Path) -> None:
        path = made(tmp_path / "a.mrc", header(words={24: 4096}), pixels())
        message = refused(path)
        assert message.startswith("F12")
        assert "4,096-byte extended header" in message
        assert "4,096 bytes short" in message
        assert "--assume-no-ext-header" in message
        facts = probe(path, assume_no_extended_header=True)
        assert (facts.data_offset, facts.extended_bytes) == (1024, 0)

    def test_the_option_is_not_offered_where_it_would_not_help(self, tmp_path: Path) -> None:
        path = made(tmp_path / "a.mrc", header(words={24: 4096}), pixels()[:-8])
        assert "--assume-no-ext-header" not in refused(path)

    @pytest.mark.parametrize(("kind", "size"), [(b"WHAT", 96), (b"FEI1", 700), (b"\0\0\0\0", 96)])
    def test_an_unknown_one_is_kept_with_a_warning(self, tmp_path: Path, kind: bytes, size: int) -> None:
        path = made(tmp_path / "a.mrc", header(words={24: size}, exttyp=kind), b"e" * size, pixels())
        facts = probe(path)
        assert facts.data_offset == 1024 + size
        assert "F13" in facts.warnings[0]


class TestByteOrder:
    def test_no_mark_is_accepted_when_the_sizes_add_up(self, tmp_path: Path) -> None:
        facts = probe(made(tmp_path / "a.mrc", header(mark=b"\0\0\0\0", stamp=b"\0\0\0\0"), pixels()))
        assert "F15" in facts.warnings[0]

    def test_no_mark_is_refused_when_they_do_not(self, tmp_path: Path) -> None:
        message = refused(made(tmp_path / "a.mrc", header(mark=b"\0\0\0\0"), pixels(), b"x"))
        assert message.startswith("F15")
        assert f"{1024 + FLOATS:,} promised" in message

    @pytest.mark.parametrize("stamp", [b"\0\0\0\0", b"\x44\0\0\0"])
    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize(("mode", "dtype"), [(0, "i1"), (1, "i2"), (2, "f4")])
    def test_a_missing_stamp_is_inferred(
        self, tmp_path: Path, stamp: bytes, order: str, mode: int, dtype: str
    ) -> None:
        raw = header(order, words={4: mode}, stamp=stamp)
        facts = probe(made(tmp_path / "a.mrc", raw, pixels(order + dtype)))
        assert (facts.byte_order, facts.nx, facts.ny) == (order, NX, NY)
        assert "F16" in facts.warnings[0]

    def test_a_big_endian_file_with_its_stamp_needs_no_warning(self, tmp_path: Path) -> None:
        facts = probe(made(tmp_path / "a.mrc", header(">"), pixels(">f4")))
        assert (facts.byte_order, facts.dtype, facts.warnings) == (">", ">f4", ())

    @pytest.mark.parametrize(("mode", "dtype"), [(0, "i1"), (2, ">f4")])
    def test_a_wrong_stamp_yields_to_sizes_that_add_up(self, tmp_path: Path, mode: int, dtype: str) -> None:
        raw = header(">", words={4: mode}, stamp=b"DD\0\0")
        facts = probe(made(tmp_path / "a.mrc", raw, pixels(dtype)))
        assert facts.byte_order == ">"
        assert "F16" in facts.warnings[0]


class TestModes:
    @pytest.mark.parametrize("mode", [3, 4])
    def test_complex_data_is_called_a_transform(self, tmp_path: Path, mode: int) -> None:
        message = refused(made(tmp_path / "a.mrc", header(words={4: mode}), pixels(), pixels()))
        assert message.startswith("F19")
        assert "transform, not a micrograph" in message

    def test_packed_pixels_come_with_the_command_that_unpacks_them(self, tmp_path: Path) -> None:
        message = refused(made(tmp_path / "a.mrc", header(words={4: 101}), b"p" * (NX // 2 * NY)))
        assert message.startswith("F20")
        assert "newstack -mode 1" in message

    @pytest.mark.parametrize("mode", [7, 154285104, 1937006958, -1])
    def test_garbage_is_refused_by_name(self, tmp_path: Path, mode: int) -> None:
        raw = header(words={4: mode}, mark=b"\x01\x02\x03\x04")
        message = refused(made(tmp_path / "a.mrc", raw, pixels()))
        assert message.startswith("F23")
        assert "first 1,024 bytes are not an MRC header" in message

    @pytest.mark.parametrize(
        ("words", "dtype"),
        [
            ({39: 1146047817, 40: 1}, "i1"),
            ({39: 1146047817, 40: 0}, "u1"),
            ({39: 1146047817, 40: 0, 20: -3.0, 21: 9.0}, "u1"),
            ({20: -3.0, 21: 9.0}, "i1"),
            ({20: 0.0, 21: 200.0}, "u1"),
            ({20: 0.0, 21: 90.0}, "i1"),
            ({}, "i1"),
        ],
    )
    def test_the_sign_of_bytes_is_decided_and_said(
        self, tmp_path: Path, words: dict[int, int | float], dtype: str
    ) -> None:
        path = made(tmp_path / "a.mrc", header(words={4: 0, **words}), pixels("i1"))
        facts = probe(path)
        assert facts.dtype == dtype
        (warning,) = facts.warnings
        assert "F21" in warning
        assert ("unsigned (" in warning) == (dtype == "u1")
        assert probe(path, mode0="unsigned").dtype == "u1"
        assert probe(path, mode0="signed").dtype == "i1"


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
        assert "F28" in facts.warnings[0]
        assert "pass --pixel-size" in facts.warnings[0]

    def test_a_pixel_size_of_exactly_one_is_kept_but_questioned(self, tmp_path: Path) -> None:
        facts = probe(made(tmp_path / "a.mrc", header(words={11: 64.0, 12: 48.0}), pixels()))
        assert facts.pixel_size == 1.0
        assert "placeholder" in facts.warnings[0]

    def test_exchanged_axes_are_reordered(self, tmp_path: Path) -> None:
        words: dict[int, int | float] = {17: 2, 18: 1, 8: NY, 9: NX, 11: 1.5 * NY, 12: 1.5 * NX}
        facts = probe(made(tmp_path / "a.mrc", header(words=words), pixels()))
        assert facts.axes == (2, 1, 3)
        assert facts.shape == (NX, NY)
        assert facts.pixel_size == pytest.approx(1.5)
        assert "F29" in facts.warnings[0]

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
            (0, 1, "a.mrc", "movie"),
            (0, 4, "a.mrc", "volume"),
            (0, 4, "a.mrcs", "movie"),
            (1, 4, "a.mrc", "volume"),
            (401, 2, "a.map", "volume"),
        ],
    )
    def test_several_sections_are_a_movie_or_a_volume(
        self, tmp_path: Path, group: int, grid: int, name: str, kind: str
    ) -> None:
        raw = header(words={3: 4, 23: group, 10: grid})
        assert probe(made(tmp_path / name, raw, pixels() * 4)).kind == kind

    @pytest.mark.parametrize("name", ["a.rec", "a.MAP", "a.St", "a.MRCS"])
    def test_one_section_is_a_micrograph_whatever_the_suffix(self, tmp_path: Path, name: str) -> None:
        assert probe(made(tmp_path / name, header(words={23: 1}), pixels())).kind == "micrograph"


class TestForeignFiles:
    @pytest.mark.parametrize(
        ("start", "shown"),
        [
            (b"<!DOCTYPE html><html>" + b" not found" * 300, "<!DOCTYPE html>"),
            (b"\x89PNG\r\n\x1a\n" + bytes(3000), "PNG"),
            (b"\x1f\x8b\x08" + bytes(3000), "gunzip"),
            (b"404", "404"),
            ("<html>404 – nicht gefunden".encode() * 100, "<html>"),
        ],
    )
    def test_they_are_refused_with_their_first_bytes(self, tmp_path: Path, start: bytes, shown: str) -> None:
        message = refused(made(tmp_path / "a.mrc", start))
        assert message.startswith("F46")
        assert "not an MRC file: starts with" in message
        assert shown in message


class TestNoRegularFile:
    @pytest.fixture
    def public(self) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp())
        folder.chmod(0o755)
        yield folder
        shutil.rmtree(folder)

    def test_a_folder_is_named(self, tmp_path: Path) -> None:
        assert "F49" in refused(tmp_path)
        assert "is a folder" in refused(tmp_path)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        assert "No such file" in refused(tmp_path / "nowhere.mrc")

    def test_a_pipe_does_not_hang(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.mrc")
        assert "is a named pipe" in refused(tmp_path / "pipe.mrc")

    def test_a_device_is_not_read(self) -> None:
        assert "is a device" in refused("/dev/zero")

    def test_a_circle_of_links_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "a.mrc").symlink_to(tmp_path / "b.mrc")
        (tmp_path / "b.mrc").symlink_to(tmp_path / "a.mrc")
        assert "F49" in refused(tmp_path / "a.mrc")

    def test_a_name_no_file_can_have_is_an_answer_too(self) -> None:
        assert "F49" in refused("a\0.mrc")
        assert "F49" in refused("x" * 300 + ".mrc")

    def test_a_closed_file_is_named_with_owner_and_mode(self, public: Path) -> None:
        path = made(public / "a.mrc", header(), pixels())
        path.chmod(0)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            message = refused(path)
        finally:
            if root:
                os.seteuid(0)
        assert message.startswith("F50")
        assert "----------" in message
        assert "owner" in message


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
            (1.9, 2.0, 1.9, "1.9 Å in the header, 2 Å in the STAR file: 1.9 Å is used"),
            (1.0, 2.0, 2.0, "1 Å in the header, often a placeholder, 2 Å in the STAR file: 2 Å is used"),
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
        assert [warning[:4] for warning in facts.warnings] == ["F28:"] * bool(said)
        assert said in "".join(facts.warnings)

    def test_what_the_user_gives_counts_more(self, tmp_path: Path) -> None:
        path = tmp_path / "a.mrc"
        mrc.write(path, np.eye(4, dtype=np.float32), pixel_size=1.0, label="made for a test")
        micrograph = mrc.read(path, pixel_size=3.0, listed=2.0)
        assert (micrograph.pixel_size, micrograph.warnings) == (3.0, ())

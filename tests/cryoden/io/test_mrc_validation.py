from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from cryoden.io.mrc_probe import probe
from tests.cryoden.hostile import NX, NY, header, made, pixels
from tests.cryoden.io.mrc_refusals import FLOATS, refused


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
        assert warning.code == "F04"
        assert "37 extra bytes" in warning.text

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
        assert facts.warnings[0].code == "F13"


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
        assert warning.code == "F21"
        assert ("unsigned (" in warning.text) == (dtype == "u1")
        assert probe(path, mode0="unsigned").dtype == "u1"
        assert probe(path, mode0="signed").dtype == "i1"


class TestForeignFiles:
    @pytest.mark.parametrize(
        ("start", "shown"),
        [
            (b"<!DOCTYPE html><html>" + b" not found" * 300, "<!DOCTYPE html>"),
            (b"\x89PNG\r\n\x1a\n" + bytes(3000), "PNG"),
            (b"\x1f\x8b\x08" + bytes(3000), "name it .mrc.gz"),
            (b"404", "404"),
            ("<html>404 – nicht gefunden".encode() * 100, "<html>"),
        ],
    )
    def test_they_are_refused_with_their_first_bytes(self, tmp_path: Path, start: bytes, shown: str) -> None:
        message = refused(made(tmp_path / "a.mrc", start))
        assert message.startswith("F46")
        assert "not an MRC file: starts with" in message
        assert shown in message

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cryoden.io.mrc_probe import probe
from tests.cryoden.hostile import NX, NY, header, made, pixels
from tests.cryoden.io.mrc_refusals import FLOATS, refused


class TestByteOrder:
    def test_no_mark_is_accepted_when_the_sizes_add_up(self, tmp_path: Path) -> None:
        facts = probe(made(tmp_path / "a.mrc", header(mark=b"\0\0\0\0", stamp=b"\0\0\0\0"), pixels()))
        assert facts.warnings[0].code == "F15"

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
        assert facts.warnings[0].code == "F16"

    def test_a_big_endian_file_with_its_stamp_needs_no_warning(self, tmp_path: Path) -> None:
        facts = probe(made(tmp_path / "a.mrc", header(">"), pixels(">f4")))
        assert (facts.byte_order, facts.dtype, facts.warnings) == (">", ">f4", ())

    @pytest.mark.parametrize(("mode", "dtype"), [(0, "i1"), (2, ">f4")])
    def test_a_wrong_stamp_yields_to_sizes_that_add_up(self, tmp_path: Path, mode: int, dtype: str) -> None:
        raw = header(">", words={4: mode}, stamp=b"DD\0\0")
        facts = probe(made(tmp_path / "a.mrc", raw, pixels(dtype)))
        assert facts.byte_order == ">"
        assert facts.warnings[0].code == "F16"


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

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cryoden.cli.main import main
from cryoden.errors import PatchFileError
from cryoden.io import mrc
from tests.cryoden.experiment.patch_sets import change_byte, made
from tests.cryoden.scenes import scene


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda folder: (folder / "index.json").unlink(), "Q01"),
        (lambda folder: (folder / "index.json").write_text("{"), "Q02"),
        (lambda folder: (folder / "index.json").write_text("[1]"), "Q02"),
        (lambda folder: (folder / "index.json").write_text("[" * 100_000), "Q02"),
        (lambda folder: (folder / "index.json").write_bytes(b"\xff"), "Q02"),
        (lambda folder: edit(folder, pairs=11), "Q02"),
        (lambda folder: edit(folder, pairs="12"), "Q02"),
        (lambda folder: edit(folder, shard=0), "Q02"),
        (lambda folder: edit(folder, edge=32), "Q02"),
        (lambda folder: edit(folder, crc32=[-1] * 12), "Q02"),
        (lambda folder: edit(folder, settings={"patch": -64}), "Q02"),
        (lambda folder: edit(folder, settings=None), "Q02"),
        (lambda folder: edit(folder, sources=["m1.mrc"]), "Q02"),
        (lambda folder: edit(folder, format="cryoden-patches-0"), "Q03"),
        (lambda folder: os.truncate(folder / "pairs_00001.bin", 1000), "Q04 .*1,000 of 163,840 bytes"),
        (lambda folder: (folder / "pairs_00002.bin").unlink(), "Q04 .*no such file"),
    ],
)
def test_a_data_set_that_cannot_be_read_is_told_in_one_line(
    micrographs: Path,
    tmp_path: Path,
    change: Callable[[Path], object],
    code: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made(micrographs, tmp_path)
    change(tmp_path)
    for action in ("check", "info"):
        assert main(["patches", action, str(tmp_path)]) == 1
        told = capsys.readouterr()
        assert re.match(code, told.err)
        assert (told.err.count("\n"), told.out) == (1, "")


def edit(folder: Path, **values: object) -> None:
    index = folder / "index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | values))


def test_other_micrographs_of_the_same_name_are_not_mixed_in(micrographs: Path, tmp_path: Path) -> None:
    made(micrographs, tmp_path / "d")
    for seed in (1, 2):
        mrc.write(tmp_path / f"m{seed}.mrc", scene(seed + 2).even.data, pixel_size=1.5, label="another")
    with pytest.raises(PatchFileError, match="Q05"):
        made(tmp_path, tmp_path / "d")


def test_a_data_set_is_known_again_when_its_micrographs_were_moved(micrographs: Path, tmp_path: Path) -> None:
    made(micrographs, tmp_path / "d")
    moved = tmp_path / "moved"
    moved.mkdir()
    for file in micrographs.iterdir():
        (moved / file.name).write_bytes(file.read_bytes())
    assert made(moved, tmp_path / "d").made == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda file: file.unlink(), "is missing"),
        (lambda file: change_byte(file, 5000), "other pixels"),
        (lambda file: file.write_bytes(file.read_bytes() + b"x"), "bytes, it had"),
        (lambda file: file.touch(), None),
    ],
)
def test_a_micrograph_that_has_changed_since_is_told(
    micrographs: Path,
    tmp_path: Path,
    change: Callable[[Path], object],
    told: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for file in micrographs.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    made(tmp_path, tmp_path / "d")
    change(tmp_path / "m1.mrc")
    assert main(["patches", "check", str(tmp_path / "d")]) == 0
    error = capsys.readouterr().err
    assert error == "" if told is None else (told in error and str(tmp_path / "m1.mrc") in error)

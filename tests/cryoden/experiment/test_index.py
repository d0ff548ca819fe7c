from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cryoden.cli.main import main
from tests.cryoden.experiment.patch_sets import made


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

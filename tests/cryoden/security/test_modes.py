"""Who may read and write results is the user's to say, by the umask."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cryoden.cli.main import main
from cryoden.io import mrc
from cryoden.io.atomic import atomic_folder, atomic_write
from cryoden.io.claim import claim
from tests.cryoden.cli.asked import QUICK
from tests.cryoden.scenes import scene, write_halves

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")


MASKS = [0o022, 0o027, 0o077, 0o002]


@pytest.fixture(params=MASKS, ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def _wrong(folder: Path, umask: int) -> dict[str, str]:
    """Return everything below a folder that has other permissions than the umask gives, and which."""
    wanted = {path: (0o777 if path.is_dir() else 0o666) & ~umask for path in folder.rglob("*")}
    found = {path: path.stat().st_mode & 0o777 for path in wanted}
    assert wanted
    return {str(path): oct(found[path]) for path in wanted if found[path] != wanted[path]}


@pytest.mark.parametrize("umask", [0o027], ids=oct, indirect=True)
def test_every_kind_of_result_has_the_permissions_of_the_umask(tmp_path: Path, umask: int) -> None:
    out, data = tmp_path / "out", tmp_path / "data"
    out.mkdir()
    data.mkdir()
    for number in range(2):
        write_halves(data, scene(number))
    counts = np.random.default_rng(0).poisson(20, (512, 512)).astype(np.float32)
    mrc.write(tmp_path / "counted.mrc", counts, pixel_size=1.5, label="electrons counted for a test")
    half, counted = str(data / "m0_EVN.mrc"), str(tmp_path / "counted.mrc")
    halves, run = ["--halves", str(data)], str(out / "run")
    model = ["--model", f"{run}/model.safetensors"]
    commands = [
        ["simulate", "--output", str(out / "sim"), "--count", "1", "--edge", "256"],
        ["train", *halves, "--run", run, "--epochs", "1", *QUICK],
        ["train", *halves, "--model", str(out / "m.safetensors"), "--epochs", "1", *QUICK],
        ["denoise", half, *model, "--output", str(out / "denoised"), "--device", "cpu"],
        ["thin", counted, "--out", str(out / "thin")],
        ["evaluate", *halves, *model, "--report", str(out / "e.html"), "--figures", str(out / "e.json")],
        ["compare", run, "--report", str(out / "c.md")],
        ["patches", "build", half, "--out", str(out / "pairs"), "--patch", "64"],
    ]
    assert [main(asked) for asked in commands] == [0] * len(commands)
    assert not _wrong(out, umask)


def test_what_is_not_finished_is_no_more_open_than_what_is(tmp_path: Path, umask: int) -> None:
    with atomic_write(tmp_path / "a.mrc") as part, atomic_folder(tmp_path / "f") as folder:
        part.write_bytes(b"x")
        (folder / "b").write_bytes(b"x")
        held = claim(tmp_path / "c")
        assert held is not None
        assert len(list(tmp_path.iterdir())) == 3
        assert not _wrong(tmp_path, umask)
        held.release()
    assert not _wrong(tmp_path, umask)

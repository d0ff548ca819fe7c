from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.cli.main import main
from cryoden.errors import MicrographError, OutputError, PatchFileError
from cryoden.experiment.build import BuildFinished, PairWritten, ShardFinished, build
from cryoden.experiment.data_source import PairSource, patch_pairs
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.store import PatchStore
from cryoden.io import mrc
from cryoden.micrograph import Micrograph
from tests.cryoden.experiment.patch_sets import ROOT, change_byte, digests, made, settings
from tests.cryoden.scenes import scene


def test_a_data_set_is_its_index_and_its_files_and_nothing_else(micrographs: Path, tmp_path: Path) -> None:
    ended = made(micrographs, tmp_path / "d")
    assert sorted(digests(tmp_path / "d")) == [
        "index.json", "pairs_00000.bin", "pairs_00001.bin", "pairs_00002.bin",
    ]  # fmt: skip
    assert (ended.pairs, ended.bytes, ended.files, ended.made) == (12, 12 * 2 * 64 * 64 * 4, 3, 3)


def test_values_beyond_float16_are_refused_with_their_micrograph(tmp_path: Path) -> None:
    known = scene()
    bright = Micrograph(known.odd.data * 1e6, 1.5, "bright")
    pairs = PatchPairs([known.even], [bright], settings(scale="z-score", dtype="float16"))
    with pytest.raises(OutputError, match=r"O13 .*m0_EVN"):
        list(build(pairs, tmp_path / "d"))
    assert not list((tmp_path / "d").glob("*.bin"))


BUILDING = """
import os, signal, sys
from pathlib import Path
from tests.cryoden.experiment.patch_sets import PairSource, build, patch_pairs, settings
left = int(sys.argv[3])
def kill(event, arguments):
    global left
    counted = event in {"open", "os.rename", "os.remove"}
    left -= counted
    if counted and not left: os.kill(os.getpid(), signal.SIGKILL)
pairs = patch_pairs(PairSource([Path(sys.argv[1])]), settings(shard=2))
sys.addaudithook(kill)
list(build(pairs, Path(sys.argv[2])))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_build_killed_at_any_moment_goes_on_to_the_same_bytes(micrographs: Path, tmp_path: Path) -> None:
    made(micrographs, tmp_path / "whole", shard=2)
    expected, moments = digests(tmp_path / "whole"), np.random.default_rng(1).integers(1, 50, 6)
    folder, killed = tmp_path / "d", 0
    for moment in sorted(moments):
        asked = [sys.executable, "-c", BUILDING, str(micrographs), str(folder), str(moment)]
        ended = subprocess.run(asked, check=False, cwd=ROOT, env=os.environ | {"PYTHONPATH": path()})
        killed += ended.returncode == -signal.SIGKILL
        for file in folder.glob("pairs_*.bin"):
            assert digests(folder)[file.name] == expected[file.name]
    assert killed >= 3
    made(micrographs, folder, shard=2)
    assert digests(folder) == expected


def path() -> str:
    return os.pathsep.join(entry for entry in sys.path if entry)


def test_what_a_build_had_finished_is_not_made_again(micrographs: Path, tmp_path: Path) -> None:
    walking: Any = build(patch_pairs(PairSource([micrographs]), settings()), tmp_path)
    next(event for event in walking if isinstance(event, ShardFinished))
    walking.close()
    assert sorted(digests(tmp_path)) == ["pairs_00000.bin", "plan.json"]
    with pytest.raises(PatchFileError, match="Q01"):
        PatchStore(tmp_path)
    events = list(build(patch_pairs(PairSource([micrographs]), settings()), tmp_path))
    assert [event.made for event in events if isinstance(event, ShardFinished)] == [False, True, True]


def test_what_is_damaged_or_missing_is_made_again_to_the_same_bytes(
    micrographs: Path, tmp_path: Path
) -> None:
    made(micrographs, tmp_path)
    before = digests(tmp_path)
    (tmp_path / "pairs_00000.bin").unlink()
    change_byte(tmp_path / "pairs_00001.bin", 70_000)
    os.truncate(tmp_path / "pairs_00002.bin", 32_768)
    assert made(micrographs, tmp_path).made == 3
    assert digests(tmp_path) == before


LIMITED = """
import resource, sys
from pathlib import Path
from cryoden.cli.main import main
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of resources")
def test_a_disk_that_fills_up_leaves_whole_files_and_one_line(micrographs: Path, tmp_path: Path) -> None:
    asked = ["patches", "build", str(micrographs), "--out", str(tmp_path), "--patch", "64", "--stride", "64"]
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, *asked, "--shard", "5"],
        check=False, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path()},
    )  # fmt: skip
    assert (ended.returncode, ended.stderr[:3], ended.stderr.count("\n")) == (1, "O02", 1)
    assert list(digests(tmp_path)) == ["plan.json"]


def test_a_micrograph_that_cannot_be_used_is_told_before_anything_is_written(
    micrographs: Path, tmp_path: Path
) -> None:
    for file in micrographs.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with (tmp_path / "m2.mrc").open("r+b") as opened:
        opened.seek(-4, os.SEEK_END)
        opened.write(np.float32(np.inf).tobytes())
    with pytest.raises(MicrographError, match=r"F24 .*m2\.mrc.*No pairs were written"):
        made(tmp_path, tmp_path / "d")
    assert list((tmp_path / "d").iterdir()) == []


def test_build_and_check_in_json_end_with_what_they_found(
    micrographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["patches", "build", str(micrographs), "--patch", "64", "--stride", "64", "--json"]
    assert main([*asked, "--out", str(tmp_path / "d")]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = ["MicrographMeasured"] * 2 + ["PairWritten"] * 12 + ["ShardFinished", "BuildFinished"]
    assert [event["event"] for event in events] == kinds
    change_byte(tmp_path / "d" / "pairs_00000.bin", 0)
    assert main(["patches", "check", "--json", str(tmp_path / "d")]) == 3
    found = json.loads(capsys.readouterr().out)
    assert (found["pairs"], found["damaged"][0]["pair"], found["damaged"][0]["offset"]) == (12, 0, 0)


def test_a_micrograph_too_small_for_a_patch_is_named(
    micrographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mrc.write(tmp_path / "tiny.mrc", scene().even.data[:32], pixel_size=1.5, label="made for a test")
    asked = ["patches", "build", str(tmp_path / "tiny.mrc"), str(micrographs), "--patch", "64"]
    assert main([*asked, "--stride", "64", "--out", str(tmp_path / "d")]) == 0
    told = capsys.readouterr()
    assert "12 pairs" in told.out
    assert "no pairs of 1 of 3 micrographs, smaller than a patch of 64 px: tiny" in told.err


def test_workers_make_the_same_files_and_keep_those_that_are_there(micrographs: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    from distributed import Client, LocalCluster  # noqa: PLC0415  not installed everywhere

    from cryoden.compute.crew import Crew  # noqa: PLC0415  the same

    made(micrographs, tmp_path / "alone")
    pairs = patch_pairs(PairSource([micrographs]), settings())
    threads = LocalCluster(n_workers=2, processes=False, dashboard_address=None)
    with threads, Client(threads, set_as_default=False) as client:
        crew = Crew(client, "threads of this process")
        *events, first = build(pairs, tmp_path / "shared", crew)
        (tmp_path / "shared" / "pairs_00001.bin").unlink()
        *_, again = build(pairs, tmp_path / "shared", crew)
    assert digests(tmp_path / "shared") == digests(tmp_path / "alone")
    assert isinstance(first, BuildFinished)
    assert isinstance(again, BuildFinished)
    assert (first.made, again.made) == (3, 1)
    assert [event.number for event in events if isinstance(event, PairWritten)][-1] == len(pairs) - 1


def test_gpus_are_not_asked_to_cut_patches(
    micrographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["patches", "build", str(micrographs), "--out", str(tmp_path / "d"), "--patch", "64"]
    assert main([*asked, "--devices", "0,1"]) == 2
    assert "S03  --devices was given, and patches are cut without a GPU." in capsys.readouterr().err

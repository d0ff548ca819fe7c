"""Data sets of patch pairs on disk: written, gone on with, checked, and read back."""

from __future__ import annotations

import hashlib
import json
import os
import re
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.cli.main import main
from cryoden.errors import MicrographError, OutputError, PatchFileError
from cryoden.experiment.build import BuildFinished, ShardFinished, build
from cryoden.experiment.build_lock import claimed
from cryoden.experiment.data_source import PairSource, patch_pairs
from cryoden.experiment.inspect_pairs import LOOKED_AT, Findings, inspect
from cryoden.experiment.pair_grid import sample
from cryoden.experiment.pairs import PatchPairs
from cryoden.experiment.store import PatchStore
from cryoden.io import mrc
from cryoden.micrograph import Micrograph
from cryoden.settings.baseline import PatchSettings
from tests.cryoden.scenes import scene

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def micrographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two micrographs, 160 × 192 px, of twelve pairs with `settings`."""
    folder = tmp_path_factory.mktemp("micrographs")
    for seed in (1, 2):
        mrc.write(folder / f"m{seed}.mrc", scene(seed).even.data, pixel_size=1.5, label="made for a test")
    return folder


def settings(**chosen: object) -> PatchSettings:
    return PatchSettings(**({"patch": 64, "stride": 64, "shard": 5} | chosen))  # type: ignore[arg-type]


def made(micrographs: Path, folder: Path, **chosen: object) -> BuildFinished:
    *_, ended = build(patch_pairs(PairSource([micrographs]), settings(**chosen)), folder)
    assert isinstance(ended, BuildFinished)
    return ended


def digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def pair(store: PatchStore, index: int) -> Any:
    buffers = np.full((2, store.edge, store.edge), np.nan, np.float32)
    store.read(index, buffers[0], buffers[1])
    return buffers


def checked(folder: Path) -> Findings:
    *_, found = inspect(PatchStore(folder))
    assert isinstance(found, Findings)
    return found


def change_byte(file: Path, at: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        old = opened.read(1)[0]
        opened.seek(at)
        opened.write(bytes([old ^ 1]))


def test_a_data_set_is_its_index_and_its_files_and_nothing_else(micrographs: Path, tmp_path: Path) -> None:
    ended = made(micrographs, tmp_path / "d")
    assert sorted(digests(tmp_path / "d")) == [
        "index.json", "pairs_00000.bin", "pairs_00001.bin", "pairs_00002.bin",
    ]  # fmt: skip
    assert (ended.pairs, ended.bytes, ended.files, ended.made) == (12, 12 * 2 * 64 * 64 * 4, 3, 3)


@pytest.mark.parametrize("shard", [1, 5, 100])
def test_written_pairs_are_those_made_on_the_fly_bit_for_bit(
    micrographs: Path, tmp_path: Path, shard: int
) -> None:
    made(micrographs, tmp_path / "d", shard=shard)
    store, pairs = PatchStore(tmp_path / "d"), patch_pairs(PairSource([micrographs]), settings())
    for index in np.random.default_rng(0).permutation(len(pairs)).tolist():
        np.testing.assert_array_equal(pair(store, index), pairs.pair(index))


def test_float16_is_float32_to_its_precision_in_half_the_bytes(micrographs: Path, tmp_path: Path) -> None:
    small, whole = made(micrographs, tmp_path / "h", dtype="float16"), made(micrographs, tmp_path / "f")
    assert 2 * small.bytes == whole.bytes
    half, full = (pair(PatchStore(tmp_path / name), 7) for name in "hf")
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, full, rtol=2**-11, atol=2**-25)
    assert (half != full).any()


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
from tests.cryoden.experiment.test_store import PairSource, build, patch_pairs, settings
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


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("chosen", [{"noise_seed": 1}, {"gaussian": 0.1}, {"stride": 32}, {"shard": 6}])
def test_other_settings_are_not_written_into_a_folder_that_is_taken(
    micrographs: Path, tmp_path: Path, finished: bool, chosen: dict[str, Any]
) -> None:
    made(micrographs, tmp_path)
    if not finished:
        (tmp_path / "index.json").rename(tmp_path / "plan.json")
    before = digests(tmp_path)
    with pytest.raises(PatchFileError, match=r"Q05 .*other micrographs or settings"):
        made(micrographs, tmp_path, **chosen)
    assert digests(tmp_path) == before


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


def test_pairs_that_nothing_is_known_of_are_not_taken_for_ones_own(micrographs: Path, tmp_path: Path) -> None:
    made(micrographs, tmp_path)
    (tmp_path / "index.json").unlink()
    with pytest.raises(PatchFileError, match=r"Q05 .*neither index nor plan"):
        made(micrographs, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked")
def test_one_process_builds_in_a_folder_at_a_time(micrographs: Path, tmp_path: Path) -> None:
    with claimed(tmp_path), pytest.raises(PatchFileError, match=r"Q05 .*another process"):
        made(micrographs, tmp_path)
    assert made(micrographs, tmp_path).made == 3


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


def test_a_disk_too_small_is_told_before_anything_is_written(tmp_path: Path) -> None:
    file = tmp_path / "m.mrc"
    mrc.write(file, np.zeros((2048, 2048), np.float32), pixel_size=1.5, label="made for a test")
    pairs = patch_pairs(PairSource([file]), PatchSettings(patch=1024, stride=1))  # 1,050,625 of 8 MiB
    with pytest.raises(OutputError, match=r"O02 .*needs 8,813\.28 GB"):
        list(build(pairs, tmp_path / "d"))
    assert list((tmp_path / "d").iterdir()) == []


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


def test_a_damaged_byte_is_found_with_its_pair_and_file(
    micrographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(micrographs, tmp_path)
    assert main(["patches", "check", str(tmp_path)]) == 0
    assert "12 pairs read: 0 damaged" in capsys.readouterr().out
    change_byte(tmp_path / "pairs_00001.bin", 2 * 32_768 + 5)
    assert main(["patches", "check", str(tmp_path)]) == 3
    place = rf"pair 7 in {re.escape(str(tmp_path))}/pairs_00001\.bin at byte 65,536, of .*m2\.mrc"
    assert re.search(place, capsys.readouterr().out)


def test_pairs_of_one_micrograph_that_is_shifted_are_found(tmp_path: Path) -> None:
    for seed in range(4):
        known = scene(seed, (640, 640), signal=0.5)
        for side, half, moved in (("a", known.even, 0), ("b", known.odd, 3 * (seed == 2))):
            (tmp_path / side).mkdir(exist_ok=True)
            shifted = np.roll(half.data, (moved, -moved), (0, 1))
            mrc.write(tmp_path / side / f"m{seed}.mrc", shifted, pixel_size=1.5, label="made for a test")
    asked = ["patches", "build", "--noisy", str(tmp_path / "a"), "--target", str(tmp_path / "b")]
    assert main([*asked, "--out", str(tmp_path / "d"), "--patch", "256", "--stride", "192"]) == 0
    found = checked(tmp_path / "d")
    assert [one.pair // 9 for one in found.shifted] == [2] * 9
    assert np.abs([(one.down + 3, one.right - 3) for one in found.shifted]).max() <= 1
    assert not found.good
    assert found.changed == ()


def test_one_shifted_micrograph_among_many_is_found(tmp_path: Path) -> None:
    known = [scene(seed, (128, 128), signal=2) for seed in range(100)]
    sampled = {index // 4 for index in sample(400, LOOKED_AT)}
    shifted = next(which for which in range(50, 100) if which not in sampled)
    noisy = [np.roll(one.odd.data, 5 * (which == shifted), 0) for which, one in enumerate(known)]
    pairs = PatchPairs([one.even for one in known], [Micrograph(one, 1.5, "m") for one in noisy], settings())
    list(build(pairs, tmp_path))
    assert [(one.micrograph, one.down, one.right) for one in checked(tmp_path).shifted] == [
        (f"m{shifted}_EVN", 5, 0)
    ]


def test_pairs_without_contrast_are_found(tmp_path: Path) -> None:
    data = scene().even.data.copy()
    data[:64, :64] = 100
    list(build(PatchPairs([Micrograph(data, 1.5, "m")], None, settings()), tmp_path))
    assert [one.pair for one in checked(tmp_path).flat] == [0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda file: file.unlink(), "is gone"),
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


def test_a_pair_is_read_and_its_noise_made_again_as_the_page_on_patch_files_says(
    micrographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(micrographs, tmp_path / "pairs", clip=False, noise_seed=3)
    example = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "patch-files.md").read_text(), re.DOTALL)
    (tmp_path / "example.py").write_text(example[0])
    monkeypatch.chdir(tmp_path)
    found = runpy.run_path("example.py")
    np.testing.assert_array_equal(found["pair"], pair(PatchStore(tmp_path / "pairs"), 7))
    draw = np.random.Generator(np.random.Philox(key=3, counter=[0, 0, 7, 0]))
    counts = draw.poisson(100.0 * found["target"].astype(np.float64))
    noise = 0.05 * draw.standard_normal((64, 64), np.float32)
    np.testing.assert_allclose(found["noisy"], counts / 100 + noise, atol=1e-6)
    index = found["index"]
    scale, source = index["scales"][1], index["sources"][1]
    pixels = (mrc.read(source["path"]).data[:64, 64:128] - scale["offset"]) / scale["divisor"]
    np.testing.assert_allclose(found["target"], pixels.clip(0, 1), atol=1e-6)


def test_info_tells_sizes_in_words_and_in_json(
    micrographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(micrographs, tmp_path)
    assert main(["patches", "info", str(tmp_path)]) == 0
    words = capsys.readouterr().out
    for told in ("12 of 64 × 64 px", "2 micrographs", "393.22 kB in 3 files, float32", "32.77 kB a pair"):
        assert told in words
    assert main(["patches", "info", str(tmp_path), "--json"]) == 0
    known = json.loads(capsys.readouterr().out)
    assert (known["pairs"], known["bytes"], known["bytes_per_epoch"]) == (12, 393_216, 393_216)
    assert [scale["offset"] for scale in known["scales"]] == [0, 0]


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

"""The manual picker of RELION: the script that it writes, run by bash as it runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cryoden.formats import micrographs
from cryoden.hosts.topaz import main
from cryoden.io import mrc
from cryoden.model import checkpoint
from tests.cryoden.denoising.test_denoise import model as random_model
from tests.cryoden.scenes import scene

FOLDER = "ManualPick/job004/"
REST = "--device 0 --patch-size 1024 --patch-padding 256 --normalize"


@pytest.fixture
def micrograph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("MotionCorr").mkdir()
    Path(FOLDER).mkdir(parents=True)
    path = Path("MotionCorr/m1.mrc")
    mrc.write(path, scene(1, (128, 128)).even.data, pixel_size=3.0, label="disks")
    return path


def picked(micrograph: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    script = Path(f"{FOLDER}topaz_denoise.bash")
    program = f"{sys.executable} -m cryoden.hosts.topaz"
    script.write_text(f"#!/bin/bash\n{program} denoise {micrograph} --output {FOLDER} {REST}\n")
    told = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment
    return subprocess.run(["/bin/bash", script], capture_output=True, text=True, env=told, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="RELION runs on Linux")
def test_the_script_of_the_picker_leaves_a_denoised_micrograph_of_the_same_name(micrograph: Path) -> None:
    ended = picked(micrograph)
    assert ended.returncode == 0, ended.stderr
    shown, raw = micrographs.read(Path(f"{FOLDER}m1.mrc")), micrographs.read(micrograph)
    assert shown.shape == raw.shape
    assert shown.pixel_size == pytest.approx(3.0)
    clean = scene(1, (128, 128)).clean
    of_truth = [np.corrcoef(one.ravel(), clean.ravel())[0, 1] for one in (shown.data, raw.data)]
    assert of_truth[0] > of_truth[1] + 0.1


@pytest.mark.skipif(sys.platform == "win32", reason="RELION runs on Linux")
def test_a_micrograph_that_cannot_be_read_fails_so_that_the_picker_shows_the_raw_one(
    micrograph: Path,
) -> None:
    micrograph.write_bytes(micrograph.read_bytes()[:2000])
    ended = picked(micrograph)
    assert ended.returncode == 1
    assert "F03" in ended.stderr
    assert not Path(f"{FOLDER}m1.mrc").exists()


def test_the_model_is_named_by_the_environment_or_by_a_flag(
    micrograph: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Path("mine.safetensors")
    checkpoint.write(random_model("baseline"), mine)
    main(["denoise", str(micrograph), "-o", "general", "--device", "-1"])
    main(["denoise", str(micrograph), "-o", "flag", "--device", "-1", "--model", str(mine)])
    monkeypatch.setenv("CRYODEN_MODEL", str(mine))
    main(["denoise", str(micrograph), "-o", "environment", "--device", "-1"])
    general, flag, environment = (
        micrographs.read(Path(name) / "m1.mrc").data for name in ("general", "flag", "environment")
    )
    np.testing.assert_array_equal(flag, environment)
    assert not np.array_equal(flag, general)


def test_what_it_shows_never_takes_the_place_of_the_micrograph(micrograph: Path) -> None:
    before = micrograph.read_bytes()
    assert main(["denoise", str(micrograph), "--output", str(micrograph.parent), "--device", "-1"]) == 1
    assert micrograph.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_training_and_picking_are_handed_on_to_topaz(
    micrograph: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    topaz = Path("bin/topaz").absolute()
    topaz.parent.mkdir()
    topaz.write_text('#!/bin/bash\necho "topaz $@"\nexit 7\n')
    topaz.chmod(0o755)
    monkeypatch.setenv("PATH", f"{topaz.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
    assert main(["extract", "-r", "14", str(micrograph)]) == 7
    assert capfd.readouterr().out == f"topaz extract -r 14 {micrograph}\n"


def test_without_topaz_another_command_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["extract"]) == 1
    assert capsys.readouterr().err.startswith("S07  only 'denoise' is done here, not 'extract'")


@pytest.mark.parametrize("words", [[], ["--help"], ["denoise", "--help"]])
def test_it_says_what_it_takes(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    assert "CRYODEN_MODEL" in capsys.readouterr().out

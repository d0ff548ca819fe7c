from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cryoden.cli.main import main
from cryoden.formats import micrographs
from cryoden.io import mrc
from cryoden.model.checkpoint import load
from tests.cryoden.cli.asked import QUICK, lines, train


def test_train_and_denoise_leave_a_model_and_a_result(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(folder, "--epochs", "2") == 0
    told = capsys.readouterr().out
    assert "Wiener filter" in told
    assert "noise floor" in told
    half = folder / "m0_EVN.mrc"
    model = str(folder / "m.safetensors")
    assert main(["denoise", str(half), "--model", model, "--output", str(folder / "out")]) == 0
    assert micrographs.read(folder / "out" / "m0_EVN_denoised.mrc").shape == micrographs.read(half).shape


def test_a_pixel_size_that_no_file_tells_is_assumed_and_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in folder.glob("*.mrc"):
        pixels = micrographs.read(path).data
        path.unlink()
        mrc.write(path, pixels, pixel_size=None, label="a half without a pixel size")
    assert train(folder, "--epochs", "1") == 0
    told = capsys.readouterr()
    assert "working pixel size: 3 Å/px" in told.out
    assert "no pixel size in the header of m0_EVN: 1 Å/px assumed, the result may be wrong" in told.err
    model = str(folder / "m.safetensors")
    assert (
        main(["denoise", str(folder / "m0_EVN.mrc"), "--model", model, "--output", str(folder / "out")]) == 0
    )
    assert "no pixel size in the header: 1 Å/px assumed, the result may be wrong" in capsys.readouterr().err


def test_the_same_seed_gives_the_same_losses_on_the_command_line_and_in_python(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from cryoden.dataset import opening  # noqa: PLC0415 - the same
    from cryoden.workflows import train_model  # noqa: PLC0415 - the same
    from tests.cryoden.training.short_runs import losses, settings  # noqa: PLC0415 - torch, where it is needed

    assert train(folder, "--epochs", "1", "--seed", "3", "--json") == 0
    told = [event["loss"] for event in lines(capsys.readouterr().out) if event["event"] == "StepFinished"]
    chosen = settings(epochs=1, seed=3, validation_fraction=0.15)
    assert told == losses(list(train_model.train_halves(opening.open_halves([folder]), None, chosen)))


def test_supervised_pairs_are_trained_on_by_name(folder: Path) -> None:
    noisy, target = (sorted(str(path) for path in folder.glob(f"*_{half}.mrc")) for half in ("EVN", "ODD"))
    model = folder / "s.safetensors"
    asked = ["train", "--noisy", *noisy, "--target", *reversed(target), "--model", str(model)]
    assert main([*asked, "--epochs", "2", *QUICK]) == 0
    assert load(model).provenance["mode"] == "supervised"


def test_info_tells_files_pairs_and_oddities(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "empty.mrc").touch()
    assert main(["info", str(folder)]) == 3
    told = capsys.readouterr()
    assert "192×160" in told.out
    assert "ready" in told.out
    assert "empty file (0 bytes)" in told.err


def test_info_in_json_names_each_file_and_pair(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json", str(folder)]) == 0
    rows = lines(capsys.readouterr().out)
    assert [row["event"] for row in rows] == ["file"] * 6 + ["pair"] * 3
    assert rows[0]["facts"]["pixel_size"] == pytest.approx(1.5)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["train"],
        ["train", "--halves", "x", "--model", "y", "--epochs", "3", "--minutes", "1"],
        ["train", "--halves", "x", "--model", "y", "--patch", "7"],
        ["train", "--model", "y"],
        ["train", "--halves", "x", "--noisy", "z", "--model", "y"],
        ["denoise", "x.mrc", "--model", "y", "--output", "o", "--learning-rate", "1"],
        ["paint"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert len(capsys.readouterr().err) > 20


def test_an_error_is_one_line_and_ends_with_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "m.safetensors").touch()
    assert train(folder, "--epochs", "1") == 1
    told = capsys.readouterr().err
    assert told.startswith("O05  ")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    "asked", [["train", "--model", "m", "--halves"], ["info"], ["denoise", "--model", "m", "--output", "o"]]
)
def test_nothing_found_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: list[str]
) -> None:
    assert main([*asked, str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("D01  ")


def test_info_names_a_half_without_its_partner(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "m1_ODD.mrc").unlink()
    assert main(["info", str(folder)]) == 1
    told = capsys.readouterr()
    assert "m0_EVN.mrc" in told.out
    assert told.err.startswith("D02  ")
    assert "1 half has no partner: m1_EVN.mrc" in told.err


def test_training_never_makes_up_missing_pixels(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(folder, "--nan", "mean") == 2
    assert "not for training" in capsys.readouterr().err


def test_a_batch_with_failures_ends_with_3_and_names_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(folder, "--epochs", "1")
    (folder / "bad.mrc").write_bytes(b"<!DOCTYPE html>" + bytes(2000))
    paths = [str(folder / "bad.mrc"), str(folder / "m1_EVN.mrc")]
    assert (
        main(["denoise", *paths, "--model", str(folder / "m.safetensors"), "--output", str(folder / "o")])
        == 3
    )
    assert "bad.mrc" in capsys.readouterr().err
    assert (folder / "o" / "m1_EVN_denoised.mrc").exists()


def test_interrupting_keeps_the_best_model_and_says_so(folder: Path) -> None:
    model = folder / "m.safetensors"
    asked = ["train", "--halves", str(folder), "--model", str(model), *QUICK, "--network", "baseline"]
    command = [sys.executable, "-m", "cryoden.cli.main", *asked, "--epochs", "100000", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if model.exists())
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=300)
    assert process.returncode == 130
    assert f"The best model so far is saved in {model}" in told
    assert load(model).provenance["end"] == "stopped"


@pytest.mark.parametrize("device", ["cuda:99", "99"])
@pytest.mark.parametrize(
    "asked",
    [
        ["denoise", "{}", "--output", "{}/out"],
        ["train", "--halves", "{}", "--model", "{}/m.safetensors", "--epochs", "1"],
        ["evaluate", "{}"],
        ["baseline", "{}", "--run", "{}/run", "--patch", "32", "--stride", "16", "--batch", "1"],
        ["simulate", "--output", "{}/sim", "--count", "1", "--edge", "256"],
    ],
    ids=lambda asked: asked[0],
)
def test_every_command_that_computes_does_so_on_the_gpu_of_this_number_or_not_at_all(
    folder: Path, capsys: pytest.CaptureFixture[str], asked: list[str], device: str
) -> None:
    assert main([*(word.format(folder) for word in asked), "--device", device]) == 2
    assert capsys.readouterr().err.startswith("S02  device = cuda:99 is not there (found: ")

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cryoden.cli.main import main
from cryoden.evaluation import json_file
from cryoden.evaluation.evaluate import EvaluationFinished, MethodScored, evaluate
from cryoden.evaluation.exposures import Subject
from cryoden.image.filters import gaussian
from cryoden.micrograph import HalfPair, Micrograph
from cryoden.model import checkpoint
from cryoden.settings.tools import EvaluationSettings
from tests.cryoden.denoising.test_denoise import model
from tests.cryoden.evaluation.planted import (
    halves_of,
    subject,
    write,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pairs of halves, their truth, and what another program made of them."""
    folder = tmp_path_factory.mktemp("evaluate")
    for name in ("halves", "truth", "smooth"):
        (folder / name).mkdir()
    for one in (subject(1, 256), subject(2, 256)):
        assert isinstance(one.truth, Micrograph)
        write(folder / "truth" / f"{one.name}_clean.mrc", one.truth.data)
        for half in (one.halves.even, one.halves.odd):
            assert isinstance(half, Micrograph)
            write(folder / "halves" / f"{half.name}.mrc", half.data)
            write(folder / "smooth" / f"{half.name}_denoised.mrc", 3 + 0.01 * gaussian(half.data, 3))
    return folder


def run(folder: Path, *more: str) -> int:
    return main(["evaluate", str(folder / "halves"), *more])


def test_the_command_line_compares_files_of_another_program_and_writes_a_report(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures, page = tmp_path / "figures.json", tmp_path / "a.html"
    truth, smooth = ["--truth", str(folder / "truth")], ["--other", f"smooth={folder / 'smooth'}"]
    assert run(folder, *truth, *smooth, "--figures", str(figures), "--report", str(page)) == 0
    told = capsys.readouterr().out
    assert "low-pass 20 Å" in told
    assert "low-pass 20 Å" in page.read_text(encoding="utf-8")
    assert "dB against the ground truth, the Wiener filter" in " ".join(told.split())
    table = json_file.load(figures)
    smooth_row = table.rows[-1]
    assert smooth_row.name == "smooth"
    assert table.gain_db(smooth_row, "detail") == pytest.approx(smooth_row.mean.truth_db, abs=1.0)
    (alike,) = [row for row in table.rows if row.name == "low-pass 30 Å"]
    assert smooth_row.mean.bias_ratio == pytest.approx(alike.mean.bias_ratio, abs=0.2)
    assert table.provenance["pairs"][0]["others"]["smooth"][1].endswith("m1_ODD_denoised.mrc")


def test_a_missing_partner_is_told_in_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted(str(path) for path in (folder / "smooth").glob("*.mrc"))[:-1]
    assert run(folder, "--other", f"smooth={files[0]}", *files[1:]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "D02  smooth: 1 of 4 micrographs have no file: m2_ODD (expected m2_ODD_denoised.mrc)"
    )


def test_a_figure_file_that_exists_is_refused_before_any_work(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "figures.json"
    figures.write_text("mine")
    assert run(folder, "--figures", str(figures)) == 1
    assert capsys.readouterr().err.startswith("O05")
    assert figures.read_text() == "mine"


def test_every_method_is_scored_on_every_pair() -> None:
    events = list(evaluate([subject(1, 256)], [], EvaluationSettings()))
    scored = [event.method for event in events if isinstance(event, MethodScored)]
    assert scored[0] == "raw"
    assert len(scored) == len(set(scored)) == 10


def test_halves_without_a_pixel_size_are_measured_in_pixels() -> None:
    halves = [Micrograph(half.data, None, half.name) for half in halves_of(subject(1, 256))]
    *_, last = evaluate([Subject("m1", HalfPair(*halves))], [], EvaluationSettings())
    assert isinstance(last, EvaluationFinished)
    assert last.table.unit == "px"
    assert last.table.rows[1].name == "low-pass 5 px"


def test_a_model_is_evaluated_with_the_orientations_that_are_chosen(folder: Path) -> None:
    errors, small = [], folder / "small.safetensors"
    checkpoint.write(model("baseline"), small)
    for orientations in ("1", "8"):
        numbers = folder / f"numbers_{orientations}.json"
        chosen = "--model", str(small), "--orientations", orientations, "--device", "cpu"
        assert run(folder, *chosen, "--figures", str(numbers)) == 0
        (judged,) = [one for one in json_file.load(numbers).rows if one.kind == "model"]
        errors.append(replace(judged.mean, seconds=None))
    assert errors[0] != errors[1]


def test_the_general_model_says_of_each_pair_how_far_its_training_covers_it(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures, page = tmp_path / "figures.json", tmp_path / "a.html"
    assert run(folder, "--device", "cpu", "--figures", str(figures), "--report", str(page)) == 0
    (model,) = [one for one in json_file.load(figures).rows if one.kind == "model"]
    assert set(model.coverage) == {"m1", "m2"}
    assert all(
        one.is_usual and one.words.endswith("scenes are as unusual).") for one in model.coverage.values()
    )
    sentence = "The model's training covers spectra like this one"
    assert sentence in page.read_text(encoding="utf-8").replace("&#39;", "'")
    assert sentence in " ".join(capsys.readouterr().out.split())

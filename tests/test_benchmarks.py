from __future__ import annotations

import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
TAKE_A_DEVICE = sorted(path for path in BENCHMARKS.glob("*.py") if '("--device"' in path.read_text())


@pytest.fixture
def hardship(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return runpy.run_path(str(BENCHMARKS / "hardship.py"))


@pytest.fixture
def small(hardship: dict[str, Any]) -> Any:
    """Return a function that makes one small exposure of a level."""
    usual = hardship["FACTORS"]["usual"][0]

    def make(**changed: Any) -> Any:
        return hardship["sample"](replace(usual, **changed), 256, 0, torch.device("cpu"))

    return make


def test_hardship_prints_a_row_of_gains_for_each_level(
    hardship: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    factors = hardship["FACTORS"]
    factors["dose"] = [level for level in factors["dose"] if level.name in {"60 e⁻/Å²", "2 e⁻/Å²"}]
    hardship["main"](["--factor", "dose", "--edge", "512", "--micrographs", "1", "--device", "cpu"])
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    head, _, many, few = rows
    assert [row[head.index("level")] for row in (many, few)] == ["60 e⁻/Å²", "2 e⁻/Å²"]
    raw, general, low_pass = (head.index(name) for name in ("raw SNR, dB", "general", "low-pass"))
    assert float(few[raw]) < float(many[raw]) < 0
    assert float(many[general]) > float(many[low_pass]) > 5
    assert many[-1] in {"none", "2 e⁻/Å²"}


def test_a_factor_names_the_first_level_at_which_the_model_is_below_the_filter(
    hardship: dict[str, Any],
) -> None:
    assert hardship["first_below"](["a", "b", "c"], [3.0, 1.0, 0.0], [2.0, 2.0, 2.0]) == "b"
    assert hardship["first_below"](["a", "b"], [3.0, 2.0], [2.0, 2.0]) == "none"


def test_every_factor_has_exposures_with_finite_pixels_and_a_truth(hardship: dict[str, Any]) -> None:
    for name, levels in hardship["FACTORS"].items():
        one = hardship["sample"](levels[-1], 192, 0, torch.device("cpu")).exposure
        for image in (one.even, one.odd, one.clean):
            assert np.isfinite(image).all(), name
            assert image.std() > 0, name


@pytest.mark.parametrize("name", ["background-200", "chains", "fragments", "graphene"])
def test_what_is_no_particle_is_in_both_halves_and_not_in_the_truth(
    hardship: dict[str, Any], small: Any, name: str
) -> None:
    usual, hard = small(), small(specimen=hardship["FACTORS"][name][-1].specimen)
    assert np.array_equal(hard.exposure.clean, usual.exposure.clean)
    added = hard.exposure.clean_with_ice - usual.exposure.clean_with_ice
    assert added.std() > 0.01 * usual.exposure.clean_with_ice.std()


@pytest.mark.parametrize("name", ["filaments", "membranes", "vesicles"])
def test_what_a_cell_is_made_of_is_in_the_truth(hardship: dict[str, Any], small: Any, name: str) -> None:
    usual, hard = small(), small(specimen=hardship["FACTORS"][name][-1].specimen)
    in_truth = hard.exposure.clean - usual.exposure.clean
    seen = hard.exposure.clean_with_ice - usual.exposure.clean_with_ice
    assert np.corrcoef(in_truth.ravel(), seen.ravel())[0, 1] > 0.9


def test_precision_is_read_at_each_particle_that_is_found_and_0_at_the_others(
    hardship: dict[str, Any],
) -> None:
    truth = np.array([[10.0, 10.0], [50.0, 50.0]])
    nothing = np.array([[100.0, 100.0]])
    precision = hardship["average_precision"]
    assert precision(truth + 1, truth, 5.0) == 1
    assert precision(np.concatenate([nothing, truth]), truth, 5.0) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert precision(np.concatenate([truth[:1], truth[:1], truth[1:]]), truth, 5.0) == pytest.approx(5 / 6)
    assert precision(truth[:1], truth, 5.0) == 0.5
    assert precision(truth[:0], truth, 5.0) == 0


def test_particles_are_found_on_what_has_no_noise(hardship: dict[str, Any]) -> None:
    one = hardship["sample"](hardship["FACTORS"]["usual"][0], 512, 0, torch.device("cpu"))
    assert hardship["picked"](one, [one.exposure.clean]) > 0.8


@pytest.mark.parametrize("path", TAKE_A_DEVICE, ids=lambda path: path.name)
def test_a_benchmark_takes_any_device_that_the_program_takes(path: Path) -> None:
    asked = subprocess.run([sys.executable, path, "--help"], capture_output=True, text=True, check=True)
    assert "--device DEVICE" in asked.stdout  # a name, and no list that lacks some

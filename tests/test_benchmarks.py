from __future__ import annotations

import importlib
import json
import math
import os
import re
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cryoden.checkpoints.kept_checkpoints import Checkpoints
from cryoden.events.batch import FileFinished
from cryoden.events.training import TrainingState
from cryoden.io import mrc
from cryoden.runs.folder import RunFolder
from tests.cryoden.faults.commands import COMMANDS

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


@pytest.mark.long
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


@pytest.mark.long
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


def test_particles_are_found_on_what_has_no_noise(hardship: dict[str, Any]) -> None:
    one = hardship["sample"](hardship["FACTORS"]["usual"][0], 512, 0, torch.device("cpu"))
    assert hardship["picked"](one, [one.exposure.clean]) > 0.8


def test_empty_ice_has_no_particle(small: Any) -> None:
    assert not small(covered=0).exposure.placed


@pytest.fixture
def confidence(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return runpy.run_path(str(BENCHMARKS / "confidence.py"))


def test_what_a_confidence_says_is_printed_beside_what_is_right(
    confidence: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    confidence["main"](["--factor", "usual", "--side", "900", "--micrographs", "1", "--device", "cpu"])
    cells = [cell.strip() for cell in capsys.readouterr().out.splitlines()[-1].split("|")[1:-1]]
    assert cells[0] == "usual, –"
    said, right, error = map(float, cells[1:4])
    assert abs(said - right) <= error + 0.006  # each is rounded
    assert len(cells[4:]) == 8


def test_the_error_of_calibration_is_what_is_said_less_what_is_right(confidence: dict[str, Any]) -> None:
    said = np.linspace(0.5, 1, 80_000)
    right = np.random.default_rng(0).random(80_000) < said - 0.1
    expected, found = confidence["Places"](said, right).reliability()
    np.testing.assert_allclose(expected - found, 0.1, atol=0.02)


def test_the_noise_of_the_image_that_judges_is_allowed_for(confidence: dict[str, Any]) -> None:
    """What is right everywhere agrees with a noisy image as often as the noise lets it."""
    draw = torch.Generator().manual_seed(0)
    truth, noise = (torch.randn(480, 480, generator=draw) for _ in range(2))
    sure = torch.full_like(truth, 0.9999)
    for strength in (0.0, 3.0):
        shown = confidence["Shown"](truth, sure, truth + strength * noise, 3.0)
        places = shown.noisy_places(lambda frequencies, power=strength**2: np.full_like(frequencies, power))
        said, right = places.reliability()
        np.testing.assert_allclose(said, right, atol=0.05)
        assert (right.mean() > 0.99) == (strength == 0)


def test_frames_of_a_folder_are_judged_by_the_mean_of_their_others_but_those_that_drifted(
    confidence: dict[str, Any], small: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exposure = small(scene={"dose": 40}).exposure
    folder = tmp_path / "apoferritin_pairs"
    folder.mkdir()
    for name in ("May08_03.05.02", "May08_06.09.02"):
        for ending, pixels in (("frame", exposure.even), ("rest", exposure.odd)):
            mrc.write(folder / f"{name}_{ending}.mrc", pixels, pixel_size=1.5, label="a test")
    assert confidence["frames"](confidence["arrays"](tmp_path)) == [
        ("May08_03.05.02_frame", "May08_03.05.02_rest")
    ]
    confidence["main"]([str(tmp_path), "--factor", "--device", "cpu"])
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("| apoferritin"))
    assert len([cell for cell in row.split("|") if cell.strip()]) == 12


def test_the_constants_of_a_confidence_are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    fitted = runpy.run_path(str(BENCHMARKS / "confidence_fit.py"))["fitted"]
    draw = np.random.default_rng(0)
    here, mean = np.exp(draw.uniform(-5, 0, (2, 50_000)))
    deviations = 20 * here**1.1 * mean**0.4
    said = 0.5 + 0.49 * np.array([math.erf(each / 2**0.5) for each in deviations])
    right = draw.random(50_000) < said
    np.testing.assert_allclose(fitted(np.array([here, mean, right])), (20, 1.1, 0.4), rtol=0.1)


@pytest.mark.long
@pytest.mark.parametrize("path", TAKE_A_DEVICE, ids=lambda path: path.name)
def test_a_benchmark_takes_any_device_that_the_program_takes(path: Path) -> None:
    asked = subprocess.run([sys.executable, path, "--help"], capture_output=True, text=True, check=True)
    assert "--device DEVICE" in asked.stdout  # a name, and no list that lacks some


def module(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a module of the benchmarks."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module(name)


def test_contrast_is_the_difference_of_the_means_over_the_noise_of_the_background(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readings, data = module("real_readings", monkeypatch), module("real_data", monkeypatch)
    image = np.random.default_rng(0).normal(50, 2, (400, 400)).astype(np.float32)
    image[:200] -= 20  # ten standard deviations darker
    regions = data.Regions(
        np.array([[50.0, 100.0], [100.0, 300.0]]), np.array([[300.0, 100.0], [300, 300]]), (40, 40)
    )
    assert readings.contrast(readings.sampled(image, regions)[None]) == pytest.approx(20, abs=0.3)


def test_a_margin_of_contrast_has_an_error_that_shrinks_with_the_number_of_regions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readings = module("real_readings", monkeypatch)
    numbers = np.random.default_rng(1)

    def margin(count: int) -> Any:
        usual, other = (numbers.normal((1, 0, 1), (0.3, 0.1, 0), (2, count, 3)) for _ in range(2))
        return readings.margin(other * (2, 1, 1), usual)

    (few, wide), (many, narrow) = margin(10), margin(1000)
    assert many == pytest.approx(6, abs=0.5)  # dB: twice the difference of the means
    assert abs(few - 6) < 4 * wide
    assert narrow < wide / 4


def test_every_circle_lies_in_its_micrograph_and_touches_no_circle_of_the_other_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = module("real_data", monkeypatch)
    for name in json.loads(data.REGIONS.read_text()):
        found = data.Regions.read(name)
        shape = (3838, 3710) if name == "k2" else (1168, 1208)
        assert len(found.particles) == len(found.background)
        for centers, radius in zip((found.particles, found.background), found.radii, strict=True):
            assert ((centers >= radius) & (centers < np.array(shape) - radius)).all(), name
        apart = np.linalg.norm(found.particles[:, None] - found.background[None], axis=-1)
        assert apart.min() > sum(found.radii), name
        assert name != data.DRIFTED


def test_the_order_of_methods_is_compared_with_that_of_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = module("yardstick", monkeypatch).ranks
    truth = np.array([[0.0, 3, 9, 5], [0, 1, 2, 4]])
    assert ranks(truth**2, truth) == ["1.00 (least 1.00)", "1.00"]
    assert ranks(-truth, truth) == ["-1.00 (least -1.00)", "-1.00"]


def test_a_particle_that_is_cut_out_is_turned_back(monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = module("yardstick_scenes", monkeypatch)
    rows, columns = np.mgrid[:200, :200] - 100.0
    angle = 0.7
    turn = scenes.in_plane(angle)[:2, :2]
    shape = np.array([[0, 0], [12, 0], [12, 8]], float)  # an L, no symmetry
    image = sum(np.exp(-((rows - at[0]) ** 2 + (columns - at[1]) ** 2) / 18) for at in shape @ turn.T).astype(
        np.float32
    )
    upright = sum(np.exp(-((rows - at[0]) ** 2 + (columns - at[1]) ** 2) / 18) for at in shape)
    (found,) = scenes.cut(image, np.array([[100.0, 100.0, angle]]), 61)
    assert np.corrcoef(found.ravel(), upright[70:131, 70:131].ravel())[0, 1] > 0.999


def test_the_clean_particle_is_nearer_to_a_class_average_the_better_it_is_aligned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenes, yardstick = module("yardstick_scenes", monkeypatch), module("yardstick", monkeypatch)
    one, angles = scenes.one_class(scenes.CLASSES[0], 1)
    poses = np.column_stack([[particle.center for particle in one.placed], angles])
    view = module("real_data", monkeypatch).View(one.even, one.odd, truth=one.clean)
    fine = [
        yardstick.bands(one.clean, view, yardstick.erring(poses, error))[0][2] for error in yardstick.ERRORS
    ]
    assert fine[0] > 0.9
    assert fine[0] > fine[1] > fine[2]


def test_topaz_is_asked_for_its_model_by_both_flags_that_its_versions_go_by(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in = tmp_path / "topaz.py"
    stand_in.write_text(
        "import pathlib, shutil, sys\n"
        "asked = dict(zip(sys.argv[2:-1:2], sys.argv[3::2]))\n"
        "assert asked['--model'] == asked['--arch'] == 'unet-small', asked\n"
        "out = pathlib.Path(asked['--output'])\n"
        "out.mkdir()\n"
        "shutil.copy(sys.argv[-1], out / 'in.mrc')\n"
    )
    by_topaz = module("real_methods", monkeypatch).by_topaz
    noisy = np.random.default_rng(2).normal(size=(32, 32)).astype(np.float32)
    assert np.array_equal(by_topaz(f"{sys.executable} {stand_in}", 1.0, "unet-small")(noisy), noisy)


def test_lost_doubled_and_wrong_results_of_killed_workers_are_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    lost = module("lost_workers", monkeypatch)
    lost.make(tmp_path / "in", 4, 16)
    for folder in ("right", "out"):
        (tmp_path / folder).mkdir()
    targets = {
        path: tmp_path / "out" / f"{path.stem}_denoised.mrc" for path in sorted((tmp_path / "in").iterdir())
    }
    for path, target in targets.items():
        for copy in (target, tmp_path / "right" / target.name):
            copy.write_bytes(path.read_bytes())
    heard = [FileFinished(path, target, 0.1, ()) for path, target in targets.items()]
    assert lost.problems(heard, targets, tmp_path / "right") == []
    one, other, *_ = targets
    targets[one].unlink()
    targets[other].write_bytes(one.read_bytes())
    (tmp_path / "out" / ".m.part").touch()
    found = lost.problems([*heard[1:], heard[2]], targets, tmp_path / "right")
    assert found == [
        "m00000.mrc was reported 0 times", "m00002.mrc was reported 2 times",
        "m00000_denoised.mrc is missing or wrong", "m00001_denoised.mrc is missing or wrong",
        ".m.part was left behind",
    ]  # fmt: skip


@pytest.mark.long
def test_a_training_killed_three_times_at_random_ends_in_the_bits_of_one_that_was_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    soak = runpy.run_path(str(BENCHMARKS / "soak" / "killed_training.py"))
    assert soak["main"](["--kills", "3"]) == 0
    assert "killed 3 times" in capsys.readouterr().out


def test_a_run_that_differs_from_one_that_was_not_killed_is_found_out(tmp_path: Path) -> None:
    soak = runpy.run_path(str(BENCHMARKS / "soak" / "killed_training.py"))
    one, other = (RunFolder(tmp_path / name) for name in ("one", "other"))
    for run, value in ((one, 1.0), (other, 2.0)):
        run.checkpoints.mkdir(parents=True)
        Checkpoints(run.checkpoints).save(TrainingState(3, {"engine/w": np.full(2, value, np.float32)}, {}))
        run.metrics.write_text(f"step,step_loss,elapsed\n1,{value},{value}\n")
    (other.checkpoints / ".step.part").touch()
    assert list(soak["differences"](one, other)) == ["engine/w", "losses", ".step.part was left behind"]
    assert list(soak["differences"](one, one)) == []


@pytest.mark.long
def test_commands_killed_at_random_leave_nothing_half_and_make_nothing_twice(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    soak = runpy.run_path(str(BENCHMARKS / "soak" / "killed_commands.py"))
    assert soak["main"](["--kills", "3", "--command", "denoise", "patches"]) == 0
    assert capsys.readouterr().out.count("killed 3 times") == 2


@pytest.mark.long
@pytest.mark.parametrize(
    ("script", "asked", "said"),
    [
        ("random_stops", ["--stops", "3"], "all files whole"),
        ("ten_processes", ["--rounds", "1"], "each file is made once"),
        ("refusals", [], "of processor time"),
    ],
)
def test_stops_crowds_and_refusals_keep_their_marks(
    script: str, asked: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    soak = runpy.run_path(str(BENCHMARKS / "soak" / f"{script}.py"))
    assert soak["main"](asked) == 0
    assert said in capfd.readouterr().out


def test_what_a_killed_command_must_not_leave_is_found_out(tmp_path: Path) -> None:
    soak = runpy.run_path(str(BENCHMARKS / "soak" / "killed_commands.py"))["Soak"](
        COMMANDS["patches"], tmp_path, None
    )
    soak.out.mkdir()
    (tmp_path / "in.mrc").write_bytes(b"in")
    soak.inputs, soak.whole = {}, {"a.mrc": b"whole", "b.mrc": b"whole"}
    for name in ("a.mrc", "b.mrc", "c.mrc"):
        (soak.out / name).write_bytes(b"whole")
    soak.before = {path: path.stat() for path in soak.results()}
    (soak.out / "a.mrc").write_bytes(b"half")
    os.utime(soak.out / "a.mrc", (0, 0))  # however coarse the clock of the disk
    (soak.out / "c.mrc").unlink()
    soak.check()
    assert set(soak.found) == {
        "kill 0: an input has changed", "kill 0: a.mrc is not whole",
        "kill 0: a.mrc was made twice", "kill 0: c.mrc is lost",
    }  # fmt: skip


def test_a_batch_of_many_files_says_how_memory_grows(capsys: pytest.CaptureFixture[str]) -> None:
    soak = runpy.run_path(str(BENCHMARKS / "soak" / "many_files.py"))
    soak["main"](["--files", "60", "--bad", "30"])  # too few for a slope
    assert "57 of 60 files, 3 bad" in capsys.readouterr().out


def test_bytes_at_random_reach_a_reader_and_what_comes_out_is_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    fuzz = runpy.run_path(str(BENCHMARKS / "soak" / "fuzz.py"))
    assert fuzz["at_random"](lambda _: None, b"whole", "any", 0.2, tmp_path) == 0
    assert re.match(r"any: [\d,]+ inputs at random", capsys.readouterr().out)
    assert fuzz["at_random"](int, b"1", "number", 60, tmp_path) == 1
    (kept,) = tmp_path.iterdir()
    with pytest.raises(ValueError, match="invalid literal"):
        int(kept.read_bytes())

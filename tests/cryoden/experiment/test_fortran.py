"""The experiment in Fortran: checked value by value, and trained on patch files, on processor and GPU.

cuDNN is emulated, because few machines that run tests have a GPU.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.cli.main import main
from cryoden.events.training import StepFinished
from cryoden.experiment.export import export_run
from cryoden.runs import compare, external, metrics
from cryoden.settings.baseline import ExportSettings
from tests.cryoden.experiment.test_export import arrays, run_on, write_micrograph

FORTRAN = Path(__file__).parents[3] / "examples" / "fortran"
EMULATED = Path(__file__).with_name("emulated_cudnn.c")
GPUS = ["cudnn", "cudnn-tf32"]


@dataclass(frozen=True)
class Handed:
    """What a program is handed: pairs, a run on them, and its export."""

    pairs: Path
    run: Path
    export: Path


@pytest.fixture(scope="module")
def handed(tmp_path_factory: pytest.TempPathFactory) -> Handed:
    """25 pairs, 7 in a file; three epochs of 20 of them in batches of 3, the last of an epoch of 2."""
    folder = tmp_path_factory.mktemp("handed")
    write_micrograph(folder / "waves.mrc")
    build = ["patches", "build", str(folder / "waves.mrc"), "--out", str(folder / "pairs")]
    assert main([*build, "--patch", "48", "--stride", "48", "--shard", "7"]) == 0
    run = run_on(folder / "pairs", folder / "run", "--epochs", "3")
    export_run(run, folder / "export", ExportSettings(pairs=2, edge=32, batches=2, steps=8))
    return Handed(folder / "pairs", run, folder / "export")


@pytest.fixture
def export(handed: Handed) -> Path:
    return handed.export


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder they are built in."""
    make = shutil.which("make")
    if make is None or shutil.which("gfortran") is None:
        pytest.skip("gfortran or make is not installed")
    folder = tmp_path_factory.mktemp("fortran")
    shutil.copytree(FORTRAN, folder, dirs_exist_ok=True)
    subprocess.run([make, "-B", "-C", str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which programs find an emulated GPU."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed")
    folder = tmp_path_factory.mktemp("emulated")
    command = [compiler, "-O3", "-shared", "-fPIC", str(EMULATED), "-lm", "-o", str(folder / "libcudnn.so.9")]
    subprocess.run(command, check=True)
    (folder / "libcudart.so.13").symlink_to("libcudnn.so.9")  # one library, loaded once
    return {"LD_LIBRARY_PATH": str(folder)}


Done = subprocess.CompletedProcess[str]


def started(program: Path, *arguments: object, **environment: str) -> Done:
    variables = os.environ | {"OMP_NUM_THREADS": "2"} | environment
    command = [str(program), *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=variables)


def checked(programs: Path, export: Path, log: Path, engine: str = "cpu", **environment: str) -> Done:
    return started(programs / "check", export, log, engine, **environment)


def trained(programs: Path, handed: Handed, log: Path, engine: str = "cpu", **environment: str) -> Done:
    return started(programs / "train", handed.pairs, handed.export, log, engine, **environment)


def losses_of(run: Path) -> list[float]:
    return [event.loss for event in metrics.read(run / "metrics.csv") if isinstance(event, StepFinished)]


class TestCheck:
    def test_agrees_with_every_array_and_logs_its_losses(
        self, programs: Path, export: Path, tmp_path: Path
    ) -> None:
        done = checked(programs, export, tmp_path / "log.csv")
        assert done.returncode == 0, done.stdout + done.stderr
        found = arrays(export)
        compared = {line.split()[0] for line in done.stdout.splitlines()}
        given = {"noisy", "target", "learning_rate"} | {name for name in found if "initial" in name}
        given |= {f"final_{kind}{number}" for kind in ("weight", "bias") for number in (1, 2, 3)}
        assert set(found) - given <= compared
        head, rows = logged(tmp_path / "log.csv")
        assert {"program", "hardware", "network", "batch", "learning_rate", "optimizer"} <= set(head)
        assert float(head["learning_rate"]) == pytest.approx(0.05)
        np.testing.assert_allclose([float(row["loss"]) for row in rows], found["losses"], rtol=1e-5)
        assert all(float(row["seconds"]) > 0 and float(row["images_per_second"]) > 0 for row in rows)

    def test_its_log_is_compared_with_runs(self, programs: Path, export: Path, tmp_path: Path) -> None:
        assert checked(programs, export, tmp_path / "log.csv").returncode == 0
        run = compare.opened(tmp_path / "log.csv")
        assert (run.name, run.network, run.state) == ("fortran, float32", "baseline", "measured")
        assert run.initial == pytest.approx(arrays(export)["losses"][0], rel=1e-5)
        assert run.images == pytest.approx(2 * (run.batches or 0))
        assert external.read(tmp_path / "log.csv").number("parameters") == 2625

    def test_a_wrong_weight_is_noticed(self, programs: Path, export: Path, tmp_path: Path) -> None:
        shutil.copytree(export, tmp_path / "wrong")
        file = tmp_path / "wrong" / "initial_weight2.bin"
        weights = np.fromfile(file, "<f4")
        weights[np.abs(arrays(export)["gradient_weight2"]).argmax()] += np.float32(0.001)
        weights.tofile(file)
        done = checked(programs, tmp_path / "wrong", tmp_path / "log.csv")
        assert done.returncode == 1
        far = {line.split()[0] for line in done.stdout.splitlines() if "TOO FAR" in line}
        assert {"conv2", "output", "losses"} <= far
        assert "conv1" not in far

    def test_a_result_that_is_no_number_is_noticed(
        self, programs: Path, export: Path, tmp_path: Path
    ) -> None:
        shutil.copytree(export, tmp_path / "wrong")
        file = tmp_path / "wrong" / "initial_bias1.bin"
        biases = np.fromfile(file, "<f4")
        biases[0] = np.nan  # one channel of many
        biases.tofile(file)
        done = checked(programs, tmp_path / "wrong", tmp_path / "log.csv")
        assert done.returncode == 1
        assert "conv1" in {line.split()[0] for line in done.stdout.splitlines() if "TOO FAR" in line}

    def test_a_file_that_is_not_whole_is_named(self, programs: Path, export: Path, tmp_path: Path) -> None:
        shutil.copytree(export, tmp_path / "short")
        with (tmp_path / "short" / "noisy.bin").open("rb+") as file:
            file.truncate(100)
        done = checked(programs, tmp_path / "short", tmp_path / "log.csv")
        assert done.returncode == 2
        assert "noisy.bin" in done.stderr

    @pytest.mark.parametrize("engine", GPUS)
    def test_cudnn_agrees_as_far_as_its_arithmetic_goes(
        self, programs: Path, export: Path, emulated: dict[str, str], tmp_path: Path, engine: str
    ) -> None:
        done = checked(programs, export, tmp_path / "log.csv", engine, **emulated)
        assert done.returncode == 0, done.stdout + done.stderr
        words = [line.split() for line in done.stdout.splitlines()]
        found = {line[0]: float(line[1]) for line in words if line[0] in arrays(export)}
        assert {"relu1", "relu2", "output", "losses", "final_output"} <= set(found)
        assert len([name for name in found if name.startswith(("gradient", "stepped"))]) == 12
        worst = max(found.values())
        assert worst < 1e-5 if engine == "cudnn" else 1e-4 < worst < 1e-2

    def test_where_cudnn_has_no_fused_layer_it_is_put_together(
        self, programs: Path, export: Path, emulated: dict[str, str], tmp_path: Path
    ) -> None:
        environment = emulated | {"EMULATED_WITHOUT_FUSION": "1"}
        done = checked(programs, export, tmp_path / "log.csv", "cudnn", **environment)
        assert done.returncode == 0, done.stdout + done.stderr


class TestTrain:
    def test_its_losses_are_those_of_the_run(self, programs: Path, handed: Handed, tmp_path: Path) -> None:
        done = trained(programs, handed, tmp_path / "log.csv")
        assert done.returncode == 0, done.stderr
        _, rows = logged(tmp_path / "log.csv")
        np.testing.assert_allclose([float(row["loss"]) for row in rows], losses_of(handed.run), rtol=1e-5)

    def test_comparing_passes_it_against_the_run(
        self, programs: Path, handed: Handed, tmp_path: Path
    ) -> None:
        assert trained(programs, handed, tmp_path / "log.csv").returncode == 0
        mine, other = compare.opened(handed.run), compare.opened(tmp_path / "log.csv")
        assert other.final == pytest.approx(mine.final, rel=1e-5)
        assert len(other.course()[1]) == 4  # the start, and three epochs
        assert (
            main(["compare", str(handed.run), str(tmp_path / "log.csv"), "--against", str(handed.run)]) == 0
        )

    @pytest.mark.parametrize("engine", GPUS)
    def test_cudnn_learns_the_same(
        self,
        programs: Path,
        handed: Handed,
        emulated: dict[str, str],
        tmp_path: Path,
        engine: str,
    ) -> None:
        done = trained(programs, handed, tmp_path / "log.csv", engine, **emulated)
        assert done.returncode == 0, done.stderr
        head, rows = logged(tmp_path / "log.csv")
        assert "emulated GPU" in head["hardware"]
        near = 1e-5 if engine == "cudnn" else 5e-3
        np.testing.assert_allclose([float(row["loss"]) for row in rows], losses_of(handed.run), rtol=near)

    def test_without_a_gpu_the_processor_learns_and_why_is_said(
        self, programs: Path, handed: Handed, emulated: dict[str, str], tmp_path: Path
    ) -> None:
        environment = emulated | {"EMULATED_WITHOUT_GPU": "1"}
        done = trained(programs, handed, tmp_path / "log.csv", "auto", **environment)
        assert done.returncode == 0
        assert done.stderr.startswith("on the processor: no NVIDIA GPU")
        done = trained(programs, handed, tmp_path / "more.csv", "cudnn", **environment)
        assert done.returncode == 2
        assert not (tmp_path / "more.csv").exists()

    def test_a_damaged_file_of_pairs_is_named(self, programs: Path, handed: Handed, tmp_path: Path) -> None:
        shutil.copytree(handed.pairs, tmp_path / "pairs")
        with (tmp_path / "pairs" / "pairs_00001.bin").open("rb+") as file:
            file.truncate(1000)
        done = trained(programs, replace(handed, pairs=tmp_path / "pairs"), tmp_path / "log.csv")
        assert done.returncode == 2
        assert "pairs_00001.bin" in done.stderr

    def test_pairs_it_does_not_read_are_refused(self, programs: Path, handed: Handed, tmp_path: Path) -> None:
        shutil.copytree(handed.pairs, tmp_path / "pairs")
        index = tmp_path / "pairs" / "index.json"
        index.write_text(index.read_text().replace('"float32"', '"float16"'))
        done = trained(programs, replace(handed, pairs=tmp_path / "pairs"), tmp_path / "log.csv")
        assert done.returncode == 2
        assert "float16" in done.stderr

    def test_without_the_order_of_a_run_it_says_what_to_export(
        self, programs: Path, handed: Handed, tmp_path: Path
    ) -> None:
        shutil.copytree(handed.export, tmp_path / "old")
        (tmp_path / "old" / "order.txt").unlink()
        done = trained(programs, replace(handed, export=tmp_path / "old"), tmp_path / "log.csv")
        assert done.returncode == 2
        assert "order.txt" in done.stderr


def logged(path: Path) -> tuple[dict[str, str], list[dict[str, Any]]]:
    lines = path.read_text().splitlines()
    head = dict(line[2:].split(": ", 1) for line in lines if line.startswith("#"))
    return head, list(csv.DictReader(line for line in lines if not line.startswith("#")))

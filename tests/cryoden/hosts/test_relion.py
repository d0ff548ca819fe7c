"""Denoising as RELION starts it: a project with halves and sums, by the command line alone."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

import gemmi
import mrcfile
import numpy as np
import pytest

from cryoden.cli.main import main
from cryoden.dataset.star_files import micrographs_of
from cryoden.formats import micrographs, writing
from cryoden.hosts.listed_results import DENOISED, RAW
from cryoden.hosts.relion import place_of
from cryoden.hosts.relion_job import ABORT
from cryoden.io import mrc
from cryoden.io.star import having, read_tables
from cryoden.runs.record import read
from tests.cryoden.scenes import scene

FIELD = Path(__file__).parents[4] / "shared" / "data" / "field"
JOB = "External/job012/"
STAR = "MotionCorr/job002/corrected_micrographs.star"
HEAD = """# version 50001

data_optics

loop_
_rlnOpticsGroup #1
_rlnMicrographPixelSize #2
1 3.0
2 3.0

data_micrographs

loop_
_rlnMicrographName #1
_rlnMicrographNameEven #2
_rlnMicrographNameOdd #3
_rlnOpticsGroup #4
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two micrographs of one name in two folders, and one more; RELION runs in the project's folder."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("a/m", "b/m", "b/n")):
        known = scene(number, (128, 128))
        stem = tmp_path / "MotionCorr" / "job002" / name
        stem.parent.mkdir(parents=True, exist_ok=True)
        even, odd = known.even.data, known.odd.data
        for ending, pixels in (("_EVN", even), ("_ODD", odd), ("", 0.5 * even + 0.5 * odd)):
            path = stem.with_name(f"{stem.name}{ending}.mrc")
            mrc.write(path, pixels.astype(np.float32), pixel_size=3.0, label="disks")
    write_list("a/m", "b/m", "b/n")
    return tmp_path


def write_list(*names: str) -> None:
    stems = [f"MotionCorr/job002/{name}" for name in names]
    rows = [f"{s}.mrc {s}_EVN.mrc {s}_ODD.mrc {1 + number % 2}\n" for number, s in enumerate(stems)]
    Path(STAR).write_text("".join([HEAD, *rows, " \n"]))


def relion(*more: str) -> int:
    return main(["relion", "--o", JOB, "--in_mics", STAR, "--device", "cpu", *more, "--j", "1"])


def marks() -> set[str]:
    return {path.name for path in Path(JOB).glob("RELION_JOB_*")}


def nodes() -> dict[str, str]:
    (block,) = gemmi.cif.read(f"{JOB}RELION_OUTPUT_NODES.star")
    return {row[0]: row[1] for row in block.find("_rlnPipeLineNode", ["Name", "TypeLabel"])}


def listed() -> list[tuple[str, ...]]:
    labels = ("rlnMicrographName", RAW, "rlnOpticsGroup")
    table = having(read_tables(Path(JOB) / "micrographs_denoised.star"), labels)
    assert table is not None
    return table.columns(labels)


@pytest.mark.usefixtures("project")
def test_a_job_denoises_lists_and_announces_all_and_ends_well() -> None:
    assert relion("--pipeline_control", JOB) == 0
    assert marks() == {"RELION_JOB_EXIT_SUCCESS"}
    assert nodes() == {f"{JOB}micrographs_denoised.star": "MicrographGroupMetadata.star.relion"}
    assert listed() == [
        (f"{JOB}MotionCorr/job002/a/m_denoised.mrc", "MotionCorr/job002/a/m.mrc", "1"),
        (f"{JOB}MotionCorr/job002/b/m_denoised.mrc", "MotionCorr/job002/b/m.mrc", "2"),
        (f"{JOB}MotionCorr/job002/b/n_denoised.mrc", "MotionCorr/job002/b/n.mrc", "1"),
    ]
    first, second, _ = (
        micrographs.read(path).data for path in micrographs_of(Path(JOB) / "micrographs_denoised.star")
    )
    assert not np.array_equal(first, second)


@pytest.mark.usefixtures("project")
def test_a_job_that_continues_does_what_is_new_and_writes_the_list_whole() -> None:
    write_list("a/m")
    assert relion() == 0
    made = Path(listed()[0][0])
    before = made.stat().st_mtime_ns
    write_list("b/n", "a/m")  # a new one comes first
    assert relion() == 0
    assert made.stat().st_mtime_ns == before
    assert [name for name, _, _ in listed()] == [
        f"{JOB}MotionCorr/job002/b/n_denoised.mrc",
        f"{JOB}MotionCorr/job002/a/m_denoised.mrc",
    ]
    assert marks() == {"RELION_JOB_EXIT_SUCCESS"}


@pytest.mark.usefixtures("project")
def test_a_job_that_continues_with_other_settings_makes_all_again() -> None:
    write_list("a/m")
    assert relion() == 0
    assert relion("--pixel_format", "float16") == 0
    with mrcfile.open(listed()[0][0]) as file:
        assert file.data.dtype == np.float16
    assert marks() == {"RELION_JOB_EXIT_SUCCESS"}


def test_a_micrograph_that_fails_makes_the_job_a_failure_and_not_the_others(project: Path) -> None:
    (project / "MotionCorr" / "job002" / "b" / "m.mrc").write_bytes(b"no micrograph")
    assert relion() == 3
    assert marks() == {"RELION_JOB_EXIT_FAILURE"}
    assert [raw for _, raw, _ in listed()] == ["MotionCorr/job002/a/m.mrc", "MotionCorr/job002/b/n.mrc"]


def test_a_list_that_is_not_there_makes_the_job_a_failure(project: Path) -> None:
    (project / STAR).unlink()
    assert relion() == 1
    assert marks() == {"RELION_JOB_EXIT_FAILURE"}


@pytest.mark.usefixtures("project")
def test_wrong_usage_makes_the_job_a_failure() -> None:
    Path(JOB).mkdir(parents=True)
    assert relion("--no-such-label", "1") == 2
    assert marks() == {"RELION_JOB_EXIT_FAILURE"}


def test_binned_results_of_tiff_and_compressed_micrographs_are_mrc_files_of_their_pixel_size(
    project: Path,
) -> None:
    first, second = (project / f"MotionCorr/job002/{name}.mrc" for name in ("a/m", "b/m"))
    pixels = micrographs.read(first).data
    writing.write(first.with_suffix(".tif"), pixels, pixel_size=3.0, label="disks", file_format="tiff")
    second.with_suffix(".mrc.gz").write_bytes(gzip.compress(second.read_bytes()))
    text = Path(STAR).read_text().replace("a/m.mrc ", "a/m.tif ").replace("b/m.mrc ", "b/m.mrc.gz ")
    Path(STAR).write_text(text)
    assert relion("--bin", "2") == 0
    star = Path(JOB) / "micrographs_denoised.star"
    results = micrographs_of(star)
    assert [path.name for path in results] == ["m_denoised.mrc", "m_denoised.mrc", "n_denoised.mrc"]
    assert {micrographs.read(path).pixel_size for path in results} == {6.0}
    optics = having(read_tables(star), ["rlnOpticsGroup", "rlnMicrographPixelSize"])
    assert optics is not None
    assert {float(size) for (size,) in optics.columns(["rlnMicrographPixelSize"])} == {6.0}
    with mrcfile.open(results[0]) as file:
        assert file.data.shape == (64, 64)
    assert relion("--format", "tiff") == 0
    assert {path.suffix for path in micrographs_of(star)} == {".tif"}


def test_relion_can_abort_a_job_and_continue_it(project: Path) -> None:
    command = [sys.executable, "-u", "-m", "cryoden.cli.main", "--json", "relion", "--o", JOB]
    command += ["--in_mics", STAR, "--device", "cpu"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if "FileFinished" in line)
        (project / JOB / ABORT).touch()
        process.stdout.read()
    assert process.returncode != 0
    assert marks() == {"RELION_JOB_EXIT_ABORTED"}
    assert not (project / JOB / "micrographs_denoised.star").exists()
    assert relion() == 0
    assert marks() == {"RELION_JOB_EXIT_SUCCESS"}
    assert len(listed()) == 3


@pytest.mark.usefixtures("project")
def test_a_job_trains_on_the_halves_of_its_list_once_and_its_model_is_output() -> None:
    assert relion("--train", "yes", "--minutes", "0.05") == 0
    assert nodes() == {
        f"{JOB}micrographs_denoised.star": "MicrographGroupMetadata.star.relion",
        f"{JOB}model.safetensors": "MlModel.safetensors.cryoden",
    }
    model = Path(JOB) / "model.safetensors"
    before = model.stat().st_mtime_ns
    assert relion("--train", "yes", "--minutes", "0.05") == 0
    assert model.stat().st_mtime_ns == before
    assert [path.name for path in Path(JOB).glob("training*")] == ["training"]


def training(*more: str) -> list[str]:
    """Return a job that trains for long, and keeps a checkpoint after each step."""
    command = [sys.executable, "-u", "-m", "cryoden.cli.main", "relion", "--o", JOB, "--in_mics", STAR]
    return [*command, "--device", "cpu", "--train", "yes", "--minutes", "30", *more]


def checkpoints() -> list[str]:
    return sorted(path.name for path in Path(JOB).glob("training/checkpoints/step-*.safetensors"))


@pytest.mark.usefixtures("project")
@pytest.mark.long
def test_a_training_that_was_killed_or_aborted_is_resumed_when_the_job_continues(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with subprocess.Popen(training(), stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.endswith(" best\n"))
        process.kill()
    killed = checkpoints()
    assert killed
    with subprocess.Popen(training(), stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        assert next(line for line in process.stdout if "resumed after step" in line)
        (Path(JOB) / ABORT).touch()
        process.stdout.read()
    assert process.returncode != 0
    assert marks() == {"RELION_JOB_EXIT_ABORTED"}
    assert not (Path(JOB) / "model.safetensors").exists()
    assert checkpoints()[-1] > killed[-1]  # one was kept when it was aborted
    assert relion("--train", "yes", "--minutes", "0.01") == 0  # less than it has trained: it ends at once
    assert "resumed after step" in capsys.readouterr().out
    assert (Path(JOB) / "model.safetensors").read_bytes() == (
        Path(JOB) / "training/model.safetensors"
    ).read_bytes()
    assert not (Path(JOB) / "training_2").exists()
    assert marks() == {"RELION_JOB_EXIT_SUCCESS"}


@pytest.mark.usefixtures("project")
@pytest.mark.long
def test_workers_of_a_job_share_its_training_as_many_as_a_batch_has_patches() -> None:
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    assert relion("--train", "yes", "--minutes", "0.3", "--workers", "3") == 0
    assert read(Path(JOB) / "training").started.device.endswith("2 processes")
    assert len(listed()) == 3


def test_a_real_project_keeps_all_its_list_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not FIELD.is_dir():
        pytest.skip("the shared files of other programs are not there")
    monkeypatch.chdir(tmp_path)
    star = Path("CtfFind/job005/micrographs_ctf.star")
    star.parent.mkdir(parents=True)
    lines = (FIELD / "relion5_project" / star).read_text().splitlines()
    rows = [line for line in lines if line.startswith("MotionCorr/")]
    star.write_text("\n".join(line for line in lines if line not in rows[2:]))
    for name in (row.split()[0] for row in rows[:2]):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        mrc.write(Path(name), scene(0, (96, 96)).even.data, pixel_size=0.885, label="disks")
    assert main(["relion", "--o", JOB, "--in_mics", str(star), "--device", "cpu", "--names", "added"]) == 0
    before, after = gemmi.cif.read(str(star)), gemmi.cif.read(f"{JOB}micrographs_denoised.star")
    assert [block.name for block in after] == ["optics", "micrographs"]
    for table, other in zip(before, after, strict=True):
        for tag in (tag for item in table for tag in item.loop.tags):
            assert list(other.find_loop(tag)) == list(table.find_loop(tag))
    results = list(after[1].find_loop(f"_{DENOISED}"))
    assert len(results) == 2
    assert all(Path(name).is_file() for name in results)


def test_a_result_lies_where_its_micrograph_does_below_the_project_or_the_root() -> None:
    project = Path("/project")
    assert place_of(project / "M" / "a.b.mrc", project) == Path("M/a.b_denoised.mrc")
    assert place_of(Path("/data/M/a.mrc"), project) == Path("data/M/a_denoised.mrc")


@pytest.mark.usefixtures("project")
def test_several_workers_leave_what_one_process_does_with_whole_names() -> None:
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    assert main(["relion", "--o", JOB, "--in_mics", STAR, "--workers", "2", "--j", "1"]) == 0
    assert marks() == {"RELION_JOB_EXIT_SUCCESS"}
    made = {name: Path(name).read_bytes() for name, *_ in listed()}
    shutil.rmtree(JOB)
    assert relion() == 0
    assert made == {name: Path(name).read_bytes() for name, *_ in listed()}


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--gpu", "97:98"], "S02  device = cuda:97 is not there"),
        (["--gpu", "0", "--devices", "1"], "S03  --gpu and --devices were given"),
    ],
)
def test_gpus_that_are_not_there_or_named_twice_are_a_failure_in_one_line(
    capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    assert main(["relion", "--o", JOB, "--in_mics", STAR, *more, "--j", "1"]) == 2
    assert words in capsys.readouterr().err
    assert marks() == {"RELION_JOB_EXIT_FAILURE"}


def test_a_list_of_halves_alone_is_denoised_as_their_sums(project: Path) -> None:
    text = Path(STAR).read_text().replace("_rlnMicrographName #1\n", "").replace("Even #2", "Even #1")
    rows = [line.split(maxsplit=1)[-1] if "_EVN.mrc" in line else line for line in text.split("\n")]
    Path(STAR).write_text("\n".join(rows).replace("Odd #3", "Odd #2").replace("Group #4", "Group #3"))
    assert relion() == 0
    listed = Path(JOB) / "micrographs_denoised.star"
    names = [f"{project}/{JOB}MotionCorr/job002/{name}_denoised.mrc" for name in ("a/m", "b/m", "b/n")]
    assert list(map(str, micrographs_of(listed))) == names
    assert any("sum of m_{EVN,ODD}.mrc" in label for label in micrographs.probe(names[0]).labels)

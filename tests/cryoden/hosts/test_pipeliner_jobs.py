"""Jobs of the CCP-EM Pipeliner, found and run by it in a project that it creates, with spaces in names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest

from cryoden.dataset.star_files import micrographs_of
from cryoden.evaluation import json_file
from cryoden.hosts.listed_results import RAW
from cryoden.io import mrc
from cryoden.io.provenance import VERSION
from cryoden.io.star import having, read_tables
from cryoden.model.checkpoint import load
from cryoden.runs.folder import RunFolder
from cryoden.runs.record import read
from tests.cryoden.scenes import scene

pytest.importorskip(
    "pipeliner", reason="ccpem-pipeliner is not installed: pip install 'napari-cryoden[pipeliner]'"
)
from pipeliner.api.manage_project import PipelinerProject
from pipeliner.job_factory import get_job_types, new_job_of_type
from pipeliner.project_graph import ProjectGraph

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs, of many kinds
STAR = "Motion Corr/corrected micrographs.star"
TRAIN, DENOISE, EVALUATE = (f"cryoden.denoise.{name}" for name in ("train", "micrographs", "evaluate"))
HEAD = """
data_optics

loop_
_rlnOpticsGroup #1
_rlnMicrographPixelSize #2
1 3.0

data_micrographs

loop_
_rlnMicrographName #1
_rlnMicrographNameEven #2
_rlnMicrographNameOdd #3
_rlnOpticsGroup #4
"""


def write_list(*names: str) -> None:
    stems = [f"Motion Corr/{name}" for name in names]
    rows = [f"'{s}.mrc' '{s}_EVN.mrc' '{s}_ODD.mrc' 1\n" for s in stems]
    Path(STAR).write_text("".join([HEAD, *rows, "\n"]))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A new project of the Pipeliner with three micrographs and their halves."""
    folder, before = tmp_path_factory.mktemp("a project"), Path.cwd()
    os.chdir(folder)
    Path("Motion Corr").mkdir()
    for number, name in enumerate(("m 1", "m 2", "m 3")):
        known = scene(number, (192, 192))
        even, odd = known.even.data, known.odd.data
        for ending, pixels in (("_EVN", even), ("_ODD", odd), ("", 0.5 * even + 0.5 * odd)):
            path = Path(f"Motion Corr/{name}{ending}.mrc")
            mrc.write(path, pixels.astype(np.float32), pixel_size=3.0, label="disks")
    write_list("m 1", "m 2", "m 3")
    yield PipelinerProject(make_new_project=True)
    os.chdir(before)


def run(project: Any, kind: str, **options: str) -> Any:
    """Run one job to its end, and return it as the project has it."""
    asked = {"_rlnJobTypeLabel": kind, "devices": "cpu", **options}
    job = project.run_job(asked, run_in_foreground=True)
    return project.get_job(job.output_dir)


def status(job: Any) -> str:
    with ProjectGraph() as graph:
        return str(graph.find_process(job.output_dir).status)


def nodes(job: Any) -> dict[str, str]:
    """Return output nodes of the project by their names in the job's folder."""
    with ProjectGraph() as graph:
        found = graph.find_process(job.output_dir).output_nodes
        return {node.name.removeprefix(job.output_dir): node.type for node in found}


def displays(job: Any) -> dict[str, Any]:
    return {shown.title: shown for shown in job.save_results_display_files()}


@pytest.fixture(scope="module")
def trained(project: Any) -> Any:
    return run(
        project, TRAIN, in_halves=STAR, epochs="2", other_args="--steps-per-epoch 2 --batch 2 --patch 64"
    )


@pytest.fixture(scope="module")
def denoised(project: Any, trained: Any) -> Any:
    return run(project, DENOISE, in_mics=STAR, in_model=f"{trained.output_dir}training/model.safetensors")


def test_the_pipeliner_finds_the_jobs_and_can_run_them() -> None:
    found = {job.PROCESS_NAME: job for job in get_job_types("cryoden")}
    assert set(found) == {TRAIN, DENOISE, EVALUATE}
    assert all(job.jobinfo.is_available for job in found.values())
    assert {job.jobinfo.programs[0].get_version(timeout=60) for job in found.values()} == {VERSION}


def test_a_training_leaves_its_model_and_report_as_nodes(trained: Any) -> None:
    assert status(trained) == "Succeeded"
    assert nodes(trained) == {
        "training/model.safetensors": "MlModel.safetensors.cryoden",
        "training/report.html": "LogFile.html.cryoden.training",
    }
    assert load(Path(trained.output_dir) / "training/model.safetensors").network == "unet"


def test_a_training_shows_its_curves_a_picture_and_the_report(trained: Any) -> None:
    shown = displays(trained)
    assert list(shown) == [
        "Loss by epoch",
        "SNR gain (dB) by epoch",
        "Region of a validation micrograph, raw and denoised",
        "Report of the training",
    ]
    loss = shown["Loss by epoch"]
    assert loss.data_series_labels == ["training", "validation"]
    assert loss.xvalues == [[1, 2], [0, 1, 2]]  # nothing was trained in epoch 0
    assert all(0 < y < 2 for line in loss.yvalues for y in line)


def test_a_training_that_was_killed_continues_from_its_last_checkpoint(project: Any) -> None:
    write_list("gone")  # so that the project has a job that has failed before its run began
    more = "--steps-per-epoch 2 --batch 2 --patch 64 --checkpoint-minutes 1e-6"
    job = run(project, TRAIN, in_halves=STAR, epochs="8", other_args=more)
    write_list("m 1", "m 2", "m 3")
    assert status(job) == "Failed"
    (command,) = job.get_commands()
    words = [sys.executable, "-u", *map(str, command.cmd[1:])]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.endswith(" best\n"))
        process.kill()
    project.update_job_status(job.output_dir, "Succeeded")  # the Pipeliner continues no others
    project.continue_job(job.output_dir, run_in_foreground=True)
    assert status(job) == "Succeeded"
    assert "resumed after step" in (Path(job.output_dir) / "run.out").read_text()
    assert read(Path(job.output_dir) / "training").about["last"]["epoch"] == 8
    project.continue_job(job.output_dir, run_in_foreground=True)  # nothing is left to be done
    assert status(job) == "Succeeded"


def test_results_are_a_node_that_lists_them_with_their_micrographs(denoised: Any) -> None:
    assert status(denoised) == "Succeeded"
    kind = "MicrographGroupMetadata.star.relion.cryoden.denoised"
    assert nodes(denoised) == {"micrographs_denoised.star": kind}
    listed = Path(denoised.output_dir) / "micrographs_denoised.star"
    assert [path.name for path in micrographs_of(listed)] == [f"m {n}_denoised.mrc" for n in (1, 2, 3)]
    table = having(read_tables(listed), [RAW])
    assert table is not None
    assert [name for (name,) in table.columns([RAW])] == [f"Motion Corr/m {n}.mrc" for n in (1, 2, 3)]


def test_results_are_shown_beside_their_micrographs_and_to_leaf_through(denoised: Any) -> None:
    beside, every = denoised.save_results_display_files()
    assert (beside.dobj_type, every.dobj_type) == ("montage", "carousel")
    assert beside.labels[:2] == ["raw: m 1.mrc", "denoised: m 1.mrc"]
    assert Path(beside.img).is_file()
    assert len(every.image_names) == 3


def test_a_job_that_continues_denoises_what_is_new_and_lists_all(project: Any, trained: Any) -> None:
    write_list("m 1")
    job = run(project, DENOISE, in_mics=STAR, in_model=f"{trained.output_dir}training/model.safetensors")
    listed = Path(job.output_dir) / "micrographs_denoised.star"
    first = micrographs_of(listed)[0]
    before = first.stat().st_mtime_ns
    write_list("m 1", "m 2", "m 3")
    project.continue_job(job.output_dir, run_in_foreground=True)
    assert status(job) == "Succeeded"
    assert len(micrographs_of(listed)) == 3
    assert first.stat().st_mtime_ns == before


def test_names_of_results_can_be_added_in_a_column_of_their_own(project: Any) -> None:
    job = run(project, DENOISE, in_mics=STAR, names="added")
    beside, every = job.save_results_display_files()
    assert beside.labels[:2] == ["raw: m 1.mrc", "denoised: m 1.mrc"]
    assert [Path(name).name for name in every.image_names] == [f"m {n}_denoised.mrc" for n in (1, 2, 3)]


def test_an_evaluation_leaves_numbers_and_shows_them_as_a_table(project: Any, trained: Any) -> None:
    model = f"{trained.output_dir}training/model.safetensors"
    job = run(project, EVALUATE, in_halves=STAR, in_models=model, other_args="--region center")
    assert status(job) == "Succeeded"
    assert nodes(job) == {
        "evaluation.json": "EvaluationMetric.json.cryoden",
        "evaluation.html": "LogFile.html.cryoden.evaluation",
    }
    numbers = json_file.load(Path(job.output_dir) / "evaluation.json")
    shown = displays(job)
    assert list(shown) == ["Conclusions", "Denoisers and simple filters", "Report of the evaluation"]
    table = shown["Denoisers and simple filters"]
    assert len(table.table_data) == len(numbers.rows)
    assert table.headers[0] == "method"
    assert numbers.assessed()[0].name in shown["Conclusions"].display_data


def test_a_job_of_which_a_micrograph_fails_has_failed_and_keeps_the_others(project: Any) -> None:
    write_list("m 1", "broken", "m 3")
    with mrcfile.new("Motion Corr/broken.mrc", overwrite=True) as file:
        file.set_data(np.full((64, 64), np.nan, np.float32))
    job = run(project, DENOISE, in_mics=STAR)
    write_list("m 1", "m 2", "m 3")
    assert status(job) == "Failed"
    assert (
        "broken.mrc"
        in (Path(job.output_dir) / "run.err").read_text() + (Path(job.output_dir) / "run.out").read_text()
    )
    assert len(micrographs_of(Path(job.output_dir) / "micrographs_denoised.star")) == 2


def test_a_training_without_halves_has_failed_and_says_why(project: Any) -> None:
    Path("sums.star").write_text("data_\nloop_\n_rlnMicrographName\n'Motion Corr/m 1.mrc'\n")
    job = run(project, TRAIN, in_halves="sums.star")
    assert status(job) == "Failed"
    assert nodes(job) == {}
    assert "rlnMicrographNameEven" in (Path(job.output_dir) / "run.err").read_text()
    assert not RunFolder(Path(job.output_dir) / "training").model.exists()


@pytest.mark.parametrize(
    ("devices", "flags"),
    [
        ("", []),
        ("cpu", ["--device", "cpu"]),
        ("cuda:1", ["--device", "cuda:1"]),
        ("1", ["--device", "1"]),
        ("0:1", ["--devices", "0:1"]),
        ("cuda:0,cuda:1", ["--devices", "cuda:0,cuda:1"]),
        ("all", ["--devices", "all"]),
    ],
)
@pytest.mark.parametrize("kind", [TRAIN, DENOISE, EVALUATE])
def test_one_device_or_several_are_asked_for(kind: str, devices: str, flags: list[str]) -> None:
    job = new_job_of_type(kind)
    job.joboptions["devices"].value = devices
    job.joboptions["in_mics" if kind == DENOISE else "in_halves"].value = STAR
    (command,) = job.get_commands()
    assert job.joboptions["devices"].validate() == []
    assert [word for word in command.cmd if "device" in str(word) or word == devices != ""] == flags


def test_devices_that_nobody_understands_are_refused() -> None:
    job = new_job_of_type(TRAIN)
    job.joboptions["devices"].value = "the big one"
    assert job.joboptions["devices"].validate()[0].type == "error"

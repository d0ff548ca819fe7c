from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from cryoden.cli.main import main
from cryoden.dataset.output_paths import results
from cryoden.errors import CryodenError, DiskFullError
from cryoden.events.batch import BatchFinished, FileFailed, FileFinished
from cryoden.model import checkpoint
from cryoden.settings.denoising import DenoisingSettings
from cryoden.workflows import denoise_micrographs
from cryoden.workflows.denoise_micrographs import BatchRequest
from tests.cryoden.denoising.test_denoise import model as random_model
from tests.cryoden.scenes import scene, write_halves

CTF = """
# version 50001
data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
opticsGroup1 1

data_micrographs

loop_
_rlnMicrographName #1
_rlnDefocusU #2
_rlnOpticsGroup #3
{rows}
"""


def listed(star: Path, *names: str) -> Path:
    """Write a STAR file as a CTF estimation does."""
    star.parent.mkdir(parents=True, exist_ok=True)
    star.write_text(CTF.format(rows="\n".join(f"{name} 10500.5 1" for name in names)))
    return star


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A RELION project with two grids of motion-corrected sums, and a list of them in another job."""
    for grid, seed in (("grid1", 1), ("grid2", 2)):
        folder = tmp_path / "MotionCorr" / "job002" / grid
        folder.mkdir(parents=True)
        write_halves(folder, scene(seed))
    names = [f"MotionCorr/job002/grid{i}/m{i}_{half}.mrc" for i in (1, 2) for half in ("EVN", "ODD")]
    listed(tmp_path / "CtfFind" / "job003" / "micrographs_ctf.star", *names)
    return tmp_path


def planned(star: Path, output: Path) -> list[str]:
    return [str(path.relative_to(output)) for path in results([star], output).values()]


def test_a_star_file_gives_the_tree_below_what_its_micrographs_have_in_common(project: Path) -> None:
    star = project / "CtfFind" / "job003" / "micrographs_ctf.star"
    assert planned(star, project / "out") == [
        f"grid{i}/m{i}_{half}_denoised.mrc" for i in (1, 2) for half in ("EVN", "ODD")
    ]
    assert all(path.is_file() for path in results([star], project / "out"))


def test_micrographs_of_one_folder_lie_in_the_output_folder_itself(project: Path) -> None:
    names = [f"MotionCorr/job002/grid1/m1_{half}.mrc" for half in ("EVN", "ODD")]
    star = listed(project / "some.star", *names)
    assert planned(star, project / "out") == ["m1_EVN_denoised.mrc", "m1_ODD_denoised.mrc"]


def test_a_micrograph_listed_in_many_rows_is_denoised_once(project: Path) -> None:
    """As in a list of particles."""
    star = listed(project / "some.star", *["MotionCorr/job002/grid1/m1_EVN.mrc"] * 5)
    assert planned(star, project / "out") == ["m1_EVN_denoised.mrc"]


def test_the_project_is_found_although_the_first_micrographs_are_gone(project: Path) -> None:
    names = [f"MotionCorr/job002/grid1/gone{i}.mrc" for i in range(99)]
    there = ["MotionCorr/job002/grid1/m1_EVN.mrc"] * 30
    star = listed(project / "CtfFind" / "long.star", *names, *there)
    asked = list(results([star], project / "out"))
    assert asked[-1] == project / "MotionCorr" / "job002" / "grid1" / "m1_EVN.mrc"


def test_missing_micrographs_of_a_star_file_are_named_and_the_others_done(project: Path) -> None:
    checkpoint.write(random_model("baseline"), project / "m.safetensors")
    (project / "MotionCorr" / "job002" / "grid1" / "m1_ODD.mrc").unlink()
    star = project / "CtfFind" / "job003" / "micrographs_ctf.star"
    batch = BatchRequest(project / "m.safetensors", DenoisingSettings(device="cpu"))
    events = list(denoise_micrographs.denoise_files([star], project / "out", batch))
    (failed,) = [event for event in events if isinstance(event, FileFailed)]
    gone = project / "MotionCorr" / "job002" / "grid1" / "m1_ODD.mrc"
    assert failed.message.startswith(f"F49  {gone} — cannot be read: No such file")
    assert isinstance(events[-1], BatchFinished)
    assert (events[-1].finished, events[-1].failed) == (3, (gone,))
    made = {str(path.relative_to(project / "out")) for path in (project / "out").rglob("*.mrc")}
    assert made == {"grid1/m1_EVN_denoised.mrc", "grid2/m2_EVN_denoised.mrc", "grid2/m2_ODD_denoised.mrc"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CTF.replace("rlnMicrographName", "rlnMicrographMovieName"), "no table with the column rlnMicro"),
        (CTF.format(rows=""), "0 micrographs match"),
    ],
)
def test_a_star_file_without_micrographs_is_told(tmp_path: Path, text: str, said: str) -> None:
    star = tmp_path / "movies.star"
    star.write_text(text)
    with pytest.raises(CryodenError, match=f"D01  .*{said}"):
        results([star], tmp_path / "out")
    assert main(["denoise", str(star), "--output", str(tmp_path / "out")]) == 2


@pytest.mark.parametrize(
    ("chosen", "refused"), [({}, True), ({"pixel_format": "float16"}, True), ({"bin": 4}, False)]
)
def test_results_for_which_there_is_no_room_are_refused_before_the_first(
    tmp_path: Path, chosen: dict[str, Any], refused: bool
) -> None:
    (tmp_path / "in").mkdir()
    write_halves(tmp_path / "in", scene())
    (tmp_path / "in" / "huge.mrc").touch()
    os.truncate(tmp_path / "in" / "huge.mrc", 3 * shutil.disk_usage(tmp_path).free)  # takes no room itself
    checkpoint.write(random_model("baseline"), tmp_path / "model.safetensors")
    request = BatchRequest(tmp_path / "model.safetensors", DenoisingSettings(device="cpu", **chosen))
    events = denoise_micrographs.denoise_files([tmp_path / "in"], tmp_path / "out", request)
    if refused:
        with pytest.raises(
            DiskFullError, match=r"O02 .*/out — needs at least .* GB are free\. Nothing was written"
        ):
            list(events)
    else:
        assert any(isinstance(event, FileFinished) for event in events)
    assert bool(list((tmp_path / "out").iterdir())) is not refused

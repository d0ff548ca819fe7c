"""Results as an output of cryoSPARC: all rows and columns kept, results in a slot of their own, a group."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from cryoden.cli.main import main
from cryoden.dataset.cs_tables import read_table
from cryoden.dataset.listed_files import cs_listing, micrographs_of
from cryoden.errors import OutputError
from cryoden.formats import micrographs
from cryoden.hosts.cryosparc_lists import write_cs
from cryoden.io import mrc
from tests.cryoden.dataset.cryosparc import BLOB, EDGE, NAMES, SIZE, UIDS, path_of, rows, save, write_project
from tests.cryoden.scenes import scene


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_project(tmp_path)
    return tmp_path


def results_of(listed: Path, output: Path, count: int = 2) -> dict[Path, Path]:
    """Write results of the first so many micrographs of a list."""
    output.mkdir(exist_ok=True)
    done = {}
    for number, file in enumerate(micrographs_of(listed)[:count]):
        done[file] = output / f"{file.stem}_denoised.mrc"
        mrc.write(done[file], scene(number, (EDGE, EDGE)).clean, pixel_size=SIZE, label="a result")
    return done


def test_all_rows_and_columns_are_kept_and_results_are_named_from_the_project(project: Path) -> None:
    listed = project / "J2" / "exposures.cs"
    write_cs(listed, project / "out" / "r.cs", results_of(listed, project / "out"))
    before, after = read_table(listed), read_table(project / "out" / "r.cs")
    for column in before.columns:
        assert after.rows.dtype[column] == before.rows.dtype[column]
        assert np.array_equal(after.rows[column], before.rows[column])
    assert after.texts("micrograph_blob_denoised/path") == [
        *(f"out/{UIDS[n]:021d}_{NAMES[n]}_patch_aligned_denoised.mrc" for n in range(2)), "",
    ]  # fmt: skip
    assert after.rows["micrograph_blob_denoised/shape"].tolist() == [[EDGE, EDGE]] * 2 + [[0, 0]]
    assert after.rows["micrograph_blob_denoised/psize_A"].tolist() == [SIZE, SIZE, 0]
    for name, *_ in BLOB:
        kind = before.rows.dtype[f"micrograph_blob/{name}"]
        assert after.rows.dtype[f"micrograph_blob_denoised/{name}"] == kind


def test_cryosparc_tools_read_what_is_written(project: Path) -> None:
    dataset = pytest.importorskip("cryosparc.dataset", reason="cryosparc-tools are not installed")
    listed, final = project / "J2" / "exposures.cs", project / "out" / "r.cs"
    write_cs(listed, final, results_of(listed, project / "out", 3))
    before, after = dataset.Dataset.load(listed), dataset.Dataset.load(final)
    assert after["uid"].tolist() == before["uid"].tolist()
    assert set(before.descr()) < set(after.descr())
    kinds = {
        name.partition("/")[2]: kind for name, *kind in before.descr() if name.startswith("micrograph_blob/")
    }
    made = {
        n.partition("/")[2]: kind for n, *kind in after.descr() if n.startswith("micrograph_blob_denoised/")
    }
    assert made == kinds
    joined = before.innerjoin(after, assert_no_drop=True)
    assert all((project / path).is_file() for path in joined["micrograph_blob_denoised/path"])


def test_the_group_names_the_list_and_a_type_for_each_slot(project: Path) -> None:
    listed = project / "J3" / "exposures.cs"
    write_cs(listed, project / "out" / "r.cs", results_of(listed, project / "out"))
    group = yaml.safe_load((project / "out" / "r.csg").read_text())
    assert group["group"]["type"] == "exposure"
    assert {slot: result["type"] for slot, result in group["results"].items()} == {
        "ctf": "exposure.ctf",
        "micrograph_blob": "exposure.micrograph_blob",
        "micrograph_blob_non_dw_AB": "exposure.micrograph_blob",
        "micrograph_blob_denoised": "exposure.micrograph_blob",
    }
    assert {result["metafile"] for result in group["results"].values()} == {">r.cs"}
    assert {result["num_items"] for result in group["results"].values()} == {3}
    assert np.array_equal(
        read_table(project / "out" / "r.csg").rows, read_table(project / "out" / "r.cs").rows
    )


def test_results_take_the_place_of_the_micrographs(project: Path) -> None:
    listed, final = project / "J2" / "exposures.cs", project / "out" / "r.cs"
    done = results_of(listed, project / "out")
    write_cs(listed, final, done, names="replaced")
    after = read_table(final)
    assert micrographs_of(final) == list(done.values())
    assert after.texts("micrograph_blob_raw/path") == [path_of(0), path_of(1)]
    assert after.rows["uid"].tolist() == list(UIDS[:2])


def test_names_of_an_export_and_results_outside_the_project_begin_at_the_list(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    listed = project / "J2" / "exposures.cs"
    write_cs(listed, elsewhere / "r.cs", results_of(listed, elsewhere, 3))
    names = read_table(elsewhere / "r.cs").texts("micrograph_blob_denoised/path")
    assert names == [f">{UIDS[n]:021d}_{NAMES[n]}_patch_aligned_denoised.mrc" for n in range(3)]
    exported = save(
        project / "e.cs", rows({"micrograph_blob": [f">{path_of(number)}" for number in range(3)]})
    )
    write_cs(exported, project / "out" / "r.cs", results_of(exported, project / "out", 3))
    found = cs_listing(project / "out" / "r.cs")
    assert found.table.texts("micrograph_blob/path") == [f">../{path_of(number)}" for number in range(3)]
    assert micrographs_of(project / "out" / "r.cs") == [project / path_of(number) for number in range(3)]
    assert all(name.startswith(">0") for name in found.table.texts("micrograph_blob_denoised/path"))


def test_an_earlier_list_is_replaced_and_one_of_others_is_not(project: Path) -> None:
    listed, final = project / "J2" / "exposures.cs", project / "out" / "r.cs"
    for count in (1, 2):
        write_cs(listed, final, results_of(listed, project / "out", count))
    assert sum(map(bool, read_table(final).texts("micrograph_blob_denoised/path"))) == 2
    final.with_suffix(".csg").write_text("group: {}")
    before = final.read_bytes()
    with pytest.raises(OutputError, match="O05"):
        write_cs(listed, final, {})
    assert final.read_bytes() == before
    write_cs(listed, final, {}, overwrite=True)
    assert final.read_bytes() != before


@pytest.mark.parametrize("suffix", [".cs", ".csg"])
def test_each_file_of_an_earlier_list_is_known_without_the_other(project: Path, suffix: str) -> None:
    listed, final = project / "J2" / "exposures.cs", project / "out" / "r.cs"
    other = final.with_suffix(suffix)
    for count in (1, 2):
        write_cs(listed, final, results_of(listed, project / "out", count))
        other.unlink()
    write_cs(listed, final, {})
    other.write_bytes(listed.read_bytes())
    with pytest.raises(OutputError, match=rf"O05.*r{suffix} "):
        write_cs(listed, final, {})
    assert other.read_bytes() == listed.read_bytes()


def test_the_command_denoises_and_lists_what_cryosparc_lists(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / "J2")
    command = ["denoise", str(project / "J3" / "exposures.cs"), "--output", str(project / "out")]
    assert main([*command, "--device", "cpu"]) == 0
    after = read_table(project / "out" / "micrographs_denoised.cs")
    names = after.texts("micrograph_blob_denoised/path")
    assert all(micrographs.read(project / name).shape == (EDGE, EDGE) for name in names)
    assert after.rows["ctf/df1_A"].tolist() == [1.0, 2.0, 3.0]
    assert (project / "out" / "micrographs_denoised.csg").is_file()


@pytest.mark.long
def test_the_command_trains_on_halves_of_a_list_and_evaluates_them(project: Path) -> None:
    model, figures = project / "m.safetensors", project / "e.json"
    listed = str(project / "J2" / "exposures.cs")
    train = ["train", "--halves", listed, "--model", str(model), "--minutes", "0.05", "--device", "cpu"]
    assert main(train) == 0
    evaluate = ["evaluate", listed, "--model", str(model), "--figures", str(figures), "--device", "cpu"]
    assert main(evaluate) == 0
    assert figures.is_file()
    assert main(["info", listed]) == 0


def test_micrographs_that_a_job_passed_through_are_listed_beside_halves_of_its_own(project: Path) -> None:
    whole = {"micrograph_blob": [path_of(number) for number in range(3)]}
    halves = {"micrograph_blob_non_dw_AB": [path_of(number, "_AB") for number in range(3)]}
    save(project / "J3" / "J3_passthrough_exposures.cs", rows(whole))
    listed = save(project / "J3" / "exposures.cs", rows(halves))
    done = results_of(listed, project / "out")
    write_cs(listed, project / "out" / "r.cs", done)
    names = read_table(project / "out" / "r.cs").texts("micrograph_blob_denoised/path")
    assert [Path(name).name for name in names if name] == [path.name for path in done.values()]

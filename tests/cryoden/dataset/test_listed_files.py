"""Lists of cryoSPARC as input: exposures, what is passed through, exports, halves, and lists of others."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from cryoden.dataset import survey
from cryoden.dataset.half_checks import inspect
from cryoden.dataset.half_names import find_pairs
from cryoden.dataset.listed_files import cs_listing, halves_of, is_list, micrographs_of, pixel_sizes
from cryoden.dataset.opening import open_halves
from cryoden.dataset.output_paths import results
from cryoden.errors import HalvesError
from cryoden.evaluation.exposures import open_subjects
from cryoden.settings.reading import ReadingSettings
from tests.cryoden.dataset.cryosparc import (
    EDGE,
    NAMES,
    SIZE,
    UIDS,
    path_of,
    rows,
    save,
    write_project,
    write_stack,
)
from tests.cryoden.scenes import scene

FIELD = Path(__file__).parents[4] / "shared" / "data" / "field" / "cryosparc"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_project(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["J2/exposures.cs", "J3/exposures.cs"])
def test_micrographs_are_found_from_anywhere(
    project: Path, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    found = micrographs_of(project / name)
    assert found == [project / path_of(number) for number in range(3)]
    assert pixel_sizes([project / name]).keys() >= set(found)


def test_results_keep_the_long_names_and_are_apart(project: Path) -> None:
    out = project / "out"
    assert list(results([project / "J2" / "exposures.cs"], out).values()) == [
        out / f"{UIDS[number]:021d}_{NAMES[number]}_patch_aligned_denoised.mrc" for number in range(3)
    ]


def test_names_of_an_export_begin_at_its_folder(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    export = tmp_path_factory.mktemp("export")
    (export / "J1" / "imported").mkdir(parents=True)
    names = [f"J1/imported/{uid:021d}_{name}.mrc" for uid, name in zip(UIDS, NAMES, strict=True)]
    for number, name in enumerate(names):
        (export / name).symlink_to(project / path_of(number))
    listed = save(export / "e_exported.cs", rows({"micrograph_blob": [f">{name}" for name in names]}))
    assert micrographs_of(listed) == [export / name for name in names]
    assert pixel_sizes([listed]) == dict.fromkeys([export / name for name in names], SIZE)


def test_micrographs_without_dose_weights_serve_where_there_are_no_others(project: Path) -> None:
    listed = save(project / "J3" / "e.cs", rows({"micrograph_blob_non_dw": [path_of(0), path_of(1), ""]}))
    found = cs_listing(listed)
    assert found.slot == "micrograph_blob_non_dw"
    assert found.files == (project / path_of(0), project / path_of(1), None)
    assert len(micrographs_of(listed)) == 2


def test_halves_are_two_images_of_one_file_and_train(project: Path) -> None:
    found = find_pairs([project / "J2" / "exposures.cs"])
    assert {(pair.even, pair.odd) for pair in found} == {(project / path_of(n, "_AB"),) * 2 for n in range(3)}
    chosen = open_halves([project / "J2" / "exposures.cs"])
    assert len(chosen) == 3
    for pair in chosen:
        assert inspect(pair).ready
        assert pair.even.pixel_size == SIZE
        known = scene(next(n for n in range(3) if NAMES[n] in pair.even.name), (EDGE, EDGE))
        assert np.array_equal(pair.even.window(0, 0, EDGE, EDGE), known.even.data)
        assert np.array_equal(pair.odd.window(0, 0, EDGE, EDGE), known.odd.data)


def test_halves_that_are_one_image_are_refused(project: Path) -> None:
    for number in range(3):
        shutil.copy(project / path_of(number), project / path_of(number, "_AB"))
    with pytest.raises(HalvesError, match=r"D04.*same file"):
        open_halves([project / "J2" / "exposures.cs"])


def test_more_images_than_two_are_no_halves(project: Path) -> None:
    write_stack(project / path_of(0, "_AB"), np.ones((3, EDGE, EDGE), np.float32))
    with pytest.raises(HalvesError, match=r"D01.*3 images"):
        open_halves([project / "J2" / "exposures.cs"])


def test_info_shows_micrographs_and_halves_of_a_list(project: Path) -> None:
    listed = [project / "J2" / "exposures.cs"]
    files = list(survey.files(listed, ReadingSettings()))
    assert [file.row()[1] for file in files] == ["halves"] * 3 + ["micrograph"] * 3
    assert not [remark for file in files for remark in file.remarks()]
    assert [pair.verdict.kind for pair in survey.pairs(listed, ReadingSettings())] == ["ready"] * 3


def test_an_evaluation_takes_halves_of_a_list_but_no_other_programs_results(project: Path) -> None:
    listed = [project / "J2" / "exposures.cs"]
    assert len(open_subjects(listed)) == 3
    with pytest.raises(HalvesError, match=r"D01.*one file"):
        open_subjects(listed, others={"topaz": [project / "J2"]})


@pytest.mark.parametrize("name", ["cryosparc_J2_particles_exported.cs", "empiar_10076_7.cs", "4k_dataset.cs"])
def test_real_lists_of_particles_are_said_to_be_none_of_micrographs(name: str) -> None:
    if not FIELD.is_dir():
        pytest.skip("the shared files of other programs are not there")
    with pytest.raises(HalvesError, match=r"D01.*no column micrograph_blob/path \(slots found: .+\)"):
        micrographs_of(FIELD / name)


def test_real_names_with_a_mark_in_front_lead_from_the_folder_of_their_list(tmp_path: Path) -> None:
    if not FIELD.is_dir():
        pytest.skip("the shared files of other programs are not there")
    particles = np.load(FIELD / "cryosparc_J2_particles_exported.cs", allow_pickle=False)
    first = particles["blob/path"][0].decode()
    assert first.startswith(">J1/imported/0000")
    fields = [
        (name.replace("blob", "micrograph_blob"), particles.dtype[name]) for name in particles.dtype.names
    ]
    listed = tmp_path / "exported.cs"
    with listed.open("wb") as file:
        np.save(file, particles[:1].astype(fields), allow_pickle=False)
    made = tmp_path / first[1:]
    made.parent.mkdir(parents=True)
    made.touch()
    assert micrographs_of(listed) == [made]


def test_files_that_are_not_there_are_reported_with_the_places_that_were_tried(tmp_path: Path) -> None:
    listed = save(tmp_path / "e.cs", rows({"micrograph_blob": ["J2/a.mrc", "J2/b.mrc", "J2/c.mrc"]}))
    with pytest.raises(HalvesError, match=r"D02.*none of its 3 files.*looked in and above"):
        micrographs_of(listed)


def test_images_of_stacks_and_impossible_names_are_refused(project: Path) -> None:
    table = rows({"micrograph_blob": [path_of(0)] * 3})
    table["micrograph_blob/idx"][1] = 4
    with pytest.raises(HalvesError, match=r"D01.*images of stacks"):
        micrographs_of(save(project / "e.cs", table))
    with pytest.raises(HalvesError, match=r"D01.*no file can have"):
        micrographs_of(save(project / "e.cs", rows({"micrograph_blob": ["x" * 300] * 3})))


def test_a_list_without_halves_says_which_job_saves_them(project: Path) -> None:
    listed = save(project / "e.cs", rows({"micrograph_blob": [path_of(0)] * 3}))
    with pytest.raises(HalvesError, match=r"D01.*micrograph_blob_non_dw_AB.*patch motion correction"):
        halves_of(listed)


def test_lists_are_known_by_their_suffix() -> None:
    assert all(is_list(Path(name)) for name in ("a.star", "a.cs", "a.CSG"))
    assert not is_list(Path("a.mrc"))

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
import pytest

from cryoden.browsing.decisions import Decisions, Verdict, journal_of
from cryoden.browsing.export import export
from cryoden.browsing.exposure_list import ExposureList, exposures_in
from cryoden.dataset.cs_tables import read_table
from cryoden.dataset.listed_files import micrographs_of
from cryoden.errors import OutputError
from tests.cryoden.browsing.acquisition import NAMES, ROWS, write_folder, write_project
from tests.cryoden.dataset import cryosparc


def decided(source: Path, *verdicts: Verdict) -> tuple[ExposureList, Decisions]:
    """Return exposures with these verdicts, in their order."""
    found, decisions = exposures_in(source), Decisions(journal_of(source))
    for exposure, verdict in zip(found.exposures, verdicts, strict=True):
        decisions.decide(exposure.name, verdict)
    return found, decisions


def test_accepted_and_rejected_rows_are_the_inputs_own_with_all_tables(tmp_path: Path) -> None:
    star = write_project(tmp_path)
    export(*decided(star, "accepted", "rejected", ""), tmp_path)
    accepted = (tmp_path / "micrographs_ctf_accepted.star").read_text()
    assert accepted.partition("\n")[2] == star.read_text().replace("\n".join(ROWS[1:]) + "\n", "")
    rejected = gemmi.cif.read(str(tmp_path / "micrographs_ctf_rejected.star"))
    assert [block.name for block in rejected] == ["optics", "micrographs"]
    assert rejected[1].find(["_rlnMicrographName", "_rlnDefocusU"])[0][0] == NAMES[1]
    assert len(rejected[1].find_loop("_rlnCtfIceRingDensity")) == 1
    assert micrographs_of(tmp_path / "micrographs_ctf_accepted.star") == [tmp_path / NAMES[0]]


def test_what_is_undecided_goes_where_it_is_said_to(tmp_path: Path) -> None:
    found, decisions = decided(write_project(tmp_path), "", "rejected", "")
    done = export(found, decisions, tmp_path, undecided="accepted")
    assert (done.accepted, done.rejected) == (2, 1)
    assert len(micrographs_of(tmp_path / "micrographs_ctf_accepted.star")) == 2


def test_text_lists_have_a_path_in_each_line_and_notes_have_a_file(tmp_path: Path) -> None:
    found, decisions = decided(write_project(tmp_path), "accepted", "rejected", "")
    decisions.decide(NAMES[1], note="carbon edge")
    export(found, decisions, tmp_path)
    assert (tmp_path / "micrographs_ctf_accepted.txt").read_text() == f"{tmp_path / NAMES[0]}\n"
    lines = (tmp_path / "micrographs_ctf_notes.txt").read_text().splitlines()
    assert lines == [f"{NAMES[0]}\taccepted\t", f"{NAMES[1]}\trejected\tcarbon edge"]
    table = gemmi.cif.read(str(tmp_path / "micrographs_ctf_rejected.star"))[1]
    assert gemmi.cif.as_string(table.find_loop("_cryodenNote")[0]) == "carbon edge"


def test_of_a_folder_a_star_file_is_made_that_lists_the_files(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "day 1")
    export(*decided(folder, "accepted", "accepted", "rejected"), tmp_path)
    assert micrographs_of(tmp_path / "day 1_accepted.star") == [folder / "m1.mrc", folder / "m2.mrc"]
    assert micrographs_of(tmp_path / "day 1_rejected.star") == [folder / "m10_denoised.mrc"]


def test_of_a_list_of_cryosparc_there_are_lists_of_cryosparc_with_all_columns(tmp_path: Path) -> None:
    listed = cryosparc.write_project(tmp_path)
    export(*decided(listed, "accepted", "rejected", "accepted"), tmp_path / "J2")
    before, after = read_table(listed), read_table(tmp_path / "J2" / "exposures_accepted.csg")
    assert after.rows.dtype == before.rows.dtype
    assert np.array_equal(after.rows, before.rows[[0, 2]])
    assert len(micrographs_of(tmp_path / "J2" / "exposures_rejected.cs")) == 1


def test_earlier_lists_are_replaced_and_other_files_are_not(tmp_path: Path) -> None:
    found, decisions = decided(write_project(tmp_path), "accepted", "", "")
    first = export(found, decisions, tmp_path)
    decisions.decide(NAMES[1], "accepted")
    assert export(found, decisions, tmp_path).files == first.files
    other = tmp_path / "other"
    other.mkdir()
    (other / "micrographs_ctf_accepted.star").write_text("somebody else's\n")
    with pytest.raises(OutputError, match="O05"):
        export(found, decisions, other)
    assert [file.name for file in other.iterdir()] == ["micrographs_ctf_accepted.star"]

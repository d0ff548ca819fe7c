"""Columns added to STAR files, read back by a parser of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gemmi
import pytest

from cryoden.dataset.star_columns import quoted, with_columns
from cryoden.io.star import StarTable, having, read_tables

FIELD = Path(__file__).parents[4] / "shared" / "data" / "field"
NAME = "rlnMicrographName"
LOOP = """
# version 30001

data_optics

loop_
_rlnOpticsGroup #1
_rlnVoltage #2
1 300

data_micrographs

loop_
_rlnMicrographName #1
_rlnDefocusU #2

'M/a 1.mrc'  1000.5   # the best one
M/b.mrc       990.1

M/c#1.mrc     980.0
data_more

_rlnOther 5
"""


def table_of(path: Path, text: str) -> StarTable:
    path.write_bytes(text.encode())
    found = having(read_tables(path), [NAME])
    assert found is not None
    return found


def parsed(text: str) -> dict[str, dict[str, list[str]]]:
    """Return the columns of each block, as gemmi reads them."""
    return {block.name: _columns(block) for block in gemmi.cif.read_string(text)}


def _columns(block: Any) -> dict[str, list[str]]:
    tags = [tag for item in block for tag in (item.loop.tags if item.loop else [item.pair[0]])]
    return {tag: [gemmi.cif.as_string(value) for value in block.find_values(tag)] for tag in tags}


@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["unix", "windows"])
def test_a_column_more_leaves_all_others_as_they_were(tmp_path: Path, ending: str) -> None:
    table = table_of(tmp_path / "in.star", LOOP.replace("\n", ending).replace("c#1", "c"))
    found = parsed(with_columns(table, {"new": ["x.mrc", "with space.mrc", "it's.mrc"]}))
    before = parsed(LOOP.replace("c#1", "c"))
    assert found["micrographs"].pop("_new") == ["x.mrc", "with space.mrc", "it's.mrc"]
    assert found == before


def test_rows_that_do_not_change_keep_their_text(tmp_path: Path) -> None:
    text = with_columns(table_of(tmp_path / "in.star", LOOP), {"new": ["1", "2", "3"]})
    assert "\nM/b.mrc       990.1 2\n" in text
    assert "\n_rlnDefocusU #2\n_new #3 \n" in text
    assert text.startswith("\n# version 30001\n")


def test_a_column_is_replaced_and_rows_are_left_out(tmp_path: Path) -> None:
    table = table_of(tmp_path / "in.star", LOOP.replace("c#1", "c"))
    text = with_columns(table, {NAME: ["x 1", "y", "z"], "raw": ["a", "b", "c"]}, [True, False, True])
    found = parsed(text)["micrographs"]
    assert found == {
        f"_{NAME}": ["x 1", "z"],
        "_rlnDefocusU": ["1000.5", "980.0"],
        "_raw": ["a", "c"],
    }


@pytest.mark.parametrize("label", [NAME, "new"])
def test_one_row_of_pairs_of_label_and_value_is_written_as_such(tmp_path: Path, label: str) -> None:
    head, tail = "data_optics\n_rlnVoltage 300\n\ndata_micrographs\n", "\n\ndata_x\n_y 1\n"
    pairs = f"{head}_rlnDefocusU 1.5\n_{NAME} 'M/a 1.mrc'{tail}"
    found = parsed(with_columns(table_of(tmp_path / "in.star", pairs), {label: ["b 2.mrc"]}))
    expected = parsed(pairs)
    expected["micrographs"][f"_{label}"] = ["b 2.mrc"]
    assert found == expected


@pytest.mark.parametrize(
    "value",
    ["plain/a.mrc", "with space", "it's", 'say "a"', "#1", "_label", "data_x", "loop_", "", ";x", "[a]"],
)
def test_any_value_is_read_back(tmp_path: Path, value: str) -> None:
    text = with_columns(table_of(tmp_path / "in.star", f"data_m\nloop_\n_{NAME}\na\n"), {"new": [value]})
    assert parsed(text)["m"]["_new"] == [value]
    again = table_of(tmp_path / "again.star", text)
    assert again.columns([NAME, "new"]) == [("a", value)]
    assert quoted("plain/a.mrc") == "plain/a.mrc"


@pytest.mark.parametrize(
    "name",
    [
        "relion5_project/CtfFind/job005/micrographs_ctf.star",
        "relion5_project/MotionCorr/job002/corrected_micrographs.star",
        "relion31/corrected_micrographs.star",
        "relion31/micrographs_ctf.star",
        "relion5_tomo/MotionCorr/job002/tilt_series/TS_01.star",
    ],
)
def test_real_files_keep_every_table_row_and_column(tmp_path: Path, name: str) -> None:
    if not FIELD.is_dir():
        pytest.skip("the shared files of other programs are not there")
    text = (FIELD / name).read_text()
    table = table_of(tmp_path / "in.star", text)
    numbers = [str(number) for number in range(len(table.rows))]
    found = parsed(with_columns(table, {"new": numbers}))
    before = parsed(text)
    (block,) = (block for block in found if f"_{NAME}" in found[block])
    assert found[block].pop("_new") == numbers
    assert found == before


def test_a_list_of_very_many_rows_is_written_whole(tmp_path: Path) -> None:
    rows = "".join(f"MotionCorr/job002/Movies/m_{n:06}.mrc 1 {n}.5\n" for n in range(100_000))
    head = f"data_micrographs\nloop_\n_{NAME} #1\n_rlnOpticsGroup #2\n_rlnDefocusU #3\n"
    values = [f"External/job003/Movies/m_{n:06}_denoised.mrc" for n in range(100_000)]
    text = with_columns(table_of(tmp_path / "in.star", head + rows), {"new": values})
    assert text.count("_denoised.mrc") == 100_000
    assert (
        "MotionCorr/job002/Movies/m_099999.mrc 1 99999.5 External/job003/Movies/m_099999_denoised.mrc" in text
    )

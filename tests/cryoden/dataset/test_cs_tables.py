"""Tables of cryoSPARC: plain, compressed, joined, and what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryoden.dataset.cs_tables import CsTable, joined, read_table, with_columns, with_passthrough
from cryoden.errors import HalvesError, MicrographError
from tests.cryoden.dataset.cryosparc import EDGE, UIDS, path_of, rows, save, write_project

FIELD = Path(__file__).parents[4] / "shared" / "data" / "field" / "cryosparc"
GROUP = """created: 2026-11-28 10:00:00.123456
group:
  description: Micrographs, with a description that goes on for so long
    that it is folded
  name: exposures
  type: exposure
results:
  ctf:
    metafile: '>exposures.cs'
    num_items: 3
    type: exposure.ctf
  micrograph_blob:
    metafile: 'J3/J3_passthrough_exposures.cs'
    num_items: 3
    type: exposure.micrograph_blob
version: v4.5.3
"""


@pytest.mark.parametrize(
    ("name", "count", "column"),
    [
        ("4k_dataset.cs", 0, "alignments_class_2/class_ess"),
        ("cryosparc_J2_particles_exported.cs", 22, "blob/path"),
        ("empiar_10076_7.cs", 7, "ctf/df1_A"),
    ],
)
def test_real_files_are_read_whole(name: str, count: int, column: str) -> None:
    if not FIELD.is_dir():
        pytest.skip("the shared files of other programs are not there")
    table = read_table(FIELD / name)
    assert len(table.rows) == count
    assert column in table.columns


def test_what_cryosparc_tools_save_is_read_the_same_plain_and_compressed(tmp_path: Path) -> None:
    dataset = pytest.importorskip("cryosparc.dataset", reason="cryosparc-tools are not installed")
    known = rows({"micrograph_blob": ["J1/a.mrc", "J1/müller b.mrc", ""]})
    written = dataset.Dataset(np.asarray(known))
    for form in (dataset.NUMPY_FORMAT, dataset.CSDAT_FORMAT):
        written.save(tmp_path / "e.cs", format=form)
        table = read_table(tmp_path / "e.cs")
        assert table.texts("micrograph_blob/path") == ["J1/a.mrc", "J1/müller b.mrc", ""]
        assert table.rows["micrograph_blob/shape"].tolist() == [[EDGE, EDGE]] * 3
        assert table.rows["uid"].tolist() == list(UIDS)


def test_the_compressed_form_names_the_extra_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cryosparc.dataset", None)
    (tmp_path / "e.cs").write_bytes(b"\x95CSDAT" + bytes(40))
    with pytest.raises(MicrographError, match=r"F58.*compressed.*napari-cryoden\[cryosparc\]"):
        read_table(tmp_path / "e.cs")


def test_a_group_takes_each_slot_from_the_file_it_names_whatever_the_order_of_rows(tmp_path: Path) -> None:
    write_project(tmp_path)
    group = tmp_path / "J3" / "exposures.csg"
    group.write_text(GROUP)
    table = read_table(group)
    assert table.slots == ("ctf", "micrograph_blob")
    assert table.texts("micrograph_blob/path") == [path_of(number) for number in range(3)]
    assert table.rows["ctf/df1_A"].tolist() == [1.0, 2.0, 3.0]
    assert (table.types["ctf"], table.version) == ("exposure.ctf", "v4.5.3")


def test_what_a_job_passed_through_is_found_beside_its_output(tmp_path: Path) -> None:
    write_project(tmp_path)
    table = with_passthrough(read_table(tmp_path / "J3" / "exposures.cs"))
    assert table.texts("micrograph_blob/path") == [path_of(number) for number in range(3)]
    assert table.rows["ctf/df1_A"].tolist() == [1.0, 2.0, 3.0]
    alone = read_table(tmp_path / "J2" / "exposures.cs")
    assert with_passthrough(alone) is alone


def test_what_was_passed_through_under_another_name_is_known_by_its_rows(tmp_path: Path) -> None:
    write_project(tmp_path)
    (tmp_path / "J3" / "exposures.cs").rename(tmp_path / "J3" / "micrographs_denoised.cs")
    save(tmp_path / "J3" / "J3_passthrough_a.cs", rows({"micrograph_blob": ["a", "b", "c"]})[:2])
    table = with_passthrough(read_table(tmp_path / "J3" / "micrographs_denoised.cs"))
    assert table.texts("micrograph_blob/path") == [path_of(number) for number in range(3)]


def test_a_damaged_file_beside_an_output_is_passed_over_where_another_belongs_to_it(tmp_path: Path) -> None:
    write_project(tmp_path)
    folder = tmp_path / "J3"
    (folder / "J3_passthrough_a.cs").write_bytes(b"PK a zip")
    (folder / "exposures.cs").rename(folder / "micrographs_denoised.cs")
    table = with_passthrough(read_table(folder / "micrographs_denoised.cs"))
    assert table.texts("micrograph_blob/path") == [path_of(number) for number in range(3)]
    (folder / "J3_passthrough_exposures.cs").unlink()
    with pytest.raises(MicrographError, match=r"F58.*J3_passthrough_a\.cs"):
        with_passthrough(read_table(folder / "micrographs_denoised.cs"))


def test_rows_that_are_not_in_the_other_file_are_counted() -> None:
    first = rows({}, {"ctf/df1_A": np.ones(3, "<f4")})
    other = rows({"micrograph_blob": ["a", "b", "c"]})
    with pytest.raises(HalvesError, match=r"D02.*2 of 3 rows"):
        joined(Path("e.cs"), first, [other[:1]])
    with pytest.raises(HalvesError, match=r"D02.*3 of 3 rows"):
        joined(Path("e.cs"), first, [other[:0]])


@pytest.mark.parametrize(
    ("column", "read"),
    [("micrograph_blob/path", CsTable.texts), ("micrograph_blob/psize_A", CsTable.numbers)],
)
def test_a_column_of_another_shape_or_kind_is_named_in_one_line(column: str, read: Any) -> None:
    known = rows({"micrograph_blob": ["a", "b", "c"]})
    values = np.repeat(known[column][:, None], 2, axis=1)
    with pytest.raises(HalvesError, match=rf"D01.*column {column} holds .*\(2,\)"):
        read(CsTable(Path("e.cs"), with_columns(known, {column: values})), column)
    other = CsTable.numbers if read is CsTable.texts else CsTable.texts
    with pytest.raises(HalvesError, match=r"D01.*holds .*, not (names|numbers)"):
        other(CsTable(Path("e.cs"), known), column)


def test_a_column_is_added_or_replaced_and_keeps_its_own_type() -> None:
    known = rows({"micrograph_blob": ["a", "b", "c"]})
    made = with_columns(
        known, {"micrograph_blob/path": np.array([b"longer"] * 3), "new/shape": np.ones((3, 2), "<u4")}
    )
    assert made["micrograph_blob/path"].tolist() == [b"longer"] * 3
    assert made.dtype["new/shape"] == np.dtype(("<u4", (2,)))
    assert made["uid"].tolist() == list(UIDS)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "begins with b''"),
        (b"PK\x03\x04 a zip", "is no .cs file"),
        (b"\x93NUMPY\x01\x00\x10\x00{'descr': [('uid'", "is damaged"),
        (b"\x93NUMPY\x09\x00", "is damaged"),
    ],
)
def test_a_file_that_is_none_is_named_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "e.cs").write_bytes(content)
    with pytest.raises(MicrographError, match="F58") as refused:
        read_table(tmp_path / "e.cs")
    assert words in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_file_that_is_cut_short_is_damaged(tmp_path: Path) -> None:
    whole = save(tmp_path / "e.cs", rows({"micrograph_blob": ["a", "b", "c"]})).read_bytes()
    (tmp_path / "e.cs").write_bytes(whole[:-10])
    with pytest.raises(MicrographError, match=r"F58.*damaged"):
        read_table(tmp_path / "e.cs")


def test_objects_of_python_in_a_file_are_never_made(tmp_path: Path) -> None:
    with (tmp_path / "e.cs").open("wb") as file:
        np.save(
            file, np.array([(1, "a")], [("uid", "<u8"), ("micrograph_blob/path", "O")]), allow_pickle=True
        )
    with pytest.raises(MicrographError, match=r"F58.*damaged"):
        read_table(tmp_path / "e.cs")


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "just words",
        "results: {}",
        "results: {ctf: {type: x}}",
        "a: !!python/object:os.system {}",
        "[" * 5000,
    ],
)
def test_a_group_that_is_none_is_named_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "e.csg").write_text(text)
    with pytest.raises(MicrographError, match="F58") as refused:
        read_table(tmp_path / "e.csg")
    assert len(str(refused.value).splitlines()) == 1


def test_an_array_without_a_uid_is_no_table(tmp_path: Path) -> None:
    np.save(tmp_path / "e.npy", np.zeros(3))
    (tmp_path / "e.npy").rename(tmp_path / "e.cs")
    with pytest.raises(MicrographError, match=r"F58.*no column uid"):
        read_table(tmp_path / "e.cs")

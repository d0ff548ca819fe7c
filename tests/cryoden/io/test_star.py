from __future__ import annotations

from pathlib import Path

import pytest

from cryoden.errors import CryodenError, StarRowError
from cryoden.io.star import StarTable, having, read_tables, split_row

LOOP = "data_\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\n"


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "some.star"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def values(tmp_path: Path, text: str | bytes) -> list[tuple[str, ...]]:
    """Return both columns of a table of micrographs and groups."""
    names = ("rlnMicrographName", "rlnOpticsGroup")
    table = having(read_tables(written(tmp_path, text)), names)
    assert isinstance(table, StarTable)
    return table.columns(names)


@pytest.mark.parametrize(
    "text",
    [
        LOOP + "a.mrc 1\nb.mrc 2\n",
        LOOP + " a.mrc\t1 \n\n#c.mrc 3\nb.mrc     2 # the better one\n\n",
        (LOOP + "a.mrc 1\nb.mrc 2\n").replace("\n", "\r\n"),
        "\ufeff" + LOOP + "a.mrc 1\nb.mrc 2",
        LOOP.replace("data_", "DATA_micrographs").replace("loop_", "LOOP_ ") + "a.mrc 1\nb.mrc 2\n",
        "data_optics\nloop_\n_rlnOpticsGroup\n1\n2\n\n"
        + LOOP
        + "'a.mrc' 1\n\"b.mrc\" 2\n\ndata_\n_rlnVoltage 300",
        LOOP.replace(" #1", "").replace(" #2", "") + "a.mrc 1\nb.mrc 2\n",
    ],
    ids=[
        "plain",
        "blanks and comments",
        "Windows",
        "byte-order mark",
        "capitals",
        "many tables",
        "no numbers",
    ],
)
def test_a_table_is_read_however_it_is_laid_out(tmp_path: Path, text: str) -> None:
    assert values(tmp_path, text) == [("a.mrc", "1"), ("b.mrc", "2")]


@pytest.mark.parametrize(
    "text",
    [
        "data_micrographs\n\n_rlnMicrographName\t\tM/a.mrc\n_rlnOpticsGroup\t\t1\n",
        "\ufeffdata_\n_rlnMicrographName M/a.mrc\n_rlnOpticsGroup 1\n",
        "data_\n_rlnOpticsGroup 1 # the only one\n_rlnVoltage 300\n_rlnMicrographName 'M/a.mrc'\n",
    ],
)
def test_pairs_of_label_and_value_are_a_table_of_one_row(tmp_path: Path, text: str) -> None:
    assert values(tmp_path, text) == [("M/a.mrc", "1")]


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ("Göttingen/a.mrc", "Göttingen/a.mrc"),
        ("'my data/a.mrc'", "my data/a.mrc"),
        ("O'Brien/it's.mrc", "O'Brien/it's.mrc"),
        ('"O\'Brien/a b.mrc"', "O'Brien/a b.mrc"),
        ("data_1/a.mrc", "data_1/a.mrc"),
        ("[1]/a#2.mrc", "[1]/a#2.mrc"),
        ("0012", "0012"),
        ("nan", "nan"),
        ("''", ""),
    ],
)
def test_names_are_kept_as_they_are(tmp_path: Path, stored: str, name: str) -> None:
    assert values(tmp_path, f"{LOOP}{stored} 1\n_b.mrc 1\n") == [(name, "1"), ("_b.mrc", "1")]


def test_a_name_that_is_no_text_leads_to_its_file_all_the_same(tmp_path: Path) -> None:
    ((name, _),) = values(tmp_path, LOOP.encode() + b"\xe4.mrc 1\n")
    assert str(tmp_path / name).encode(errors="surrogateescape").endswith(b"/\xe4.mrc")


@pytest.mark.parametrize(
    ("row", "said"),
    [("a.mrc", "line 6 has 1 of 2 values: a.mrc"), ("my a.mrc 1", "line 6 has 3 of 2 values: my a.mrc 1")],
)
def test_a_row_of_too_few_or_too_many_values_is_refused_with_its_line(
    tmp_path: Path, row: str, said: str
) -> None:
    with pytest.raises(CryodenError, match=f"D01 .*{said}"):
        values(tmp_path, f"{LOOP}{row}\n{row}\n")


def test_an_uneven_row_of_another_table_is_nobodys_concern(tmp_path: Path) -> None:
    optics = "data_optics\nloop_\n_rlnVoltage\n_rlnEvenZernike\n300 [1, 2]\n"
    assert values(tmp_path, f"{optics}{LOOP}a.mrc 1\n") == [("a.mrc", "1")]


def test_pairs_of_label_and_value_are_one_row_however_many_and_a_line_between_them_is_its_own(
    tmp_path: Path,
) -> None:
    (tmp_path / "pairs.star").write_text("data_x\n_a 1\n_b 'two words'\nodd\n_c 3\n")
    *_, table = read_tables(tmp_path / "pairs.star")
    assert table.labels == ["a", "b", "c"]
    assert [split_row(row) for _, row in table.rows] == [["odd"], ["1", "two words", "3"]]
    with pytest.raises(StarRowError, match="line 4 has 1 of 3 values: odd"):
        table.columns(["a"])

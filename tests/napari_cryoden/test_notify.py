from __future__ import annotations

from napari_cryoden.notify import show_remarks


def test_each_warning_is_a_line_with_its_subject_and_a_name_breaks_none(remarks: list[str]) -> None:
    show_remarks("a\nb", ["no pixel size", "hot pixels"])
    assert [line.split(" — ")[1] for line in remarks] == ["no pixel size", "hot pixels"]
    assert not any("\n" in line for line in remarks)

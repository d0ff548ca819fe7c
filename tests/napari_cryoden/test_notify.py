from __future__ import annotations

import ast
import re
from pathlib import Path

import cryoden
from napari_cryoden.notify import show_remarks, viewer_words


def test_each_warning_is_a_line_with_its_subject_and_a_name_breaks_none(remarks: list[str]) -> None:
    show_remarks("a\nb", ["no pixel size", "hot pixels"])
    assert [line.split(" — ")[1] for line in remarks] == ["no pixel size", "hot pixels"]
    assert not any("\n" in line for line in remarks)


def flags_in_messages() -> list[str]:
    """Every string in the library's own messages that names a flag."""
    found = []
    for package in ("io", "image", "dataset", "denoising", "training", "model", "workflows"):
        for file in (Path(cryoden.__file__).parent / package).rglob("*.py"):
            strings = [one for one in ast.walk(ast.parse(file.read_text())) if isinstance(one, ast.Constant)]
            found += [str(one.value) for one in strings if re.search(r"(?<![\w-])--[a-z]", str(one.value))]
    return [text for text in found if "\n" not in text]  # of docstrings


def test_no_message_sends_a_user_of_the_viewer_to_a_flag_without_saying_where() -> None:
    messages = flags_in_messages()
    assert len(messages) > 4
    for message in messages:
        words = viewer_words(message)
        assert "--" not in words or "command line" in words


def test_a_missing_pixel_size_is_given_in_a_dock() -> None:
    words = viewer_words("F28: no pixel size in the header: pass --pixel-size")
    assert words == "F28: no pixel size in the header: give the pixel size in Open, Denoise or Batch"

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cryoden.dataset.cryosparc import write_project
from tests.napari_cryoden.listing import look, opened


@pytest.fixture
def dock(docked: Any) -> Any:
    return docked("Open micrographs")[1]


def test_pairs_are_listed_with_a_verdict_and_other_micrographs_with_their_size(
    qtbot: Any, dock: Any, write_pair: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    write_pair("m2", 1)
    for half in ("EVN", "ODD"):
        write_mrc(f"copy_{half}.mrc", noise)
        write_mrc(f"black_{half}.mrc", np.zeros_like(noise))
    write_mrc("size_EVN.mrc", noise)
    write_mrc("size_ODD.mrc", noise[1:])
    write_mrc("lone.mrc", noise)
    write_mrc("plain.mrc", noise, pixel_size=None)
    assert look(qtbot, dock, tmp_path) == [
        ("black", "▲ pair, black · 128×96, 1.2 Å/px"),
        ("copy", "▲ pair, identical · 128×96, 1.2 Å/px"),
        ("m2", dock.list.lines()[2].split("\n")[1]),
        ("size", "▲ pair, mismatched · 128×96, 1.2 Å/px"),
        ("lone.mrc", "128×96, 1.2 Å/px"),
        ("plain.mrc", "128×96, no pixel size"),
    ]
    assert dock.list.lines()[2].startswith("m2\n● pair, usable, CC 0.")
    assert dock.found.text() == "4 half-set pairs (4 checked, 1 usable), 2 micrographs"


def test_the_pixel_size_of_a_star_file_reaches_list_and_layer(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    write_mrc("plain.mrc", noise, pixel_size=None)
    star = tmp_path / "m.star"
    star.write_text("data_\n_rlnMicrographName plain.mrc\n_rlnMicrographPixelSize 1.9\n")
    assert look(qtbot, dock, star) == [("plain.mrc", "128×96, 1.9 Å/px")]
    assert opened(qtbot, dock) == ["plain"]
    assert dock.viewer.layers[0].scale == pytest.approx((1.9, 1.9))


def test_halves_that_cryosparc_keeps_in_one_file_are_a_pair(qtbot: Any, dock: Any, tmp_path: Path) -> None:
    pairs = [words for _, words in look(qtbot, dock, write_project(tmp_path, edge=512)) if "pair" in words]
    assert len(pairs) == 3
    assert all(words.startswith("● pair, usable") for words in pairs)


def test_what_is_wrong_with_a_file_stands_in_its_line(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    for name in ("a_EVN.mrc", "a_ODD.mrc", "cut.mrc"):
        write_mrc(name, noise)
    for name in ("a_ODD.mrc", "cut.mrc"):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:2000])
    said = dict(look(qtbot, dock, tmp_path))
    assert said == dict.fromkeys(("a", "cut.mrc"), "▲ F03  truncated: 2,000 of 50,176 bytes")
    assert str(tmp_path / "a_ODD.mrc") in dock.list.item(0).toolTip()
    assert dock.found.text() == "1 half-set pair (1 checked, 0 usable), 0 micrographs, 1 unreadable"


def test_names_have_their_folder_where_there_are_several(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    (tmp_path / "denoised").mkdir()
    write_mrc("a.mrc", noise)
    write_mrc("denoised/a.mrc", noise)
    assert [name for name, _ in look(qtbot, dock, tmp_path)] == ["a.mrc", "denoised/a.mrc"]


def test_few_micrographs_are_selected_at_once_and_many_are_not(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    for number in range(8):
        write_mrc(f"m{number}.mrc", noise)
    look(qtbot, dock, tmp_path)
    assert len(dock.list.chosen()) == 8
    write_mrc("m8.mrc", noise)
    look(qtbot, dock, tmp_path)
    assert dock.list.chosen() == []
    assert "Select micrographs to open" in dock.open_button.toolTip()
    dock.all_button.click()
    assert len(dock.list.chosen()) == 9


def test_ready_pairs_are_selected_with_one_button(
    qtbot: Any, dock: Any, write_pair: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    for half in ("EVN", "ODD"):
        write_mrc(f"copy_{half}.mrc", noise)
    look(qtbot, dock, tmp_path)
    assert "No usable pair" in dock.ready_button.toolTip()
    write_pair("m1", 1)
    look(qtbot, dock, tmp_path)
    dock.ready_button.click()
    assert [file.name for file in dock.list.chosen()] == ["m1_EVN.mrc", "m1_ODD.mrc"]


def test_a_stack_is_listed_with_its_planes_and_opened(
    qtbot: Any, dock: Any, write_mrc: Any, noise: Any, tmp_path: Path
) -> None:
    write_mrc("ts.mrcs", np.stack([np.tile(noise, (4, 4))] * 3))
    assert look(qtbot, dock, tmp_path) == [("ts.mrcs", "stack of 3, 512×384, 1.2 Å/px")]
    assert opened(qtbot, dock) == ["ts"]
    assert dock.viewer.layers[0].data.shape == (3, 384, 512)

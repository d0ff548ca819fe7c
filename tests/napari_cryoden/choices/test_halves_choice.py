from __future__ import annotations

from pathlib import Path
from typing import Any


def test_the_choice_shows_itself_where_there_are_halves_and_hides_where_there_are_none(
    qtbot: Any, batch: Any, grids: Path, write_pair: Any, tmp_path: Path
) -> None:
    write_pair("m1", 1)
    assert batch.halves.isHidden()
    batch.micrographs.path = tmp_path
    qtbot.waitUntil(lambda: not batch.halves.isHidden())
    assert batch.halves.chosen == "sum"
    batch.micrographs.path = grids
    assert batch.halves.isHidden()
    batch.micrographs.path = tmp_path / "nowhere"
    batch.micrographs.path = tmp_path
    qtbot.waitUntil(lambda: not batch.halves.isHidden())


def test_a_batch_has_one_result_for_two_halves_or_one_for_each(
    qtbot: Any, batch: Any, model: Path, write_pair: Any, tmp_path: Path, viewer: Any
) -> None:
    (tmp_path / "in").mkdir()
    write_pair("m1", 1)
    for path in tmp_path.glob("*.mrc"):
        path.rename(tmp_path / "in" / path.name)
    batch.micrographs.path, batch.model.path = tmp_path / "in", model
    for choice, names in ((0, ["m1_denoised.mrc"]), (1, ["m1_EVN_denoised.mrc", "m1_ODD_denoised.mrc"])):
        batch.output.path = tmp_path / f"out{choice}"
        batch.halves.box.setCurrentIndex(choice)
        with qtbot.waitSignal(batch.batch.ended):
            batch.denoise_button.click()
        assert sorted(path.name for path in batch.output.path.iterdir()) == names
        batch.files.open_button.click()
    assert [layer.name for layer in viewer.layers][:2] == ["m1 · sum", "m1 · sum · denoised"]

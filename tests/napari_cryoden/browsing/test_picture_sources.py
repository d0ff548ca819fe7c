from __future__ import annotations

from pathlib import Path
from typing import Any

from cryoden.model.general import GENERAL
from napari_cryoden.browsing.picture_sources import PictureSources


def test_the_general_model_is_chosen_until_it_is_not_wanted(viewer: Any, qtbot: Any, tmp_path: Path) -> None:
    sources = PictureSources(viewer)
    qtbot.addWidget(sources)
    chosen = [sources.chosen_model]
    with qtbot.waitSignal(sources.model_changed):
        sources.live.setChecked(False)
    chosen.append(sources.chosen_model)
    sources.live.setChecked(True)
    with qtbot.waitSignal(sources.model_changed):
        sources.model.path = tmp_path / "none.safetensors"
    assert [*chosen, sources.chosen_model] == [GENERAL, None, None]


def test_it_is_folded_away_until_it_is_asked_for(viewer: Any, qtbot: Any) -> None:
    sources = PictureSources(viewer)
    qtbot.addWidget(sources)
    sources.show()
    assert not sources.results.isVisible()
    sources.unfold.click()
    assert sources.results.isVisible()

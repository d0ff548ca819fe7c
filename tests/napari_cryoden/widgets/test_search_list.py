from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from napari_cryoden.threads.worker import Worker
from napari_cryoden.widgets import search_list
from tests.napari_cryoden.listing import opened, select


@pytest.fixture
def dock(docked: Any) -> Any:
    return docked("Open micrographs")[1]


def test_the_list_stays_usable_while_it_is_checked(
    qtbot: Any, dock: Any, write_pair: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line waits until the one before is shown, so that the last is not checked too early."""
    write_pair("m", 1)
    monkeypatch.setattr(search_list, "Worker", partial(Worker, ahead=1))
    for number in range(30):
        for half in ("EVN", "ODD"):
            (tmp_path / f"l{number}_{half}.mrc").symlink_to(tmp_path / f"m_{half}.mrc")
    dock.show_paths([tmp_path])
    qtbot.waitUntil(lambda: dock.list.checked > 2)
    select(dock, 30)
    assert opened(qtbot, dock) == ["m_EVN", "m_ODD"]
    assert dock.list.checking
    dock.rest_button.click()
    qtbot.waitUntil(lambda: not dock.list.checking)
    assert dock.list.count() == 31
    assert dock.list.checked < 31
    assert "No check is running" in dock.rest_button.toolTip()

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtGui import QTextDocument
from qtpy.QtWidgets import QLabel, QListWidgetItem

from napari_cryoden.tool_tip import set_tip

PLUGIN = Path(__file__).parents[2] / "napari_cryoden"


@pytest.mark.parametrize(
    "name", ["<b>m1</b>.mrc", "a<img src='x'>", "&lt;b&gt;", "two\n<i>  lines", "plain & simple"]
)
def test_a_name_in_a_tip_is_shown_as_it_is(qtbot: Any, name: str) -> None:
    label, item = QLabel(), QListWidgetItem()
    qtbot.addWidget(label)
    for one in (label, item):
        set_tip(one, name)
        tip, shown = one.toolTip(), QTextDocument()
        if tip.startswith("<p"):
            shown.setHtml(tip)
        else:
            shown.setPlainText(tip)
        assert shown.toPlainText() == name


def test_all_tips_of_the_plugin_are_such() -> None:
    direct = [
        path.name
        for path in PLUGIN.rglob("*.py")
        if re.search(r"\.setToolTip\(|ToolTipRole", path.read_text(encoding="utf-8"))
    ]
    assert direct == ["tool_tip.py"]

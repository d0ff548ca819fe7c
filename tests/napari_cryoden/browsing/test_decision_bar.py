from __future__ import annotations

from typing import Any

import pytest

from cryoden.browsing.decisions import Decision
from napari_cryoden.browsing.decision_bar import DecisionBar


@pytest.fixture
def bar(qtbot: Any) -> DecisionBar:
    bar = DecisionBar()
    qtbot.addWidget(bar)
    bar.show()
    return bar


def test_buttons_ask_for_what_they_say(bar: DecisionBar) -> None:
    asked = list[str]()
    bar.asked.connect(asked.append)
    for button in bar.buttons.values():
        button.click()
    assert asked == ["accept", "reject", "undo"]


def test_where_nothing_can_be_decided_buttons_say_why(bar: DecisionBar) -> None:
    bar.show_decision(Decision(), "Choose an exposure first", "")
    assert not any(button.isEnabled() for button in bar.buttons.values())
    assert bar.note.toolTip() == "Choose an exposure first"
    bar.show_decision(Decision(), "", "")
    assert all(button.isEnabled() for button in bar.buttons.values())


def test_a_note_is_said_once_when_it_is_whole(bar: DecisionBar, qtbot: Any) -> None:
    noted = list[str]()
    bar.noted.connect(noted.append)
    qtbot.keyClicks(bar.note, "ice")
    assert noted == []
    bar.note.returnPressed.emit()
    bar.note.editingFinished.emit()
    assert noted == ["ice"]


def test_what_is_being_written_is_not_replaced_while_nothing_is_new(bar: DecisionBar, qtbot: Any) -> None:
    bar.show_decision(Decision(), "", "")
    qtbot.keyClicks(bar.note, "half a wo")
    bar.show_decision(Decision(), "", "")
    assert bar.note.text() == "half a wo"
    bar.show_decision(Decision("", "of the next one"), "", "")
    assert bar.note.text() == "of the next one"


def test_the_menu_says_where_the_undecided_go(bar: DecisionBar) -> None:
    exported = list[str]()
    bar.exported.connect(exported.append)
    menu = bar.export_button.menu()
    assert menu is not None
    for action in menu.actions()[:3]:
        action.trigger()
    assert exported == ["", "accepted", "rejected"]

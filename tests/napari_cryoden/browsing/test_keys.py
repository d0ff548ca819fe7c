from __future__ import annotations

import gc
from typing import Any

from app_model.types import KeyBinding

from napari_cryoden.browsing.keys import bind


class Asked:
    """What keys ask for."""

    def __init__(self) -> None:
        self.heard = list[Any]()

    def step(self, rows: int) -> None:
        self.heard.append(rows)

    def ask(self, what: str) -> None:
        self.heard.append(what)


def press(viewer: Any, *keys: str) -> None:
    for key in keys:
        viewer.keymap[KeyBinding.from_str(key)](viewer)


def test_arrows_step_and_letters_decide(viewer: Any) -> None:
    asked = Asked()
    bind(viewer, asked)
    press(viewer, "Down", "Up", "A", "R", "U")
    assert asked.heard == [1, -1, "accept", "reject", "undo"]


def test_a_key_that_is_taken_stays_with_its_owner(viewer: Any) -> None:
    heard = list[str]()
    viewer.bind_key("A", lambda _: heard.append("mine"))
    bind(viewer, Asked())
    press(viewer, "A")
    assert heard == ["mine"]


def test_the_browser_made_last_has_the_keys_and_one_that_is_gone_hears_nothing(viewer: Any) -> None:
    first, second = Asked(), Asked()
    bind(viewer, first)
    bind(viewer, second)
    press(viewer, "A")
    assert (first.heard, second.heard) == ([], ["accept"])
    del second
    gc.collect()
    press(viewer, "A")
    assert first.heard == []

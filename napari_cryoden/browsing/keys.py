"""Keys of the browser on the canvas, where napari and its layers leave them free."""

from __future__ import annotations

from typing import Any, Protocol
from weakref import ReferenceType, ref

from app_model.types import KeyBinding

STEPS = {"Down": 1, "Up": -1}
ASKS = {"A": "accept", "R": "reject", "U": "undo"}  # N is the next of compared layers there


class Browser(Protocol):
    """What keys are for."""

    def step(self, rows: int) -> None:
        """Show another exposure."""

    def ask(self, what: str) -> None:
        """Decide about the one that is shown."""


def bind(viewer: Any, browser: Browser) -> None:
    """Let keys on the canvas reach a browser for as long as it lives; the last one made has them."""
    held = ref(browser)
    for key, rows in STEPS.items():
        _bind(viewer, key, held, "step", rows)
    for key, what in ASKS.items():
        _bind(viewer, key, held, "ask", what)


_OURS = "cryoden browser"


def _bind(viewer: Any, key: str, held: ReferenceType[Browser], method: str, argument: Any) -> None:
    there = viewer.keymap.get(KeyBinding.from_str(key))
    if there is not None and getattr(there, "__doc__", "") != _OURS:
        return  # somebody else's

    def pressed(_: Any) -> None:
        browser = held()
        if browser is not None:
            getattr(browser, method)(argument)

    pressed.__doc__ = _OURS
    viewer.bind_key(key, pressed, overwrite=True)

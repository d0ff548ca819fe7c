from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from qtpy.QtCore import QTimer

from napari_cryoden.threads.turns import Turns


@pytest.fixture
def turns(viewer: Any) -> Turns:
    return Turns.of(viewer)


@pytest.fixture
def canvas(viewer: Any) -> Any:
    return viewer.window._qt_viewer.canvas.native


def test_what_waits_in_the_event_loop_comes_between_two_steps(qtbot: Any, turns: Turns) -> None:
    order: list[str] = []

    def steps() -> Iterator[None]:
        for name in ("first", "second", "third"):
            order.append(name)
            QTimer.singleShot(0, lambda name=name: order.append(f"a click during the {name}"))
            yield

    turns.take(steps(), lambda: order.append("done"))
    qtbot.waitUntil(lambda: "done" in order)
    clicks = [f"a click during the {name}" for name in ("first", "second", "third")]
    assert order == ["first", clicks[0], "second", clicks[1], "third", clicks[2], "done"]


def test_pieces_of_work_follow_one_another_and_each_is_done_at_its_end(qtbot: Any, turns: Turns) -> None:
    order: list[str] = []

    def piece(name: str) -> Iterator[None]:
        for step in range(3):
            order.append(f"{name}{step}")
            yield

    turns.take(piece("a"), lambda: order.append("a is done"))
    turns.take(piece("b"), lambda: order.append("b is done"))
    qtbot.waitUntil(lambda: "b is done" in order)
    assert order == ["a0", "a1", "a2", "a is done", "b0", "b1", "b2", "b is done"]


def test_a_step_may_handle_events_and_give_more_work(qtbot: Any, qapp: Any, turns: Turns) -> None:
    order: list[str] = []

    def inner() -> Iterator[None]:
        order.append("inner")
        yield

    def outer() -> Iterator[None]:
        turns.take(inner(), lambda: order.append("done"))
        qapp.processEvents()
        order.append("outer")
        yield
        order.append("outer again")

    turns.take(outer())
    qtbot.waitUntil(lambda: "done" in order)
    assert order == ["outer", "outer again", "inner", "done"]


def test_a_step_that_fails_ends_its_piece_and_no_other(qtbot: Any, turns: Turns) -> None:
    order: list[str] = []

    def failing() -> Iterator[None]:
        yield
        raise OSError("the disk is gone")

    with qtbot.captureExceptions() as failures:
        turns.take(failing(), lambda: order.append("failed"))
        turns.take(iter([None]), lambda: order.append("done"))
        qtbot.waitUntil(lambda: "done" in order)
    assert order == ["failed", "done"]
    assert [str(failure[1]) for failure in failures] == ["the disk is gone"]


def test_the_canvas_is_held_until_all_steps_are_over_and_drawn_then(
    qtbot: Any, viewer: Any, turns: Turns, canvas: Any
) -> None:
    held: list[bool] = []
    drawn: list[int] = []
    qtbot.waitUntil(canvas.isVisible)
    viewer.window._qt_viewer.canvas._scene_canvas.events.draw.connect(lambda _: drawn.append(len(held)))

    def steps() -> Iterator[None]:
        for _ in range(3):
            turns.draw_later()
            canvas.update()
            held.append(canvas.updatesEnabled())
            yield

    turns.take(steps())
    qtbot.waitUntil(lambda: canvas.updatesEnabled() and len(held) == 3 and 3 in drawn)
    assert held == [False] * 3
    assert not {1, 2} & set(drawn)


def test_garbage_is_searched_for_again_afterwards(qtbot: Any, turns: Turns) -> None:
    during: list[bool] = []

    def steps() -> Iterator[None]:
        turns.draw_later()
        during.append(gc.isenabled())
        yield

    turns.take(steps())
    qtbot.waitUntil(lambda: bool(during) and gc.isenabled())
    assert during == [False]


def test_whoever_has_ended_the_search_for_garbage_is_not_overruled(
    qtbot: Any, turns: Turns, canvas: Any
) -> None:
    gc.disable()
    try:
        turns.draw_later()
        qtbot.waitUntil(canvas.updatesEnabled)
        over: list[bool] = []
        turns.take((), lambda: over.append(True))
        qtbot.waitUntil(lambda: bool(over))
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_window_closed_between_two_steps_takes_its_hold_with_it(
    qtbot: Any, viewer: Any, turns: Turns
) -> None:
    turns.draw_later()
    viewer.close()
    qtbot.waitUntil(gc.isenabled)


def test_what_is_held_is_drawn_between_two_steps_where_one_asks_for_it(
    qtbot: Any, turns: Turns, canvas: Any
) -> None:
    held: list[bool] = []

    def steps() -> Iterator[None]:
        turns.draw_later()
        yield
        held.append(canvas.updatesEnabled())
        turns.draw()
        yield
        held.append(canvas.updatesEnabled())

    turns.take(steps())
    qtbot.waitUntil(lambda: len(held) == 2)
    assert held == [False, True]


def test_a_canvas_that_is_resized_meanwhile_is_not_left_empty(qtbot: Any, turns: Turns, canvas: Any) -> None:
    qtbot.waitUntil(canvas.isVisible)
    held: list[bool] = []

    def steps() -> Iterator[None]:
        turns.draw_later()
        yield
        held.append(canvas.updatesEnabled())
        canvas.resize(canvas.width() - 10, canvas.height() - 10)
        held.append(canvas.updatesEnabled())
        yield

    turns.take(steps())
    qtbot.waitUntil(lambda: len(held) == 2)
    assert held == [False, True]

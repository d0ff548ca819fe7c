"""The common look of this plugin's docks: one narrow column that scrolls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast
from weakref import WeakMethod

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QApplication,
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from cryoden.errors import CryodenError
from napari_cryoden.notify import show_problem
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.window import main_window, plain

WIDTH = 312
W = TypeVar("W", bound=QWidget)


class Dock(QWidget):
    """A column that scrolls, and below it a footer that is always visible.

    Buttons and the state of a run must not be scrolled away on a screen of 1366 × 768.
    """

    status: QLabel

    def __init__(self) -> None:
        super().__init__()
        content = QWidget()
        self.column = QVBoxLayout(content)
        self.column.setContentsMargins(6, 2, 6, 2)
        self.column.setSpacing(5)
        self._area = area = scrolling(content)
        area.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        area.setMinimumHeight(120)
        self.footer = QVBoxLayout()
        self.footer.setContentsMargins(6, 0, 6, 4)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area, stretch=1)
        whole.addLayout(self.footer)
        self.setFixedWidth(WIDTH)

    def add_sections(self, *sections: tuple[str, QWidget]) -> None:
        """Add parts to the column, each below its title."""
        for title, part in sections:
            self.column.addWidget(heading(title))
            self.column.addWidget(part)

    def command(self) -> str:
        """Return the command line that does what is chosen here.

        Raises
        ------
        CryodenError
            When there is none, and why.
        """
        raise NotImplementedError

    def copy_button(self) -> QPushButton:
        """Return a button that copies `command`."""
        button = QPushButton("Copy as command")
        set_tip(button, "Copy the command line that does the same, for a terminal or a cluster")
        button.clicked.connect(weakly(self._copy))
        return button

    def _copy(self) -> None:
        try:
            command = self.command()
        except CryodenError as error:
            show_problem(error)
            return
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(command)
            self.status.setText(f"Copied: {command}")

    def show_part(self, part: QWidget) -> None:
        """Scroll to a part of the column."""
        self._area.ensureWidgetVisible(part)


def scrolling(content: QWidget) -> QScrollArea:
    """Return an area that scrolls its content up and down, and looks like nothing."""
    area = QScrollArea()
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area


def heading(text: str) -> QLabel:
    """Return the title of a section."""
    label = QLabel(f"<b>{text}</b>")
    label.setContentsMargins(0, 6, 0, 0)
    return label


def row(*widgets: QWidget) -> QHBoxLayout:
    """Return widgets side by side."""
    made = QHBoxLayout()
    for widget in widgets:
        made.addWidget(widget)
    return made


def plain_label() -> QLabel:
    """Return a label that wraps, and may be copied from."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)  # names of files come in it
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def status_label() -> QLabel:
    """Return such a label that never asks for more width."""
    label = plain_label()
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.MinimumExpanding)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    label.setMinimumHeight(
        3 * label.fontMetrics().lineSpacing()
    )  # so that nothing jumps as words come and go
    return label


def below(viewer: Any, title: str, kind: type[W]) -> W:
    """Return the window's dock of this title, in front; made below the canvas where there is none.

    Docks below the canvas are tabs of one another: side by side each would have a part of the width.
    """
    window = plain(viewer).window
    there, made = window.dock_widgets.get(title), cast("Callable[[Any], W]", kind)
    content = there if isinstance(there, kind) else made(viewer)
    if content is not there:
        _tabify(viewer, window.add_dock_widget(content, name=title, area="bottom"))
    docked: Any = content.parent()
    docked.show()
    docked.raise_()
    return content


def hide_below(viewer: Any, title: str) -> None:
    """Hide the dock of this title, where there is one; it comes back with what it shows."""
    content = plain(viewer).window.dock_widgets.get(title)
    if content is not None:
        content.parent().hide()


def _tabify(viewer: Any, added: QDockWidget) -> None:
    """Make a new dock a tab of the last one that is shown in its place."""
    main = main_window(viewer)
    for other in reversed(main.findChildren(QDockWidget)):
        there = main.dockWidgetArea(other) == main.dockWidgetArea(added) and not other.isFloating()
        if there and other is not added and not other.isHidden():
            main.tabifyDockWidget(other, added)
            return


def weakly(method: Callable[..., Any], *arguments: Any) -> Callable[..., None]:
    """Return what calls a widget's method with these arguments, whatever a signal says, while it lives.

    A lambda that names its widget, connected to a signal of one of its own buttons, keeps both
    alive for ever under PySide6, whose connections Python's collector does not see.
    """
    held = WeakMethod(method)

    def call(*_: Any) -> None:
        living = held()
        if living is not None:
            living(*arguments)

    return call

"""Layers side by side, in turns or on both sides of a line, and the user's own view back afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from app_model.types import KeyBinding
from napari.layers import Image
from qtpy.QtCore import QObject, QTimer, Signal

from napari_cryoden.layers import canvas
from napari_cryoden.layers.canvas import AddedMeanwhile, Filling, UsersView, is_open, show_only, to_the_top
from napari_cryoden.layers.contrast import Limits, Matching
from napari_cryoden.layers.layer_data import facts_of
from napari_cryoden.layers.matching import MatchedContrast
from napari_cryoden.layers.picks_copies import PicksCopies
from napari_cryoden.layers.picks_layer import is_picks
from napari_cryoden.layers.swipe import Swipe

Mode = Literal["grid", "blink", "swipe"]
KEY = "N"  # as in next; napari leaves it free
RESIZED = 50  # ms, after which a canvas has its new size


class SideBySide(QObject):
    """Shows layers beside each other, one at a time, or one over the other up to a line.

    Picks that belong to them are shown on all of them.

    The Y axis stays as napari draws it, as in the file. A layer that is removed meanwhile leaves
    the comparison; when fewer than two are left, the user's own view comes back. An image that is opened
    meanwhile is hidden until the end, as it would lie over one of them.

    Attributes
    ----------
    layers : list of Image
        What is compared, the raw one first; empty when nothing is.
    mode : {"grid", "blink", "swipe"}
        How.
    how : {"each", "same", "matched"}
        With which contrast.

    Signals
    -------
    changed
        What is compared, or how, is new.
    """

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._before: UsersView | None = None
        self._swipe = Swipe(viewer)
        self._copies = PicksCopies(viewer, self._again)
        self._picks: list[Any] = []  # and their copies
        self.layers: list[Any] = []
        self.mode: Mode = "grid"
        self.how: Matching = "each"
        self._added = AddedMeanwhile(viewer, lambda: self.layers)
        self._contrast = MatchedContrast()
        self._filling = Filling(viewer)
        self._showing: Any = None  # by which call
        self._after_removal, self._after_resize = map(self._timer, (self._close_gaps, self._fill_canvas))
        viewer.canvas.events.size.connect(self._resized)
        viewer.layers.events.removed.connect(self._removed)
        viewer.layers.events.inserted.connect(self._inserted)
        if KeyBinding.from_str(KEY) not in viewer.keymap:
            viewer.bind_key(KEY, lambda _: self.blink())

    def _timer(self, then: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(then)
        return timer

    @property
    def active(self) -> bool:
        """Whether layers are being compared."""
        return self._before is not None

    def show(self, raw: Any, denoised: Any, *more: Any, mode: Mode = "grid", contrast: bool = True) -> None:
        """Compare ``raw``, ``denoised`` and more layers; everything else is hidden.

        In a grid they stand from left to right, in the rows in which they are largest on the canvas as it is,
        and share one camera; a low-pass of the raw one stands between the two. With ``contrast`` it is
        matched where layers are new.
        ``blink`` shows the first, and the next one whenever `blink` is called. ``swipe`` shows
        ``raw`` on the left of a line and ``denoised`` on its right.
        """
        for _ in self.showing(raw, denoised, *more, mode=mode, contrast=contrast):
            pass

    def showing(
        self, raw: Any, denoised: Any, *more: Any, mode: Mode = "grid", contrast: bool = True
    ) -> Iterator[None]:
        """Do what `show` does in steps, until something else is shown or fewer than two are left."""
        is_filled, is_other = self._filling.untouched, len(self.layers) != 2 + len(more)
        is_new = contrast and any(one not in self.layers for one in (raw, denoised, *more))
        if self._before is None:
            self._before = UsersView.of(self._viewer)
            self._copies.begin()
        self.layers, self.mode = [raw, denoised, *more], mode
        self._added.show_later(*self.layers)
        showing = self._showing = object()
        for step in (self._bring, self._uncover, self.arrange):
            step()
            yield
            if self._showing is not showing or len(self.layers) < 2:
                return
        if is_filled:
            self._filling.fill(self.layers) if is_other else self._filling.take()
        if is_new:
            self.match()
        self.changed.emit()

    def blink(self) -> None:
        """Show the next of the layers in place of the one that is shown."""
        if self.mode == "blink" and self.layers:
            shown = next((place for place, layer in enumerate(self._in_order) if layer.visible), -1)
            show_only(self._viewer, [self._in_order[(shown + 1) % len(self.layers)], *self._picks])

    def swipe(self, share: float) -> None:
        """Move the line to a share of the canvas's width, 0 at its left and 1 at its right."""
        self._swipe.move(share)

    def match(self, how: Matching | None = None, *, in_view: bool = False) -> None:
        """Set the contrast of all compared layers; by what is in view, or by all of them."""
        self.how = how or self.how
        self._contrast.match(self._viewer, self.layers, self.how, in_view=in_view)

    def users_contrast(self, layer: Any) -> Limits:
        """Return the limits of a layer, as they were before where it has those of a comparison."""
        return self._contrast.users(layer)

    def leave(self) -> None:
        """Give the view back as it was; what was added since is visible, unless it was added hidden."""
        before, self._before, self.layers, self._showing = self._before, None, [], None
        self._swipe.off()
        self._copies.remove()
        self._filling.forget()
        if before is not None:
            before.give_back(self._viewer, self._added.stays)
            self._contrast.give_back()
            self._added.forget()
            self.changed.emit()

    def reveal(self, layer: Any) -> None:
        """Show a layer; where others are compared, when that is over."""
        if not self.active:
            layer.visible = True
        elif layer not in self.layers:
            layer.visible = False
            self._added.show_later(layer)

    def arrange(self) -> None:
        """Show what is compared, and the picks on it, some of which may be new."""
        if len(self.layers) < 2 or self._copies.paused:
            return
        self._copies.paused = True
        try:
            self._swipe.off()
            lay_out = self._fill_cells if self.mode == "grid" else self._in_one_place
            lay_out(self._copies.shown_on(self.layers[0]))
        finally:
            self._copies.paused = False

    def _bring(self) -> None:
        to_the_top(self._viewer, self._in_order[1:])
        self._viewer.canvas.overlays.scale_bar.visible = True

    def _uncover(self) -> None:
        """Show what is to stand in cells before there are any: with them, each layer takes longer."""
        if self.mode == "grid":
            picks = [one for one in self._viewer.layers if is_picks(one) and one.visible]
            show_only(self._viewer, [*self.layers, *picks])

    @property
    def _in_order(self) -> list[Any]:
        raw, *rest = self.layers
        return [raw, *sorted(rest, key=lambda one: facts_of(one).get("role") != "low-pass")]

    def _fill_cells(self, picks: list[Any]) -> None:
        """Give each layer a cell, with its picks: cells are filled from the bottom of the layer list."""
        rows, columns = self._cells()
        self._filling.divide(columns)
        filled = zip(self._in_order, self._copies.over(picks, self._in_order), strict=True)
        lying = [(layer, *each) for layer, each in filled]
        self._picks = [one for _, *each in lying for one in each]
        to_the_top(self._viewer, [one for each in lying for one in each])
        show_only(self._viewer, [*self.layers, *self._picks])  # hidden layers take no cell
        canvas.divide(self._viewer, (rows, columns), 1 + len(picks))

    def _resized(self, event: Any = None) -> None:  # noqa: ARG002  napari passes its event
        if self.active:
            self._after_resize.start(RESIZED)

    def _fill_canvas(self) -> None:
        """Divide the canvas as its size is now, and fill it where the user has not looked closer."""
        if not is_open(self._viewer) or len(self.layers) < 2:
            return
        with self._filling.kept(self.layers):
            if self.mode == "grid" and self._cells() != self._viewer.canvas.grid.shape:
                self.arrange()

    def _cells(self) -> tuple[int, int]:
        return canvas.cells(len(self.layers), self._viewer.canvas.size, canvas.size_on_canvas(self.layers[0]))

    def _in_one_place(self, picks: list[Any]) -> None:
        self._filling.divide(1)
        self._viewer.canvas.grid.enabled = False
        self._copies.remove()
        self._picks = picks
        to_the_top(self._viewer, picks)
        show_only(self._viewer, [*self.layers[: 1 if self.mode == "blink" else 2], *picks])
        if self.mode == "swipe":
            self._swipe.on(self.layers[1])

    def _again(self) -> None:
        """Follow picks that the user has hidden, or shown again."""
        if self.layers and not self._copies.paused:
            self._copies.remove()
            self.arrange()

    def _inserted(self, event: Any) -> None:
        """Hide an image that is opened meanwhile, but not what this program makes of those that are open."""
        layer = event.value
        if self.active and layer.visible:
            self._added.show_later(layer)
            if isinstance(layer, Image) and "raw_id" not in facts_of(layer):
                self._added.hide(layer)

    def _removed(self, event: Any) -> None:
        """Follow a removal when it is over: napari may have a list of others that it removes, too."""
        is_compared = any(event.value is layer for layer in self.layers)
        self.layers = [layer for layer in self.layers if layer is not event.value]
        if self.active and (is_compared or is_picks(event.value)):
            self._after_removal.start(0)

    def _close_gaps(self) -> None:
        if not (is_open(self._viewer) and self.active):
            return
        if len(self.layers) < 2:
            self.leave()
        else:
            with self._filling.kept(self.layers):
                self._again()
            self.changed.emit()

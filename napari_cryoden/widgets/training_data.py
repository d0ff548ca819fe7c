"""What to learn from: halves among the layers, halves in a folder, or a noisy and a target layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QVBoxLayout, QWidget

from cryoden.dataset.half_checks import find_pairs
from cryoden.dataset.listed_files import pixel_sizes
from cryoden.dataset.opening import open_pair
from cryoden.dataset.survey import outside_projects
from cryoden.workflows.thinning import thinned
from napari_cryoden.jobs.training import Pairs
from napari_cryoden.layers.half_pairs import LayerPair, in_memory, pairs_of
from napari_cryoden.layers.layer_data import facts_of, to_micrograph
from napari_cryoden.layers.plane import size_of
from napari_cryoden.notify import viewer_words
from napari_cryoden.tool_tip import set_tip
from napari_cryoden.widgets.dock import weakly
from napari_cryoden.widgets.layer_combo import LayerCombo
from napari_cryoden.widgets.pair_list import Opener, PairList
from napari_cryoden.widgets.path_field import PathField

LAYERS, FOLDER, SUPERVISED, COUNTED = range(4)
_CHOICES = (
    "Even/odd halves (open layers)",
    "Even/odd halves (folder)",
    "Noisy and reference (supervised)",
    "Electron counts (split into halves)",
)
_HELP = (
    "Even/odd halves: Noise2Noise training, each half predicts the other.\nSupervised: the noisy "
    "layer is trained to predict a cleaner reference of the same micrograph.\nElectron-counted: "
    "each electron is assigned to one of two halves at random (binomial thinning)."
)
_NO_PAIR = (
    "No half-set pair is open. Open files named …_EVN and …_ODD, or File > Open Sample. An "
    "electron-counted micrograph can be split: choose that above, or use cryoden thin."
)
_NO_FOLDER = "Choose a folder with files …_EVN and …_ODD, or with subfolders even and odd."
_NO_COUNTS = "Open an electron-counted micrograph without sub-pixel alignment."
_TYPING = "Press Enter to search this folder for half-set pairs."


class TrainingData(QWidget):
    """The choice of material, and in words what is wrong with it."""

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._listed: list[LayerPair] = []
        self._searched: Path | None = None
        self.choice = QComboBox()
        self.choice.addItems(_CHOICES)
        set_tip(self.choice, _HELP)
        self.pairs = PairList()
        self.folder = PathField(
            "folder", "Folder with the halves", placeholder="folder with the halves", recent=True
        )
        self.noisy = LayerCombo(viewer, "A noisy micrograph")
        self.target = LayerCombo(viewer, "The same micrograph with less noise")
        self.counted = LayerCombo(viewer, "An electron-counted micrograph without sub-pixel alignment")
        self.note = QLabel()
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setWordWrap(True)
        self._layer_rows = QWidget()
        # Many files opened or closed at once are looked at once.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(100)
        self._lay_out()
        self._connect()
        self.refresh()

    @property
    def problem(self) -> str:
        """Why one cannot train with this yet; empty when one can."""
        where = self.choice.currentIndex()
        if where in {SUPERVISED, COUNTED}:
            return self._layer_problem()
        if where == FOLDER and self.folder.path is None:
            return _NO_FOLDER
        if where == FOLDER and self.folder.path != self._searched:
            return _TYPING
        if self.pairs.trouble or self.pairs.chosen():
            return self.pairs.trouble
        if self.pairs.checking:
            return "Checking the halves …"
        return "No usable pair is ticked" if self.pairs.count() else _NO_PAIR

    @property
    def data_folder(self) -> Path | None:
        """Where the material lies, ``None`` for layers without a file."""
        where = self.choice.currentIndex()
        if where == FOLDER:
            return self.folder.path
        first = next((pair.even for pair in self._listed), None)
        layer = {SUPERVISED: self.noisy.layer, COUNTED: self.counted.layer}.get(where, first)
        source = facts_of(layer).get("source") if layer is not None else None
        return Path(source).parent if source else None

    @property
    def is_whole_folder(self) -> bool:
        """Whether all that was found in a folder is ticked."""
        ticked, found = len(self.pairs.chosen()), self.pairs.count()
        return self.choice.currentIndex() == FOLDER and 0 < ticked == found

    def learn_from(self, folder: Path) -> None:
        """Choose the halves in this folder."""
        self.choice.setCurrentIndex(FOLDER)
        self.folder.path = folder

    def material(self) -> Callable[[], Pairs]:
        """Return what opens the chosen pairs; pixels of layers are copied here and now.

        Raises
        ------
        MicrographError
            When a layer is no micrograph.
        """
        if self.choice.currentIndex() == SUPERVISED:
            both = [(to_micrograph(self.noisy.layer), to_micrograph(self.target.layer))]
            return lambda: both
        if self.choice.currentIndex() == COUNTED:
            micrograph = to_micrograph(self.counted.layer)
            return lambda: [thinned(micrograph)]
        chosen = self.pairs.chosen()
        if self.choice.currentIndex() == FOLDER:
            return lambda: [opener() for opener in chosen]
        copies = [in_memory(opener()) for opener in chosen]
        return lambda: copies

    def counts(self) -> Any:
        """Return the layer whose electrons are to be split; ``None`` where that is not chosen."""
        return self.counted.layer if self.choice.currentIndex() == COUNTED else None

    def noisy_and_target(self) -> tuple[Any, Any] | None:
        """Return the layers of a supervised training; ``None`` where that is not chosen."""
        return (self.noisy.layer, self.target.layer) if self.choice.currentIndex() == SUPERVISED else None

    @property
    def layers(self) -> list[Any]:
        """The layers that may be learned from; none where a folder is chosen."""
        listed = [half for pair in self._listed for half in (pair.even, pair.odd)]
        return {LAYERS: listed, FOLDER: [], COUNTED: [self.counted.layer]}.get(
            self.choice.currentIndex(), [self.noisy.layer, self.target.layer]
        )

    def refresh(self) -> None:
        """Look again for pairs in what is chosen."""
        where, folder = self.choice.currentIndex(), self.folder.path
        self.folder.setVisible(where == FOLDER)
        self.pairs.setVisible(where in {LAYERS, FOLDER})
        self.counted.setVisible(where == COUNTED)
        self._layer_rows.setVisible(where == SUPERVISED)
        if where == LAYERS:
            self._look_among_layers()
        elif where == FOLDER and folder is not None:
            self._searched = folder
            self.pairs.look(lambda: _openers(folder), lambda: outside_projects([folder]))
        else:
            self.pairs.forget()
        if self.noisy.layer is self.target.layer and self.target.count() > 1:
            self.target.setCurrentIndex(1 - min(1, self.target.currentIndex()))
        self._tell()

    def _look_among_layers(self) -> None:
        self._listed = pairs_of(self._viewer.layers)
        pairs = [(pair.name, pair.opener()) for pair in self._listed]
        if pairs:
            self.pairs.look(lambda: pairs)
        else:
            self.pairs.forget()

    def _typed(self) -> None:
        """Forget the pairs of another folder; a path half typed is not searched: ``/`` is a whole disk."""
        if self.choice.currentIndex() == FOLDER and self.folder.path != self._searched:
            self._searched = None
            self.pairs.forget()
            self._tell()

    def _layers_changed(self, event: Any) -> None:  # noqa: ARG002  napari passes its event
        self._soon.start()

    def _look_again(self) -> None:
        if self.choice.currentIndex() != LAYERS:
            return
        now = pairs_of(self._viewer.layers)
        same = len(now) == len(self._listed) and all(map(LayerPair.same_as, now, self._listed))
        if not same:
            self.refresh()

    def _layer_problem(self) -> str:
        if self.choice.currentIndex() == COUNTED:
            return "" if self.counted.layer is not None else _NO_COUNTS
        noisy, target = self.noisy.layer, self.target.layer
        if noisy is None or target is None or noisy is target:
            return "Choose two different layers: noisy and reference"
        sides = size_of(noisy), size_of(target)
        if None in sides:
            return "Choose two gray images"
        if sides[0] != sides[1]:
            sizes = " and ".join("×".join(map(str, side or ())) for side in sides)
            return f"The two layers differ in size: {sizes}"
        return ""

    def _tell(self) -> None:
        remarks = [viewer_words(str(remark)) for remark in self.pairs.remarks]
        self.note.setText("\n".join(filter(None, [self.problem, *remarks])))
        self.note.setVisible(bool(self.note.text()))
        self.changed.emit()

    def _connect(self) -> None:
        self.choice.currentIndexChanged.connect(weakly(self.refresh))
        self._soon.timeout.connect(self._look_again)
        self.folder.changed.connect(self._typed)
        self.folder.chosen.connect(self.refresh)
        self.pairs.changed.connect(self._tell)
        self.noisy.currentIndexChanged.connect(weakly(self._tell))
        self.target.currentIndexChanged.connect(weakly(self._tell))
        self.counted.currentIndexChanged.connect(weakly(self._tell))
        events = self._viewer.layers.events
        for event in (events.inserted, events.removed, events.renamed):
            event.connect(self._layers_changed)

    def _lay_out(self) -> None:
        rows = QFormLayout(self._layer_rows)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addRow("noisy", self.noisy)
        rows.addRow("target", self.target)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self.choice, self.folder, self._layer_rows, self.counted, self.pairs, self.note):
            column.addWidget(widget)


def _openers(folder: Path) -> list[tuple[str, Opener]]:
    sizes = pixel_sizes([folder])
    return [(pair.name, partial(open_pair, pair, None, sizes)) for pair in find_pairs([folder])]

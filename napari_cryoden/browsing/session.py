"""One look through an acquisition: its list, what is decided, and which exposure is shown."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from cryoden.browsing.decisions import Verdict, journal_of
from cryoden.browsing.export import Exported, export
from cryoden.browsing.exposure_list import Exposure, ExposureList, exposures_in
from cryoden.browsing.exposure_picks import PicksOfExposures, read_picks_of
from cryoden.browsing.kept_pictures import Choices, Key, kept_pictures, key_of
from cryoden.browsing.requests import STAGES, Requests
from cryoden.errors import CryodenError
from cryoden.micrograph import Micrograph
from napari_cryoden.browsing.background import Background, InView, Known, knowledge, painting
from napari_cryoden.browsing.deciding import Deciding
from napari_cryoden.browsing.exposure_table import ExposureTable
from napari_cryoden.browsing.shown_exposure import ShownExposure
from napari_cryoden.browsing.shown_picks import ShownPicks
from napari_cryoden.jobs.denoising import DenoisingJob
from napari_cryoden.layers.layer_data import made_with
from napari_cryoden.notify import show_problem, viewer_words

REDRAWN = 100  # ms


class BrowsingSession(QObject):
    """What a dock shows and changes; it ends with the dock.

    Attributes
    ----------
    table : ExposureTable
        All exposures, with what is known of them.
    deciding : Deciding
        What is decided about them.
    shown : ShownExposure
        The two layers.
    place : int or None
        Which exposure is looked at.
    problem : str
        Why what is looked at cannot be shown; empty where it can.
    busy : str
        What is being done, in words.

    Signals
    -------
    listed
        Other exposures are in the table.
    changed
        Status, decisions or pictures are new.
    """

    listed = Signal()
    changed = Signal()

    def __init__(self, parent: QObject, viewer: Any) -> None:
        super().__init__(parent)
        self.table = ExposureTable()
        self._comparison = DenoisingJob.of(viewer).comparison
        self.shown = ShownExposure(viewer, self._comparison)
        self.picks, self._shown_picks = PicksOfExposures(), ShownPicks(viewer)
        self.place: int | None = None
        self.problem, self.busy = "", ""
        self.kept = kept_pictures()
        self.requests = Requests(self.kept)
        self.choices = Choices()
        self._made: dict[str, Any] = {}
        self.found: ExposureList | None = None
        self.deciding = Deciding(self)
        self.deciding.changed.connect(self.table.redraw)
        self.deciding.changed.connect(self.changed)
        self._in_view = InView()
        self._behind: list[int] = []
        self._seen: list[int] = []
        self._listing, self._reading, self._painting, self._picking = (Background(self) for _ in range(4))
        self._listing.found.connect(self._take_list)
        self._listing.failed.connect(self._not_listed)
        self._reading.found.connect(self._take_known)
        self._painting.found.connect(self._take_picture)
        self._picking.found.connect(self._take_picks)
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(REDRAWN)
        self._redraw.timeout.connect(self.table.redraw)

    def open(self, source: Path, denoised: Path | None = None) -> None:
        """List the exposures of a folder or a list, in a thread."""

        def listing() -> Generator[ExposureList, None, None]:
            yield exposures_in(source, denoised)

        self.busy = f"listing {source.name} …"
        self._listing.run(listing)
        self.changed.emit()

    def open_picks(self, source: Path | None) -> None:
        """Read the picks of a file or a folder, in a thread, and show those of what is looked at."""

        def reading() -> Generator[PicksOfExposures, None, None]:
            yield PicksOfExposures() if source is None else read_picks_of(source)

        self._picking.run(reading)

    def choose(self, choices: Choices) -> None:
        """Read and denoise otherwise, or not at all; what was made otherwise is shown no more."""
        if choices == self.choices:
            return
        before, self.choices = self.choices, choices
        self._made = made_with(choices.model, choices.settings) if choices.model is not None else {}
        self.table.thumbnails.clear()
        if before.reading != choices.reading and self.found is not None:
            self._take_list(self.found)  # headers and halves may say something else
            return
        if self.place is not None:
            self.shown.forget()
            self.look_at(self.place, self._behind)
        self.see(self._seen)

    def look_at(self, place: int, behind: Sequence[int] = ()) -> None:
        """Show an exposure in place of the last one; those behind it are made ready."""
        self.place, self.problem, self._behind = place, "", list(behind)
        exposures = [self.table.exposures[one] for one in (place, *behind)]
        self.requests.look(exposures, self.choices)
        keys = [key_of(exposures[0].name, stage, self.choices) for stage in STAGES]
        for key in keys if keys[-1] not in self.kept else keys[::2]:  # no preview of what is there
            self._show(key)
        if not self._painting.running:
            self._painting.run(lambda: painting(self.requests, self.kept), computes=True, ahead=1)
        self._say()

    def see(self, places: Sequence[int]) -> None:
        """Make what is in view known: headers, halves, thumbnails."""
        self._seen = list(places)
        table = self.table
        self._in_view.set([one for one in places if table.lacks_facts(one) or table.lacks_check(one)])
        lacking = [table.exposures[one] for one in places]
        lacking = [one for one in lacking if one.name not in table.thumbnails]
        self.requests.want_thumbnails(lacking, self.choices)

    def decide(self, verdict: Verdict | None = None, note: str | None = None) -> bool:
        """Decide about what is looked at; whether that could be done."""
        exposure = self.exposure
        return exposure is not None and self.deciding.decide(exposure.name, verdict, note)

    def undo(self) -> int | None:
        """Take the last decision back, and return which exposure it was about."""
        name = self.deciding.undo()
        names = [exposure.name for exposure in self.table.exposures]
        return names.index(name) if name in names else None

    def export(self, folder: Path, undecided: Verdict) -> Exported | None:
        """Write lists of the accepted and the rejected exposures; see `cryoden.browsing.export`."""
        if self.found is None or self.deciding.decisions is None:
            return None
        try:
            return export(self.found, self.deciding.decisions, folder, undecided=undecided)
        except CryodenError as error:
            show_problem(error)
            return None

    @property
    def exposure(self) -> Exposure | None:
        """The exposure that is looked at."""
        return None if self.place is None else self.table.exposures[self.place]

    def words(self) -> str:
        """Return how things stand, in two lines."""
        if self.found is None:
            return self.busy
        total, rows = len(self.found.exposures), len(self.table.order)
        shown = f"{rows:,} of {total:,}" if rows < total else f"{total:,}"
        return f"{shown} exposure{'s' * (total != 1)} · {self.deciding.words()}\n{self.problem or self.busy}"

    def _take_list(self, found: ExposureList) -> None:
        self.busy = ""
        self.found, self.place = found, None
        self.shown.forget()
        self.kept.clear()
        self.requests.look((), self.choices)
        self.table.show_exposures(found.exposures, self.deciding.of)
        self.deciding.keep_in(journal_of(found.source))
        self._reading.run(lambda: knowledge(found.exposures, self._in_view, self.choices.reading))
        self.listed.emit()
        self.changed.emit()

    def _not_listed(self, problem: str) -> None:
        self.busy = viewer_words(problem)
        self.changed.emit()

    def _take_known(self, known: Known) -> None:
        if known.facts is not None:
            self.table.set_facts(known.place, known.facts)
        if known.halves is not None:
            self.table.set_halves(known.place, known.halves)
        if known.place in self._seen:
            self._redraw_soon()

    def _take_picture(self, event: Any) -> None:
        if hasattr(event, "pixels"):
            if event.key.choices == self.choices:
                self.table.set_thumbnail(event.key.name, event.pixels)
                self._redraw_soon()
        elif not hasattr(event, "problem"):
            self._show(event.key)
        elif self.exposure is not None and event.key.name == self.exposure.name:
            self.problem = event.problem
            self.changed.emit()

    def _show(self, key: Key) -> None:
        """Show a picture that is kept, if it is of what is looked at now, and as is chosen now."""
        exposure, shown = self.exposure, self.kept.get(key)
        if exposure is None or shown is None or key != key_of(exposure.name, key.stage, self.choices):
            return
        if key.stage == "raw":
            is_ready = key._replace(stage="denoised", choices=self.choices) in self.kept
            self.shown.show(exposure.name, shown, wait=not is_ready)
            self._show_picks(exposure, shown.micrograph)
        elif self.shown.name == exposure.name:
            made = self._made if exposure.denoised is None else {"file": str(exposure.denoised)}
            self.shown.show_denoised(shown, made | {"role": "denoised"})
        self._say()

    def _take_picks(self, picks: PicksOfExposures) -> None:
        self.picks = picks
        exposure = self.exposure
        if exposure is not None and (raw := self.kept.get(key_of(exposure.name, "raw", self.choices))):
            self._show_picks(exposure, raw.micrograph)

    def _show_picks(self, exposure: Exposure, raw: Micrograph) -> None:
        if self.shown.name == exposure.name and self._shown_picks.show(
            self.shown.raw, self.picks.of(exposure, raw)
        ):
            self._comparison.arrange()

    def _say(self) -> None:
        exposure = self.exposure
        if exposure is not None:
            is_late = self.shown.name != exposure.name
            denoises = exposure.denoised is not None or self.choices.model is not None
            step = {"waiting": "denoising …" if denoises else "", "preview": "preview; denoising …"}
            self.busy = f"reading {exposure.label} …" if is_late else step.get(self.shown.stage, "")
        self.changed.emit()

    def _redraw_soon(self) -> None:
        if not self._redraw.isActive():
            self._redraw.start()

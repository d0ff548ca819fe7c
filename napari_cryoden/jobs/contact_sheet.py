"""One picture of the results of a batch, drawn in a thread."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any, cast

from cryoden.events.shown_results import ShownResults
from cryoden.settings.reading import ReadingSettings
from napari_cryoden.threads.job import Job


class ContactSheetJob(Job):
    """Draws raw beside denoised of some results of a batch.

    Attributes
    ----------
    file : Path or None
        Where the last picture was written, ``None`` while there is none.
    """

    title = "Drawing a contact sheet"

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.file: Path | None = None
        self._target = Path()

    def draw(self, shown: ShownResults, file: Path, reading: ReadingSettings | None = None) -> None:
        """Begin; an earlier sheet is replaced.

        Raises
        ------
        TrainingError
            G05 while another one is being drawn.
        """
        self.begin(partial(_drawing, shown, file, reading), "reading results")
        self.progress, self.file, self._target = None, None, file

    def fold(self, event: float) -> None:
        """Keep how much is drawn."""
        self.progress, self.status = event, f"{event:.0%} drawn"

    def conclusion(self, stopped: bool) -> str:
        """Return where the picture is."""
        if stopped:
            return "Canceled. No contact sheet was written."
        self.file = self._target
        return f"Contact sheet: {self.file}"


def _drawing(
    shown: ShownResults, file: Path, reading: ReadingSettings | None
) -> Generator[float, None, None]:
    from cryoden.workflows.pictures import contact_sheet  # noqa: PLC0415  it loads torch, which docking must not

    yield from cast("Generator[float, None, None]", contact_sheet(shown, file, reading))

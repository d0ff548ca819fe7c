"""Picks one layer at a time, in a thread."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryoden.picking.precision import REACH, Detection, detection, matches, within
from cryoden.settings.picking import PickingSettings
from napari_cryoden.jobs.denoising import DenoisingJob
from napari_cryoden.layers import layer_data
from napari_cryoden.layers.picks_layer import DIAMETER, add_picks, micrograph_name, picks_of
from napari_cryoden.layers.plane import pixel_size, plane_of
from napari_cryoden.threads.job import OUTDATED, Job

if TYPE_CHECKING:
    from cryoden.picking.find_particles import Found


class PickingJob(Job):
    """Finds particles on a layer, raw or denoised, and adds them as a layer of picks.

    Attributes
    ----------
    found : Found or None
        What the last work found.
    added : Points or None
        The layer of it.
    diameter : float
        Å, as it was last chosen: of picks that are read from files, too.
    """

    title = "Picking"

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.found: Found | None = None
        self.added: Any = None
        self.diameter = DIAMETER
        self._image: Any = None
        self._dropped = False
        self._against: Any = None

    def pick(
        self, image: Any, settings: PickingSettings, template: Path | None = None, against: Any = None
    ) -> None:
        """Pick an image layer, and compare with a layer of known particles where one is given.

        Raises
        ------
        CryodenError
            G05 while another picking is running, F32 for a layer that is no micrograph.
        """
        micrograph = layer_data.to_micrograph(image)

        def working() -> Generator[Found, None, None]:
            from cryoden.picking.find_particles import find_particles  # noqa: PLC0415  loads torch
            from cryoden.picking.templates import read_templates  # noqa: PLC0415  as above

            templates = None if template is None else read_templates(template)
            yield find_particles(micrograph, settings, templates)

        self.begin(working, f"picking {image.name}", [image])
        self._image, self._against, self.added, self.found = image, against, None, None
        self._dropped = False
        self.diameter = settings.diameter

    def fold(self, event: Found) -> None:
        """Take what was found, if it is of what the layer shows."""
        self._dropped = self.outdated
        if self._dropped:
            return
        self.found = event
        if not self.closing and self._image in self.viewer.layers:
            picks = replace(event.picks, micrograph=micrograph_name(self._image, self.viewer.layers))
            self.added = add_picks(self.viewer, self._image, picks, self.diameter)
            DenoisingJob.of(self.viewer).comparison.arrange()

    def conclusion(self, stopped: bool) -> str:
        """Return how many particles were found, and how they compare."""
        found = self.found
        if self._dropped:
            return OUTDATED
        if stopped or found is None:
            return "Stopped."
        bright = ", brighter than the ice" if found.bright else ""
        words = (
            f"{len(found.picks):,} picks{bright}, figure of merit {found.threshold:.2f} and more. "
            f"At most {found.by_chance:,} by chance: as many has the same picture with random phases."
        )
        return f"{words}\n{self._compared(found)}".rstrip()

    def _compared(self, found: Found) -> str:
        if self._against is None or self._against not in self.viewer.layers:
            return ""
        known = picks_of(self._against, self._image, shown=True).centers
        size = pixel_size(self._image) or 1.0
        shape, margin = plane_of(self._image).size, self.diameter / size / 2
        known = known[within(known, shape, margin)]
        hits = matches(found.every.centers, known, 2 * margin * REACH)
        return in_words(detection(hits, len(known)), int(hits[: len(found.picks)].sum()))


def in_words(quality: Detection, true: int) -> str:
    """Return how well known particles were found."""
    if not quality.known:
        return "No known particle is far enough from the border."
    return (
        f"Of {quality.known:,} known particles {true:,} are among them; average precision "
        f"{quality.average_precision:.3f}, recall {quality.recall:.3f}."
    )

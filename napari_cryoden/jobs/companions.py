"""What raw and denoised are shown with, so that the comparison is fair: filtered copies, for display only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

from cryoden.image.filters import high_passed, low_passed
from cryoden.micrograph import Micrograph, Pixels
from napari_cryoden.layers.layer_data import Role, derived_layer, facts_of
from napari_cryoden.layers.picture import Picture, picture_of
from napari_cryoden.layers.plane import Plane, plane_of, seen_of, shows

PIXEL = 1.0  # Å/px, where it is not known
USUAL, PIXELS = 20.0, 4.0  # Å, px: the finest a low-pass is by default


@dataclass(frozen=True)
class Band:
    """Which structures are shown.

    Parameters
    ----------
    low_pass : float or None
        The low-pass of the raw micrograph keeps what is coarser than so many Å; 0 for none, ``None`` for
        20 Å, or four pixels where they are coarse.
    high_pass : float
        All keep only what is finer than so many Å; 0 for everything.
    """

    low_pass: float | None = None
    high_pass: float = 0.0

    def of(self, pixel_size: float | None) -> Band:
        """Return the same band without anything left to choose."""
        usual = max(USUAL, round(PIXELS * (pixel_size or PIXEL), 1))
        return replace(self, low_pass=usual if self.low_pass is None else self.low_pass)

    @property
    def words(self) -> str:
        """What a layer is called that was filtered so."""
        if self.low_pass and self.high_pass:
            return f"band-pass {self.high_pass:g} to {self.low_pass:g} Å"
        return f"low-pass {self.low_pass:g} Å" if self.low_pass else f"high-pass {self.high_pass:g} Å"

    def doubt(self, pixel_size: float | None) -> str:
        """Return what is odd about it for pixels of this size; empty where nothing is."""
        nyquist, low = 2 * (pixel_size or PIXEL), self.of(pixel_size).low_pass
        if low and low < nyquist:
            return f"Low-pass finer than Nyquist ({nyquist:.3g} Å): it removes next to nothing"
        if low and 0 < self.high_pass <= low:
            return "The high-pass removes what the low-pass keeps: choose a coarser one"
        return "" if pixel_size else "Pixel size not known: 1 Å/px is assumed"

    def apply(self, pixels: Pixels, pixel_size: float | None) -> Pixels:
        """Return the filtered ``(h, w)`` image."""
        size = pixel_size or PIXEL
        kept = low_passed(pixels, size, self.low_pass) if self.low_pass else pixels
        return high_passed(kept, size, self.high_pass) if self.high_pass else kept


@dataclass(frozen=True, eq=False)
class Companion:
    """A filtered copy, ready to be shown.

    Parameters
    ----------
    of : int
        0 of the raw, 1 of the denoised micrograph.
    micrograph : Micrograph
        Under the name of its band.
    picture : Picture
        Of it.
    band : Band
        What is left in it.
    """

    of: int
    micrograph: Micrograph
    picture: Picture
    band: Band


def wanted(band: Band) -> list[tuple[int, Band]]:
    """Return of which of the two, raw and denoised, filtered copies are shown, and how filtered."""
    alike = [(one, replace(band, low_pass=0.0)) for one in (0, 1) if band.high_pass]
    return [*alike, *([(0, band)] if band.low_pass else [])]


def made(both: Sequence[Micrograph], band: Band) -> Iterator[Companion]:
    """Yield the filtered copies of raw and denoised; in the thread that computes."""
    return (_made(both[which], which, each) for which, each in wanted(band))


def _made(micrograph: Micrograph, which: int, band: Band) -> Companion:
    pixels = band.apply(micrograph.data, micrograph.pixel_size)
    filtered = replace(micrograph, data=pixels, name=band.words)
    return Companion(which, filtered, picture_of(pixels), band)


class Companions:
    """The filtered copies of a raw and a denoised layer in a window.

    Parameters
    ----------
    viewer : Viewer
        The window's.
    raw, denoised : Image
        The layers.
    plane : Plane
        What was in view of the raw one.
    band : Band
        What shall be left in the copies, with nothing left to choose.
    """

    def __init__(self, viewer: Any, raw: Any, denoised: Any, plane: Plane, band: Band) -> None:
        self._viewer, self._both = viewer, (raw, denoised)
        self._plane, self._band = plane, band

    def add(self, one: Companion) -> Any:
        """Add a copy as a hidden layer and return it; ``None`` where it is open."""
        if self._open(one.of, one.band) is not None:
            return None
        layer = self._both[one.of]
        role: Role = "low-pass" if one.band.low_pass else "high-pass"
        plane = self._plane if one.of == 0 else plane_of(layer)
        data, attributes, _ = derived_layer(layer, one.micrograph, role, plane, one.picture)
        attributes["metadata"]["cryoden"] |= {
            "raw_id": self._both[0].unique_id,
            "filtered": layer.unique_id,
            "seen": seen_of([layer]),
            "band": astuple(one.band),
            "section": self._plane.section,
        }
        return self._viewer.add_image(data, visible=False, **attributes)

    def shown(self) -> list[Any]:
        """Return what raw and denoised are shown as, then with; they themselves where a copy is missing."""
        found = [self._open(which, each) for which, each in wanted(self._band)]
        if None in found:
            return list(self._both)
        return found if self._band.high_pass else [*self._both, *found]

    @property
    def complete(self) -> bool:
        """Whether all copies are open."""
        return all(self._open(which, each) is not None for which, each in wanted(self._band))

    def remove_others(self) -> None:
        """Remove copies that were filtered otherwise."""
        kept = [astuple(each) for _, each in wanted(self._band)]
        for layer in filtered_from(self._viewer, self._both):
            if facts_of(layer)["band"] not in kept:
                self._viewer.layers.remove(layer)

    def _open(self, which: int, band: Band) -> Any:
        key, layer = (astuple(band), self._plane.section), self._both[which]
        found = (one for one in filtered_from(self._viewer, [layer]) if _key(one) == key)
        return next((one for one in found if shows(facts_of(one)["seen"], [layer])), None)


def _key(layer: Any) -> tuple[Any, ...]:
    facts = facts_of(layer)
    return facts["band"], facts["section"]


def filtered_from(viewer: Any, layers: Sequence[Any]) -> list[Any]:
    """Return the filtered copies of these layers."""
    ours = {layer.unique_id for layer in layers}
    return [one for one in viewer.layers if facts_of(one).get("filtered") in ours]


def originals(shown: Sequence[Any]) -> list[str]:
    """Return which layers are shown, themselves or as filtered copies; their ids."""
    return [facts_of(one).get("filtered", one.unique_id) for one in shown]


def outdated(viewer: Any, layers: Sequence[Any]) -> list[Any]:
    """Return the filtered copies of what these layers do not show any more."""
    found = [(copy, layer) for layer in layers for copy in filtered_from(viewer, [layer])]
    return [copy for copy, layer in found if not shows(facts_of(copy)["seen"], [layer])]


def remove_outdated(viewer: Any, layers: Sequence[Any]) -> None:
    """Remove the filtered copies of what these layers do not show any more."""
    for copy in outdated(viewer, layers):
        viewer.layers.remove(copy)

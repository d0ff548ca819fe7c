"""What is computed from layers to be looked at next to them: filtered copies, residual, spectra."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cryoden.errors import MicrographError
from cryoden.image.spectra import RadialProfile, fourier_ring_correlation, radial_power
from cryoden.micrograph import Micrograph
from napari_cryoden.jobs.companions import PIXEL, Band, Companion, Companions, made
from napari_cryoden.layers import layer_data
from napari_cryoden.layers.half_pairs import pairs_of
from napari_cryoden.layers.picture import Picture, picture_of
from napari_cryoden.layers.plane import Plane, Seen, plane_of, seen_of, shows, square_pixel_size
from napari_cryoden.threads.job import OUTDATED, Job


@dataclass(frozen=True, eq=False)
class Spectra:
    """Curves of compared layers, by name.

    Parameters
    ----------
    power : mapping
        Of each layer.
    correlation : mapping
        Fourier ring correlations: of each layer with the other raw half where that is open, else
        of the two layers with each other.
    against : str
        Name of the other half; empty where none is open.
    """

    power: dict[str, RadialProfile]
    correlation: dict[str, RadialProfile]
    against: str


@dataclass(frozen=True, eq=False)
class _Residual:
    micrograph: Micrograph
    picture: Picture


Event = _Residual | Companion | Spectra


class DerivedLayersJob(Job):
    """Computes one thing at a time from the layers of a window.

    Attributes
    ----------
    added : Image or None
        The layer the last work added, where it was one.
    band : Band
        How copies of raw and denoised are filtered that stand beside them.
    spectra : Spectra or None
        The last ones.
    """

    title = "Computing"

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.added: Any = None
        self.spectra: Spectra | None = None
        self._both: tuple[Any, ...] = ()
        self._seen: Seen = ()
        self._dropped = False
        self.band = Band()
        self._plane: Plane | None = None
        self._copies: Companions | None = None

    @property
    def outdated(self) -> bool:
        """Whether a layer shows another micrograph by now; none is locked for what is only looked at."""
        return not shows(self._seen, self._both)

    @property
    def added_to(self) -> list[Any]:
        """Return of which two layers what was added is made; none where they show another micrograph."""
        return [] if self.outdated else [layer.unique_id for layer in self._both]

    def has_added_to(self, both: Sequence[Any]) -> bool:
        """Whether a layer was added that is open, and is made of these two, given by their ids."""
        return len(both) == 2 and self.added in self.viewer.layers and self.added_to == list(both)

    def copies(self, raw: Any, denoised: Any) -> Companions:
        """Return the filtered copies that stand beside two layers; raises what `plane_of` does."""
        band = self.band.of(square_pixel_size(raw))
        return Companions(self.viewer, raw, denoised, plane_of(raw), band)

    def filter(self, raw: Any, denoised: Any) -> None:
        """Add the filtered copies of two layers.

        Raises
        ------
        CryodenError
            G05 while another computation is running, F32 for a layer that is no micrograph.
        """
        both = [layer_data.to_micrograph(layer) for layer in (raw, denoised)]
        band, copies = self.band.of(both[0].pixel_size), self.copies(raw, denoised)
        self._begin((raw, denoised), "filtered copies", lambda: made(both, band))
        self._copies = copies

    def residual(self, raw: Any, denoised: Any) -> None:
        """Add raw minus denoised: what was taken for noise.

        Raises
        ------
        CryodenError
            As `filter`; D05 for layers of different sizes.
        """
        one, other = (layer_data.to_micrograph(layer) for layer in (raw, denoised))
        _same_size(one, other)
        self._begin((raw, denoised), "residual", lambda: iter([_residual(one, other)]))

    def measure(self, compared: Sequence[Any]) -> None:
        """Find power spectra and Fourier ring correlations of layers of one size.

        Raises
        ------
        CryodenError
            As `residual`.
        """
        images = [layer_data.to_micrograph(layer) for layer in compared]
        other = other_half(self.viewer.layers, compared[0])
        against = None if other is None else layer_data.to_micrograph(other)
        for image in (*images[1:], *([against] if against else [])):
            _same_size(images[0], image)
        self._begin(compared, "spectra", lambda: iter([_spectra(images, against)]))

    def fold(self, event: Event) -> None:
        """Take the result."""
        if isinstance(event, Spectra):
            self.spectra = event
        elif self.closing or self.outdated:
            self._dropped = True
        elif isinstance(event, Companion):
            assert self._copies is not None  # noqa: S101  set when they were asked for
            self._copies.add(event)
        else:
            data, attributes, _ = layer_data.derived_layer(
                self._both[0], event.micrograph, "residual", self._plane, event.picture
            )
            self.added = self.viewer.add_image(data, **attributes)

    def conclusion(self, stopped: bool) -> str:
        """Return what was added."""
        if stopped:
            return "Stopped."
        if self._dropped:
            return OUTDATED
        return f"Done: layer '{self.added.name}'" if self.added is not None else "Done."

    def _begin(self, layers: Sequence[Any], what: str, work: Callable[[], Iterator[Event]]) -> None:
        def working() -> Generator[Event, None, None]:
            yield from work()

        self.begin(working, f"computing: {what}")
        self._both, self._seen, self._dropped = tuple(layers), seen_of(layers), False
        self._plane, self.added = plane_of(layers[0]), None


def other_half(opened: Any, layer: Any) -> Any:
    """Return the layer with the other half of the same exposure, if it is open."""
    halves = [(pair.even, pair.odd) for pair in pairs_of(opened)]
    both = [*halves, *((odd, even) for even, odd in halves)]
    return next((other for one, other in both if one is layer), None)


def _residual(one: Micrograph, other: Micrograph) -> _Residual:
    left = replace(one, name="residual", data=one.data - other.data)
    return _Residual(left, picture_of(left.data))


def _same_size(one: Micrograph, other: Micrograph) -> None:
    if one.shape != other.shape:
        sizes = " and ".join("×".join(map(str, each.shape)) for each in (one, other))
        problem = f"'{one.name}' and '{other.name}' differ in size: {sizes}"
        raise MicrographError("D05", None, problem, fix="Choose layers of the same micrograph")


def _spectra(images: Sequence[Micrograph], against: Micrograph | None) -> Spectra:
    size = images[0].pixel_size or PIXEL
    pixels = {image.name: np.ascontiguousarray(image.data) for image in images}
    power = {name: radial_power(data, size) for name, data in pixels.items()}
    if against is not None:
        found = {name: fourier_ring_correlation(data, against.data, size) for name, data in pixels.items()}
        return Spectra(power, found, against.name)
    (first, one), *rest = pixels.items()
    found = {f"{first} with {name}": fourier_ring_correlation(one, data, size) for name, data in rest}
    return Spectra(power, found, "")

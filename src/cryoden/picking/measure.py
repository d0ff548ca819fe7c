"""How well a picker finds known particles on raw, filtered and denoised micrographs.

The same picker, with the same diameter, looks at the same micrographs as each method shows them. It has
learned from none of them, so that what it finds is what stands out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cryoden.denoising.denoise import Denoiser, finished
from cryoden.errors import Remark, SettingsError
from cryoden.image.filters import WienerFilter, low_passed, wiener
from cryoden.micrograph import Array, Micrograph
from cryoden.model.checkpoint import load, names_of
from cryoden.picking.find_particles import Found, find_particles, is_contrast_bright, prepared
from cryoden.picking.known_particles import Annotated, annotated
from cryoden.picking.picks import outside
from cryoden.picking.precision import REACH, Detection, by_chance, detection, matches, within
from cryoden.picking.templates import Templates, read_templates
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.picking import PickingSettings
from cryoden.settings.reading import ReadingSettings

LOW_PASSES = (10.0, 20.0, 30.0, 40.0, 60.0, 80.0)  # Å
RAW, WIENER, CHANCE = "raw", "Wiener", "random places"
Shown = Callable[[Micrograph], Micrograph]


@dataclass(frozen=True)
class PickingQuestion:
    """What shall be measured.

    Parameters
    ----------
    paths, picks : sequence of Path
        Micrographs or half-set pairs, and coordinates of their particles.
    settings : PickingSettings
        How the picker looks for them.
    models : sequence of Path
        Model files to denoise with.
    others : mapping of str to sequence of Path
        What other programs made of the micrographs.
    denoising : DenoisingSettings
        How the models are used.
    template : Path or None
        Class averages to pick by.
    reading : ReadingSettings or None
        How to read the files.
    flip_y : bool
        Whether the coordinates count rows from the other edge.
    """

    paths: Sequence[Path]
    picks: Sequence[Path]
    settings: PickingSettings
    models: Sequence[Path] = ()
    others: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    denoising: DenoisingSettings = field(default_factory=DenoisingSettings)
    template: Path | None = None
    reading: ReadingSettings | None = None
    flip_y: bool = False


@dataclass(frozen=True)
class MethodPicked:
    """What the picker found on one micrograph as one method shows it.

    Parameters
    ----------
    micrograph, method : str
        Their names.
    detection : Detection
        Of all places, by their figures of merit.
    taken, true : int
        Picks above the threshold that the program chooses, and those of them at known particles.
    by_chance : int
        Picks above it where the phases of the picture are random.
    """

    micrograph: str
    method: str
    detection: Detection
    taken: int
    true: int
    by_chance: int


@dataclass(frozen=True)
class PickingFinished:
    """All that was found, what is to be said about it, and whether a picker has found the known particles."""

    results: tuple[MethodPicked, ...]
    remarks: tuple[Remark, ...]
    of_picker: bool


PickingEvent = MethodPicked | PickingFinished


def measure_picking(asked: PickingQuestion) -> Iterator[PickingEvent]:
    """Pick each micrograph as each method shows it, and compare with the known particles.

    Particles nearer to the border than their radius are left out on both sides. A pick is at a particle
    within a quarter of the diameter of its center.

    Raises
    ------
    CryodenError
        For files that cannot be used, see `cryoden.picking.known_particles.annotated`; ``K04`` without a
        diameter.
    SettingsError
        ``S05`` when two methods have one name.
    """
    files, remarks = annotated(asked.paths, asked.picks, asked.others, asked.reading, flip_y=asked.flip_y)
    names = names_of(asked.models)
    _refuse_twice([RAW, WIENER, CHANCE, *names.values(), *asked.others])
    denoisers = {names[path]: Denoiser(load(path), asked.denoising) for path in asked.models}
    templates = None if asked.template is None else read_templates(asked.template)
    results = []
    for file in files:
        one = file.read()
        remarks += outside(one.known, one.micrograph.shape)
        for result in measured_on(one, asked.settings, denoisers, templates):
            results.append(result)
            yield result
    of_picker = any(np.isfinite(file.known.merits).any() for file in files)
    yield PickingFinished(tuple(results), remarks, of_picker)


def measured_on(
    one: Annotated,
    settings: PickingSettings,
    denoisers: Mapping[str, Denoiser],
    templates: Templates | None = None,
) -> Iterator[MethodPicked]:
    """Yield what the picker finds on one micrograph as each method shows it; see `measure_picking`."""
    settings = _with_contrast(one, settings)
    margin = settings.diameter / (one.micrograph.pixel_size or 1.0) / 2
    known = one.known.centers[within(one.known.centers, one.micrograph.shape, margin)]
    reach = 2 * margin * REACH
    picks = 0
    for name, shown in _methods(one, denoisers).items():
        found = find_particles(shown(one.micrograph), settings, templates)
        picks = picks or len(found.every)
        yield _compared(one.name, name, found, known, reach)
    chance = by_chance(known, one.micrograph.shape, margin, reach, picks)
    yield MethodPicked(one.name, CHANCE, chance, 0, 0, 0)


def _compared(micrograph: str, method: str, found: Found, known: Array, reach: float) -> MethodPicked:
    hits = matches(found.every.centers, known, reach)
    taken = len(found.picks)
    quality = detection(hits, len(known))
    return MethodPicked(micrograph, method, quality, taken, int(hits[:taken].sum()), found.by_chance)


def _with_contrast(one: Annotated, settings: PickingSettings) -> PickingSettings:
    """Return settings that say the contrast, which the raw micrograph shows: a filter does not change it."""
    bright = is_contrast_bright(prepared(one.micrograph, settings), settings)
    return replace(settings, contrast="bright" if bright else "dark")


def _methods(one: Annotated, denoisers: Mapping[str, Denoiser]) -> dict[str, Shown]:
    size = one.micrograph.pixel_size or 1.0
    found: dict[str, Shown] = {RAW: lambda raw: raw}
    for cut in LOW_PASSES:
        if cut > 2 * size:
            found[low_pass_name(cut)] = _low_pass(cut, size)
    if one.halves is not None:
        linear = of_sum(wiener([one.halves], size))
        found[WIENER] = lambda raw: replace(raw, data=linear.apply(raw.data))
    found |= {name: _denoised(denoiser) for name, denoiser in denoisers.items()}
    return found | {name: _instead(other) for name, other in one.others.items()}


def low_pass_name(cut: float) -> str:
    """Return the name of a low-pass filter."""
    return f"low-pass {cut:g} Å"


def of_sum(half: WienerFilter) -> WienerFilter:
    """Return the Wiener filter of the mean of two halves from that of one: their noise is half as strong."""
    return replace(half, gain=2 * half.gain / (1 + half.gain))


def _low_pass(cut: float, size: float) -> Shown:
    return lambda raw: replace(raw, data=low_passed(raw.data, size, cut))


def _denoised(denoiser: Denoiser) -> Shown:
    return lambda raw: finished(denoiser.denoise(raw)).micrograph


def _instead(other: Micrograph) -> Shown:
    return lambda _: other


def _refuse_twice(names: Sequence[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        fix = "Rename a model file or --other"
        raise SettingsError("S05", None, f"two methods are named '{twice}'", fix=fix)

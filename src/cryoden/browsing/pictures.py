"""Makes the pictures that are asked for, one after another, and keeps the latest of them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from cryoden.browsing.file_facts import read_denoised, read_raw
from cryoden.browsing.kept_pictures import Choices, Kept, Key, Shown, key_of
from cryoden.browsing.preview import coarse, preview_edge, sized
from cryoden.browsing.requests import Requests, Task
from cryoden.browsing.thumbnail_store import State, ThumbnailStore, states_of
from cryoden.errors import in_words
from cryoden.events.batch import DenoisingEvent, MicrographDenoised
from cryoden.image.block_mean import averaged_down, pyramid
from cryoden.micrograph import Micrograph
from cryoden.reporting.thumbnails import matched
from cryoden.settings.denoising import DenoisingSettings

if TYPE_CHECKING:
    from cryoden.denoising.denoise import Denoiser

THUMBNAIL = 96  # px of its longer side
TILE = 768  # working px; 4096² at 1 Å/px then has four tiles, and takes 29 % longer than in one
PATIENCE = 0.1  # s, after which whoever iterates may stop


@dataclass(frozen=True, eq=False)
class PictureMade:
    """A picture is kept from now on."""

    key: Key
    shown: Shown


@dataclass(frozen=True, eq=False)
class ThumbnailMade:
    """A small picture of an exposure, ``(h, w)`` uint8."""

    key: Key
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class PictureFailed:
    """A picture that cannot be made, and why, in one line."""

    key: Key
    problem: str


PictureEvent: TypeAlias = PictureMade | ThumbnailMade | PictureFailed


class _NotWantedError(Exception):
    """Something else has become more urgent."""


def pictures(
    requests: Requests,
    kept: Kept,
    before_computing: Callable[[], None] = lambda: None,
    store: ThumbnailStore | None = None,
) -> Iterator[PictureEvent | None]:
    """Make pictures as they are asked for, without end.

    What is not wanted any more is given up between two tiles.

    Parameters
    ----------
    requests : Requests
        What is wanted.
    kept : Kept
        Where pictures are kept; what is there is not made.
    before_computing : callable
        Called before a model is loaded.
    store : ThumbnailStore, optional
        Where thumbnails are kept from one day to the next.

    Yields
    ------
    PictureEvent or None
        ``None`` while there is nothing to do, and for what was given up or need not be made.
    """
    maker = _Maker(requests, kept, before_computing, store)
    while True:
        task = requests.next(PATIENCE)
        made = None if task is None else maker.event(task)
        yield made
        if task is not None and isinstance(made, PictureMade) and made.key.stage == "denoised":
            yield maker.small(replace(task, stage="thumbnail"), made.shown)  # at no cost


class _Maker:
    def __init__(
        self, requests: Requests, kept: Kept, before: Callable[[], None], store: ThumbnailStore | None
    ) -> None:
        self._requests, self._kept, self._before, self._store = requests, kept, before, store
        self._denoiser: tuple[Choices, Denoiser] | None = None
        self._states: dict[str, list[State | None]] = {}  # of files, when they were read

    def event(self, task: Task) -> PictureEvent | None:
        """Return what has become of a task; ``None`` where it is not wanted any more, or there is none."""
        try:
            if task.stage == "thumbnail":
                return self._thumbnail(task)
            shown = self._made(task)
        except _NotWantedError:
            self._requests.give_back(task)
            return None
        except Exception as error:  # noqa: BLE001  one bad file ends nothing
            self._requests.fail(task)
            return PictureFailed(task.key, in_words(error, task.exposure.file))
        if shown is None:
            return None
        shown = replace(shown, levels=pyramid(shown.micrograph.data))
        self._kept.put(task.key, shown)
        return PictureMade(task.key, shown)

    def small(self, task: Task, shown: Shown) -> ThumbnailMade:
        """Return the thumbnail of what is shown, which is kept."""
        pixels = matched(averaged_down(shown.micrograph.data, THUMBNAIL))
        is_same = self._states.get(task.exposure.name) == states_of(task.exposure)
        if self._store is not None and is_same:  # else its files have changed since they were read
            self._store.put(task, pixels)
        return ThumbnailMade(task.key, pixels)

    def _made(self, task: Task) -> Shown | None:
        if task.stage == "raw":
            return self._whole(self._raw(task))
        if task.exposure.denoised is not None:
            return self._whole(None if task.stage == "preview" else self._result(task))
        raw = self._raw(task) if task.choices.model is not None else None
        if raw is None:
            return None
        return self._preview(task, raw) if task.stage == "preview" else self._whole(self._denoised(task, raw))

    def _whole(self, micrograph: Micrograph | None) -> Shown | None:
        return None if micrograph is None else Shown(micrograph)

    def _raw(self, task: Task) -> Micrograph | None:
        """Return the raw micrograph, which is read once for all that is made of it."""
        key = key_of(task.exposure.name, "raw", task.choices)
        known = self._kept.get(key)
        if known:
            return known.micrograph
        self._states[task.exposure.name] = states_of(task.exposure)
        return read_raw(task.exposure, task.choices.reading)

    def _result(self, task: Task) -> Micrograph | None:
        self._states[task.exposure.name] = states_of(task.exposure)
        return read_denoised(task.exposure, task.choices.reading)

    def _preview(self, task: Task, raw: Micrograph) -> Shown | None:
        working = self._of(task.choices).model.working_pixel
        edge = preview_edge(raw, working)
        if (
            edge == 1 or self._of(task.choices).place.device.type != "cpu"
        ):  # a GPU is at its end before one looks
            return None
        return Shown(sized(self._denoised(task, coarse(raw, edge, working)), raw, edge), edge)

    def _thumbnail(self, task: Task) -> ThumbnailMade | None:
        known = None if self._store is None else self._store.get(task)
        if known is not None:
            return ThumbnailMade(task.key, known)
        shown = self._kept.get(key_of(task.exposure.name, "denoised", task.choices)) or self._quickest(task)
        return None if shown is None else self.small(task, shown)

    def _quickest(self, task: Task) -> Shown | None:
        """Return what there is to make a thumbnail of, in the least time: result, preview or raw."""
        if task.exposure.denoised is not None:
            return self._whole(self._result(task))
        raw = self._raw(task)
        if raw is None or task.choices.model is None:
            return self._whole(raw)
        working = self._of(task.choices).model.working_pixel
        edge = preview_edge(raw, working)
        return Shown(self._denoised(task, coarse(raw, edge, working)), edge)

    def _denoised(self, task: Task, raw: Micrograph) -> Micrograph:
        events = cast("Generator[DenoisingEvent, None, None]", self._of(task.choices).denoise(raw))
        with closing(events):
            made = self._finished(task, events)
        # From a GPU the pixels come in page-locked memory, of which there is little.
        return replace(made.micrograph, data=made.micrograph.data.copy())

    def _finished(self, task: Task, events: Iterator[DenoisingEvent]) -> MicrographDenoised:
        for event in events:
            if isinstance(event, MicrographDenoised):
                return event
            self._check_wanted(task)
        raise AssertionError("denoising always ends with its result")

    def _check_wanted(self, task: Task) -> None:
        if not self._requests.is_wanted(task):
            raise _NotWantedError

    def _of(self, choices: Choices) -> Denoiser:
        if self._denoiser is None or self._denoiser[0] != choices:
            assert choices.model is not None  # noqa: S101  nothing is denoised without
            self._before()
            self._denoiser = None  # two on one device may not have room
            self._denoiser = (choices, _denoiser(choices.model, choices.settings))
        return self._denoiser[1]


def _denoiser(model: Path, settings: DenoisingSettings) -> Denoiser:
    """Return a denoiser that, on a processor, ends a tile soon: a key may be pressed meanwhile."""
    from cryoden.compute import devices  # noqa: PLC0415  raw pictures do not wait until torch is loaded
    from cryoden.denoising.denoise import Denoiser  # noqa: PLC0415  it loads torch, too
    from cryoden.model.checkpoint import load  # noqa: PLC0415  it loads torch, too

    is_slow = devices.resolve(settings.device).type == "cpu"
    used = replace(settings, tile=TILE) if is_slow and settings.tile == 0 else settings
    return Denoiser(load(model), used)

"""From micrographs to pairs of patches: scaled targets, and noise that is added to them.

Pair ``i`` is a pure function of the micrographs, the settings, and (seed, epoch, i), by a
counter-based generator (`cryoden.compute.noise`): the same bytes whether they are written to
disk or made while a run goes on, by a processor or a GPU, and in whatever order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

import numpy as np

from cryoden.compute import noise
from cryoden.dataset.half_checks import sizes_of
from cryoden.errors import MicrographError, SettingsError
from cryoden.experiment.pair_grid import PairGrid
from cryoden.image.normalization import positive_divisor
from cryoden.io.mrc_windows import finite_window
from cryoden.micrograph import Pixels, Windowed
from cryoden.settings.baseline import PatchSettings

Kind = Literal["noise added", "pairs"]


@dataclass(frozen=True)
class Scale:
    """``(pixels - offset) / divisor``."""

    offset: float
    divisor: float

    def apply(self, pixels: Pixels) -> Pixels:
        """Return the pixels on this scale, float32."""
        return ((pixels - np.float32(self.offset)) / np.float32(self.divisor)).astype(np.float32)


class PatchPairs:
    """All patch pairs of some micrographs, each made when it is asked for.

    Parameters
    ----------
    targets : sequence of Windowed
        Micrographs the targets are cut from.
    noisy : sequence of Windowed or None
        Micrographs the noisy patches are cut from, in the same order and of the same shapes;
        ``None`` where noise is added to the targets.
    settings : PatchSettings
        What the user chose.

    Raises
    ------
    MicrographError
        D05 for noisy and target of different sizes, D12 when no micrograph is as large as a patch.
    SettingsError
        S03 for Poisson noise on z-scores, which are no counts.
    """

    def __init__(
        self, targets: Sequence[Windowed], noisy: Sequence[Windowed] | None, settings: PatchSettings
    ) -> None:
        if noisy is None and settings.poisson and settings.scale == "z-score":
            problem = "Poisson noise needs a gray scale that starts at 0, scale is z-score"
            raise SettingsError("S03", None, problem, fix="Choose the scale positive, or poisson 0")
        self._settings = settings
        self._targets, self._noisy = tuple(targets), None if noisy is None else tuple(noisy)
        for target, other in zip(self._targets, self._noisy or self._targets, strict=True):
            _same_size(target, other)
        self.grid = PairGrid([target.shape for target in self._targets], settings)
        if not len(self.grid):
            problem = f"no micrograph is as large as a patch of {settings.patch} px"
            raise MicrographError("D12", None, problem, fix="Choose a smaller patch")
        self._scales: dict[int, Scale] = {}
        self._measuring = Lock()  # one whole micrograph in memory at a time, however many threads ask

    @property
    def settings(self) -> PatchSettings:
        """How they are made."""
        return self._settings

    @property
    def kind(self) -> Kind:
        """Whether noise is added, or both sides are given."""
        return "noise added" if self._noisy is None else "pairs"

    @property
    def edge(self) -> int:
        """Edge of a patch in px."""
        return self.settings.patch

    @property
    def micrographs(self) -> tuple[Windowed, ...]:
        """Everything that is read."""
        return (*self._targets, *(self._noisy or ()))

    @property
    def targets(self) -> tuple[Windowed, ...]:
        """What the targets are cut from."""
        return self._targets

    @property
    def counts(self) -> list[int]:
        """How many pairs each micrograph gives; 0 for one that is smaller than a patch."""
        return self.grid.counts

    @property
    def pixel_size(self) -> float | None:
        """Å/px of the targets; ``None`` where they do not say, or differ."""
        said = [target.pixel_size for target in self._targets if target.pixel_size]
        return said[0] if len(sizes_of(self._targets)) == 1 else None

    def __len__(self) -> int:
        return len(self.grid)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what another process makes the same pairs of, without a lock."""
        return _again, (self._targets, self._noisy, self._settings, self._scales)

    def scale(self, which: int) -> Scale:
        """Return the scale of a micrograph's pairs, measured on all of its target when first asked for.

        Raises
        ------
        MicrographError
            F24 for pixels that are not numbers, F25 where there is nothing to scale by.
        """
        if which not in self._scales:
            self._measure(which)
        return self._scales[which]

    def pair(self, index: int, epoch: int = 0) -> tuple[Pixels, Pixels]:
        """Return noisy and target of a pair, ``(p, p)`` float32.

        Raises
        ------
        MicrographError
            F24 for pixels that are not numbers, F25 where a micrograph has nothing to scale by.
        """
        which, top, left = self.grid.place(index)
        scale, window = self.scale(which), (top, left, self.edge, self.edge)
        target = scale.apply(finite_window(self._targets[which], *window))
        if self.settings.scale == "positive":
            target = np.clip(target, 0, 1)
        if self._noisy is not None:
            return self._limited(scale.apply(finite_window(self._noisy[which], *window))), target
        return with_noise(target, self.settings, index, epoch), target

    def read(self, index: int, noisy: Pixels, target: Pixels) -> None:
        """Write pair ``index`` into two buffers."""
        noisy[...], target[...] = self.pair(index)

    def whole(self, which: int) -> Pixels:
        """Return all pixels of a target; its scale is measured, which `scale` is then quick about.

        Raises
        ------
        MicrographError
            As `scale`.
        """
        micrograph = self._targets[which]
        pixels = finite_window(micrograph, 0, 0, *micrograph.shape)
        if which not in self._scales:
            self._scales[which] = self._measured(micrograph, pixels)
        return pixels

    def _limited(self, noisy: Pixels) -> Pixels:
        return _limited(noisy, self.settings)

    def _measure(self, which: int) -> None:
        with self._measuring:
            if which not in self._scales:  # another thread may have been first
                self.whole(which)

    def _measured(self, micrograph: Windowed, pixels: Pixels) -> Scale:
        if self.settings.scale == "z-score":
            found = Scale(float(pixels.mean(dtype=np.float64)), float(pixels.std(dtype=np.float64)))
        else:
            found = Scale(0.0, positive_divisor(pixels))
        if not found.divisor > 0:
            problem = "cannot be scaled: no positive pixels, or no contrast"
            raise MicrographError("F25", micrograph.path or micrograph.name, problem, fix="Leave it out")
        return found


def _again(
    targets: Sequence[Windowed],
    noisy: Sequence[Windowed] | None,
    settings: PatchSettings,
    scales: dict[int, Scale],
) -> PatchPairs:
    pairs = PatchPairs(targets, noisy, settings)
    pairs._scales.update(scales)
    return pairs


def with_noise(target: Pixels, chosen: PatchSettings, index: int, epoch: int = 0) -> Pixels:
    """Return a target with noise: Poisson counts, then Gaussian, by (seed, epoch, index) alone."""
    name = chosen.noise_seed, epoch, index
    return _limited(noise.with_noise(target, name, chosen.poisson, chosen.gaussian), chosen)


def _limited(noisy: Pixels, chosen: PatchSettings) -> Pixels:
    return np.clip(noisy, 0, 1) if chosen.clip and chosen.scale == "positive" else noisy


def _same_size(target: Windowed, noisy: Windowed) -> None:
    if target.shape != noisy.shape:
        sizes = " and ".join("×".join(map(str, one.shape)) for one in (noisy, target))
        problem = f"{noisy.name} and its target {target.name} differ in size: {sizes}"
        raise MicrographError("D05", noisy.path, problem, fix="Give two images of the same micrograph")

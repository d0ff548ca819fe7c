"""Denoisers of one model, for several threads that denoise at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from cryoden.denoising.denoise import Denoiser
from cryoden.settings.denoising import DenoisingSettings


class Denoisers:
    """As many as work at once; each is used by one thread at a time, and made when it is needed.

    Parameters
    ----------
    first : Denoiser
        The others are of the same model.
    settings : DenoisingSettings
        Those of the first.
    most : int
        How many there may be.
    """

    def __init__(self, first: Denoiser, settings: DenoisingSettings, most: int = 1) -> None:
        self.first, self.most, self._settings = first, max(1, most), settings
        self._idle, self._turn = [first], Lock()
        first.turn = self._turn if self.most > 1 else first.turn
        self._free = BoundedSemaphore(self.most)

    @contextmanager
    def one(self) -> Iterator[Denoiser]:
        """Give a denoiser, once one is free."""
        with self._free:
            try:
                denoiser = self._idle.pop()
            except IndexError:
                denoiser = Denoiser(self.first.model, self._settings)
                denoiser.turn = self._turn
            try:
                yield denoiser
            finally:
                self._idle.append(denoiser)

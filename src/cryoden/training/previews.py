"""A small region of a micrograph, denoised now and then with the weights a run would save now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from cryoden.compute import devices
from cryoden.events.training import PreviewMade
from cryoden.image.normalization import Normalization, measure
from cryoden.image.resampling import Resampling
from cryoden.image.tiling import Tiling, within
from cryoden.micrograph import Pixels
from cryoden.model.networks import Network
from cryoden.model.pixel_scale import scale_of
from cryoden.model.place import Place
from cryoden.training.preview_request import PreviewRegion, PreviewRequest


class Previewer:
    """Makes the pictures of one run, on its device.

    Parameters
    ----------
    previews : PreviewRequest
        Where somebody looks.
    network : Network
        Whose weights change as the run goes on.
    place : Place
        Where it computes.
    working : float or None
        Å/px it works at.
    """

    def __init__(
        self, previews: PreviewRequest, network: Network, place: Place, working: float | None
    ) -> None:
        self._previews, self._network, self._place, self._working = previews, network, place, working
        self._gray: tuple[PreviewRegion, Normalization] | None = None

    def after(self, step: int) -> Iterator[PreviewMade]:
        """Yield the picture if one is due."""
        region = self._previews.region
        if region is None or not self._previews.due:
            return
        began = time.monotonic()
        scale = scale_of(self._working, region.micrograph.pixel_size)
        top, left, bottom, right = region.box(scale)
        pixels = self._denoised(region, slice(top, bottom), slice(left, right), scale)
        self._previews.took(time.monotonic() - began)
        yield PreviewMade(step, top, left, replace(region.micrograph, data=pixels, warnings=()))

    def _denoised(self, region: PreviewRegion, rows: slice, columns: slice, scale: float) -> Pixels:
        if self._gray is None or self._gray[0] is not region:
            self._gray = region, measure(region.micrograph, scale)
        with torch.inference_mode(), devices.reproducible():
            cut = devices.sent(region.micrograph.data[rows, columns].copy(), self._place.device)
            return devices.fetched(self._seen(cut, self._gray[1], scale))

    def _seen(self, cut: Tensor, gray: Normalization, scale: float) -> Tensor:
        resampling = Resampling(cut.shape[0], cut.shape[1], scale)
        working = resampling.reduce(gray.apply(cut)) / gray.spread
        height, width = resampling.shape
        tiling = Tiling(height, width, max(height, width), self._network.halo, self._network.stride)
        (tile,) = tiling.tiles()
        output = self._place.predict(self._network, tiling.padded(working)[None, None])[0, 0]
        core = tiling.core(within(output, tiling.outside), tile)
        return gray.undo(resampling.enlarge(core.contiguous()) * gray.spread)

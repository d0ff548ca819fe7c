"""Passes over whole float32 images on an NVIDIA GPU, each of one kernel.

Stock kernels read and write a micrograph once for each step of arithmetic, and multiply it by matrices of
weights that are mostly zero to resample it. Here it is read once for all that is done in one place.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cryoden.kernels import nvrtc
from cryoden.kernels.weighted_sums import WeightedSums

SOURCE = "kernels/image_passes.cu"
NAMES = (
    "score", "resample_rows", "resample_columns", "count_within", "tighten",
    "remove_signal", "filter_rings", "continue_outwards", "smooth", "restore",
)  # fmt: skip
THREADS, BLOCKS = 256, 1024  # of a block, and blocks at most, on any GPU: sums are the same bits
SHARED = {"count_within": 12288, "tighten": 12336, "restore": 6144}  # bytes, for sums of a block
ROWS = 4  # that a thread resamples

Shape = tuple[int, int]


def gray_scale(mean: Tensor, std: Tensor) -> Tensor:
    """Return a gray scale as passes take it: mean, inverse of the standard deviation, and the latter."""
    return torch.stack([mean, 1 / std, std]).float()


class Passes:
    """The kernels on an NVIDIA GPU; images are ``(h, w)`` float32 there.

    Parameters
    ----------
    device : torch.device
        The GPU.
    blocks : int
        How many work at most.

    Raises
    ------
    OSError, RuntimeError
        Where they cannot be compiled.
    """

    def __init__(self, device: torch.device, blocks: int = BLOCKS) -> None:
        self._device, self._blocks = device, blocks
        with torch.cuda.device(device):
            self._kernels = nvrtc.kernels(torch.cuda.current_device(), SOURCE, NAMES)

    def _launch(self, name: str, blocks: int, *arguments: Tensor | float | None) -> None:
        block = THREADS, SHARED.get(name, 0)
        nvrtc.launch(self._kernels[name], (blocks, 1), block, self._device, arguments)

    def _for(self, work: int) -> int:
        return max(1, min(self._blocks, -(-work // THREADS)))

    def scored(self, raw: Tensor, gray: Tensor, limit: float) -> tuple[Tensor, Tensor]:
        """Return pixels on a `gray_scale`, brought to ±``limit``, and how many lie there (int32)."""
        scored, clipped = torch.empty_like(raw), torch.zeros(1, dtype=torch.int32, device=raw.device)
        pixels = raw.numel()
        self._launch("score", self._for(pixels), raw, gray, limit, scored, clipped, pixels)
        return scored, clipped[0]

    def rows(self, image: Tensor, sums: WeightedSums) -> Tensor:
        """Return an image resampled down its columns; its rows may lie apart."""
        width, image = image.shape[1], _in_rows(image)
        made = image.new_empty(sums.results, width)
        blocks = min(self._blocks, -(-width // THREADS) * len(sums.firsts))
        given = image, image.stride(0), sums.firsts, sums.weights, sums.span
        self._launch("resample_rows", blocks, *given, made, width, sums.results)
        return made

    def columns(self, image: Tensor, sums: WeightedSums) -> Tensor:
        """Return an image resampled along its rows, which may lie apart."""
        height, image = image.shape[0], _in_rows(image)
        made = image.new_empty(height, sums.results)
        blocks = self._for(len(sums.firsts) * -(-height // ROWS))
        given = image, image.stride(0), sums.firsts, sums.turned, sums.span
        self._launch("resample_columns", blocks, *given, made, height, sums.results)
        return made

    def trimmed(self, values: Tensor, reach: Tensor, rounds: int, clip: float) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of what lies within ``clip`` of the latter.

        Parameters
        ----------
        values : Tensor
            ``(n,)``.
        reach : Tensor
            ``(2,)``: how far from 0 values count at first; for each of the two there is a result.
        rounds : int
            How often limits become narrower.
        clip : float
            Standard deviations from the mean.

        Returns
        -------
        tuple of Tensor
            ``(2,)`` float64 each, after the last round but one has set the limits.
        """
        number, blocks = values.numel(), self._for(values.numel())
        limits = torch.stack([-reach, reach], dim=1).float().contiguous()
        sums = torch.empty(blocks, 6, dtype=torch.float64, device=values.device)
        found = torch.empty(2, 2, dtype=torch.float64, device=values.device)
        for _ in range(rounds):
            self._launch("count_within", blocks, values, limits, sums, number)
            self._launch("tighten", 1, sums, blocks, clip, limits, found)
        return found[0], found[1]

    def removed(
        self,
        raw: Tensor,
        signal: Tensor,
        gray: tuple[Tensor, float],
        begin: Shape,
        shape: Shape,
    ) -> Tensor:
        """Return what is not signal in scored pixels, of ``shape``, mirrored by a margin.

        Parameters
        ----------
        raw, signal : Tensor
            A micrograph, and its signal on the gray scale.
        gray : tuple of Tensor and float
            That `gray_scale`, and the limit of `scored`.
        begin : tuple of int
            The first row that is wanted, and the margin: px before it and before the first column.
        shape : tuple of int
            With margins at all sides.
        """
        found = raw.new_empty(shape)
        given = raw, signal, *gray, *raw.shape, *begin
        self._launch("remove_signal", min(shape[0], self._blocks), *given, found, *shape)
        return found

    def filtered(self, waves: Tensor, wide: int, response: Tensor, added: Tensor | None = None) -> Tensor:
        """Return coefficients of a real Fourier transform, each multiplied by the gain of its ring, in place.

        Parameters
        ----------
        waves : Tensor
            ``(tall, wide // 2 + 1)`` complex64, without gaps.
        wide : int
            Of the image, px.
        response : Tensor
            ``(n,)`` gains from 0 to 1/2 cycle per px; the last one holds beyond.
        added : Tensor or None
            Waves that are added as they are, in the same order in memory.
        """
        tall = waves.shape[0]
        by_columns = int(waves.stride(0) == 1)
        given = waves, response, added, len(response) - 1, tall, wide
        self._launch("filter_rings", min(tall, self._blocks), *given, by_columns)
        return waves

    def continued(self, image: Tensor, smooth: Tensor, begin: Shape, shape: Shape) -> Tensor:
        """Return an image continued beyond its edges as `cryoden.image.tiling.continued` says.

        Parameters
        ----------
        image, smooth : Tensor
            The image, and what is smooth of it.
        begin, shape : tuple of int
            The first row and column of the result, 0 those of the image, and its shape.
        """
        found = image.new_empty(shape)
        given = image, smooth, *image.shape, *begin
        self._launch("continue_outwards", min(shape[0], self._blocks), *given, found, *shape)
        return found

    def bands(self, image: Tensor, levels: int) -> Tensor:
        """Return the ``(levels + 1, h, w)`` starlet bands of an image, see `cryoden.model.networks`."""
        height, width = image.shape
        found = image.new_empty(levels + 1, height, width)
        smoothed = image.contiguous()
        for level in range(levels):
            source = smoothed
            smoothed = found[levels] if level == levels - 1 else torch.empty_like(source)
            given = source, 1 << level, smoothed, found[level]
            self._launch("smooth", min(height, self._blocks), *given, height, width)
        return found

    def restored(self, signal: Tensor, grain: Tensor | None, gray: Tensor, result: Tensor) -> Tensor:
        """Write signal and grain in a micrograph's gray scale, and return what `statistics` is made of.

        Parameters
        ----------
        signal, result : Tensor
            ``(h, w)``, without gaps.
        grain : Tensor or None
            ``(h, w)``, whose rows may lie apart.
        gray : Tensor
            A `gray_scale`.

        Returns
        -------
        Tensor
            ``(blocks, 4)`` float64.
        """
        height, width = signal.shape
        blocks = min(height, self._blocks)
        told = torch.empty(blocks, 4, dtype=torch.float64, device=signal.device)
        grain = None if grain is None else _in_rows(grain)
        pitch = 0 if grain is None else grain.stride(0)
        self._launch("restore", blocks, signal, grain, pitch, gray, result, told, height, width)
        return told


def _in_rows(image: Tensor) -> Tensor:
    return image if image.stride(1) == 1 else image.contiguous()


def statistics(told: Tensor, mean: Tensor, pixels: int) -> Tensor:
    """Return least, most, mean and variance of so many pixels from all that `Passes.restored` returned."""
    sums = told[:, 2:].sum(0) / pixels
    variance = (sums[1] - sums[0].square()).clamp_min(0)
    found = torch.stack([told[:, 0].amin(), told[:, 1].amax(), sums[0] + mean.float(), variance])
    return torch.where(variance.isnan(), torch.nan, found)  # extremes are those of the numbers alone

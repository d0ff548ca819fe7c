"""Passes over images, where a GPU has them and they give what torch gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from threading import Lock

import torch
from torch import Tensor
from torch.nn.functional import pad

from cryoden.kernels.image_passes import Passes, gray_scale, statistics
from cryoden.kernels.weighted_sums import TOGETHER, WeightedSums

SHAPE, FIRSTS, SPAN, LAST = (300, 270), range(0, 280, 7), 6, 3  # px; results begin there, the last are three
MARGIN, LIMIT, ROUNDS = 3, 2.0, 3
CLOSE = 1e-4  # of the largest value
FEW = 3  # blocks, each of which has more than one thing to do
_TRYING = Lock()


def passes_for(image: Tensor) -> Passes | None:
    """Return the passes of an image's GPU; ``None`` where it is not as they want images, or has none."""
    fits = image.dtype in {torch.float32, torch.complex64} and not image.requires_grad
    return passes(image.device) if fits else None


def passes(device: torch.device) -> Passes | None:
    """Return the passes of a device; ``None`` where it has none, or they do not give what they should."""
    if device.type != "cuda":
        return None
    with _TRYING:  # who comes meanwhile would try them, too, and another may be left than others have
        return _tried(device)


@cache
def _tried(device: torch.device) -> Passes | None:
    with suppress(OSError, RuntimeError), torch.inference_mode():
        found = Passes(device)
        return found if all(agree(one, device) for one in (found, Passes(device, FEW))) else None
    return None


def agree(tried: Passes, device: torch.device) -> bool:
    """Tell whether passes give what torch gives for a small image: nothing else would show it."""
    drawn = torch.Generator().manual_seed(0)
    raw = torch.randn(SHAPE, generator=drawn).to(device) * 3 - 50
    gray = gray_scale(torch.tensor(-50.0).to(device), torch.tensor(3.0).to(device))
    pairs = (*_of_pixels(tried, raw, gray), *_of_sums(tried, raw), *_of_waves(tried, raw))
    return all(_is_close(found, wanted) for found, wanted in pairs)


def _is_close(found: Tensor, wanted: Tensor) -> bool:
    return bool(((found.double() - wanted).abs().max() <= CLOSE * wanted.double().abs().max()).item())


def _of_pixels(tried: Passes, raw: Tensor, gray: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield what is found and what is wanted where each pixel is by itself."""
    wanted = ((raw + 50) / 3).clamp(-LIMIT, LIMIT)
    scored, clipped = tried.scored(raw, gray, LIMIT)
    yield from ((scored, wanted), (clipped, (wanted.abs() == LIMIT).sum()))
    signal, (tall, wide) = wanted * 0.5, (side + 2 * MARGIN for side in SHAPE)
    mirrored = _around(wanted - signal, "reflect")
    for top in (99, 0):
        removed = tried.removed(raw, signal, (gray, LIMIT), (top, MARGIN), (tall - top, wide))
        yield removed, mirrored[top:]
    around = tried.continued(raw, signal, (-MARGIN, -MARGIN), (tall, wide))
    yield around, _around(signal, "reflect") + _around(raw - signal, "circular")
    inner = removed[MARGIN:-MARGIN, MARGIN:-MARGIN]
    for grain, sums in ((inner, wanted), (None, signal)):
        result = torch.empty_like(raw)
        told = statistics(tried.restored(signal, grain, gray, result), gray[0], raw.numel())
        variance, mean = torch.var_mean(sums.double() * 3 - 50, correction=0)
        yield result, sums * 3 - 50
        yield told, torch.stack([result.amin(), result.amax(), mean, variance])


def _around(image: Tensor, how: str) -> Tensor:
    return pad(image[None], (MARGIN,) * 4, mode=how)[0]


def _of_sums(tried: Passes, raw: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield it for weighted sums, and for what is left within limits."""
    results = TOGETHER * (len(FIRSTS) - 1) + LAST
    weights = torch.rand(results, SPAN, generator=torch.Generator().manual_seed(1))
    parts = list(zip(FIRSTS, torch.split(weights, TOGETHER), strict=True))
    wanted = torch.cat([part.double().to(raw.device) @ raw[at : at + SPAN].double() for at, part in parts])
    sums = WeightedSums.of([(at, part.numpy()) for at, part in parts], len(raw), raw.device)
    once, twice = _smoothed(raw, 1), _smoothed(_smoothed(raw, 1), 2)
    yield tried.bands(raw, 2), torch.stack([raw - once, once - twice, twice])
    yield from ((tried.rows(raw, sums), wanted), (tried.columns(raw.T.contiguous(), sums), wanted.T))
    values = raw.flatten() + 50
    mean, std = tried.trimmed(values, torch.tensor([torch.inf, LIMIT]).to(raw), ROUNDS, LIMIT)
    trimmed = [_trimmed(values.double(), reach) for reach in (torch.inf, LIMIT)]
    yield mean + 1, torch.stack([each.mean() for each in trimmed]) + 1  # which are nearly 0
    yield std, torch.stack([each.std(correction=0) for each in trimmed])


def _smoothed(image: Tensor, distance: int) -> Tensor:
    found = pad(image[None].double(), (2 * distance,) * 4, mode="replicate")[0]
    for axis, side in enumerate(image.shape):
        taps = [found.narrow(axis, tap * distance, side) for tap in range(5)]
        found = (taps[0] + 4 * taps[1] + 6 * taps[2] + 4 * taps[3] + taps[4]) / 16
    return found


def _trimmed(values: Tensor, reach: float) -> Tensor:
    kept = values[values.abs() <= reach]
    for _ in range(ROUNDS - 1):
        kept = kept[(kept - kept.mean()).abs() <= LIMIT * kept.std(correction=0)]
    return kept


def _of_waves(tried: Passes, raw: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield it for a filter by two times the spatial frequency."""
    down, across = torch.fft.fftfreq(SHAPE[0])[:, None], torch.fft.rfftfreq(SHAPE[1])[None]
    ring = (2 * torch.hypot(down, across)).clamp(max=1).to(raw)
    waves, response = torch.fft.rfft2(raw + 50), torch.linspace(0, 1, 1025).to(raw)
    others = waves.flip(0).contiguous()
    for way in (torch.Tensor.contiguous, lambda given: given.T.contiguous().T):  # as cuFFT leaves them
        for added in (None, others):
            found = tried.filtered(
                way(waves).clone(), SHAPE[1], response, None if added is None else way(added)
            )
            wanted = waves * ring if added is None else waves * ring + added
            yield torch.view_as_real(found), torch.view_as_real(wanted)

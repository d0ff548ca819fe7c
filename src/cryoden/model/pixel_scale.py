"""From the pixels of a micrograph to those a network works at."""

from __future__ import annotations

from cryoden.errors import Remark
from cryoden.io.pixel_size import ODD, possible
from cryoden.model.checkpoint import Model

ASSUMED = 1.0  # Å/px, where a file does not say

SAME_PIXEL_SIZE = 1.05  # ratio
COARSEST = 5.0  # Å/px, enlarged to the working pixel; what the general model was trained on


def scale_of(working: float | None, pixel_size: float | None) -> float:
    """Return working pixel over micrograph pixel in training, at least 1."""
    return 1.0 if working is None else max(1.0, working / (pixel_size or ASSUMED))


def _enlarging(working: float | None, pixel_size: float) -> float:
    """Return working pixel over micrograph pixel, below 1 for pixels up to `COARSEST`."""
    if working is None or pixel_size <= working:
        return scale_of(working, pixel_size)
    return max(working / pixel_size, min(1.0, working / COARSEST))


def believed(model: Model, scale: float) -> float:
    """Return the Å/px of a micrograph that does not say it, as `scale_for` assumed it."""
    return model.working_pixel / scale if model.working_pixel else ASSUMED


def scale_for(model: Model, pixel_size: float | None) -> tuple[float, tuple[Remark, ...]]:
    """Return working pixel over micrograph pixel for a trained model, and what is odd about it.

    Coarser pixels than the network works at are enlarged to it.
    """
    trained, working = possible(model.pixel_size), model.working_pixel
    pixel_size = possible(pixel_size)
    if trained and pixel_size:
        coarser = pixel_size > SAME_PIXEL_SIZE * max(trained, COARSEST if working else 0.0)
        finer = working is None and pixel_size * SAME_PIXEL_SIZE < trained
        odd = f"the model was trained at {trained:.3g} Å/px, this micrograph has {pixel_size:.3g} Å/px"
        return _enlarging(working, pixel_size), (Remark("T13", odd),) if coarser or finer else ()
    if working is None:
        odd = f"no pixel size in the header, the model was trained at {trained:.3g} Å/px" if trained else ""
        return 1.0, (Remark(ODD, odd),) if odd else ()
    believed = trained or ASSUMED
    unknown = "of the model's micrographs" if pixel_size else "in the header"
    odd = f"no pixel size {unknown}: {believed:.3g} Å/px assumed, the result may be wrong"
    return _enlarging(working, believed), (Remark("T13" if pixel_size else ODD, odd),)

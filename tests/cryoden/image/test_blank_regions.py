from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cryoden.image.blank_regions import blank, blank_share, filled
from cryoden.image.normalization import measure
from cryoden.micrograph import Micrograph, Pixels
from tests.cryoden.image.noise import noise

HEIGHT, WIDTH = 250, 310


def masked(pixels: Pixels) -> NDArray[np.bool_]:
    """Return where `blank` sees no picture."""
    found = blank(torch.from_numpy(pixels)[None])
    return np.zeros(pixels.shape, np.bool_) if found is None else np.asarray(found[0].numpy(), np.bool_)


def filled_at(kind: str) -> NDArray[np.bool_]:
    rows, columns = np.indices((HEIGHT, WIDTH))
    kinds: dict[str, NDArray[np.bool_]] = {
        "border": (rows < 9) | (columns >= WIDTH - 13),
        "corners": np.hypot(rows - HEIGHT / 2, columns - WIDTH / 2) > 165,
        "stripe": (rows > 100) & (rows < 130),
        "thin stripe": columns == 77,
        "inside": np.hypot(rows - 60, columns - 90) < 30,
    }
    return kinds[kind]


@pytest.mark.parametrize("kind", ["border", "corners", "stripe", "thin stripe", "inside"])
@pytest.mark.parametrize("value", [0.0, 50.0, -1000.0])
def test_what_was_filled_is_found_to_the_pixel(kind: str, value: float) -> None:
    pixels, where = noise((HEIGHT, WIDTH)), filled_at(kind)
    pixels[where] = value
    assert (masked(pixels) != where).mean() < 0.002  # tips of corners that hold no square


@pytest.mark.parametrize("rate", [0.02, 0.3, 2.0])
def test_sparse_counts_are_no_fill(rate: float) -> None:
    counts = np.random.default_rng(0).poisson(rate, (HEIGHT, WIDTH)).astype(np.float32)
    assert not masked(counts).any()


def test_noise_and_one_value_everywhere_have_no_blank_regions() -> None:
    assert blank(torch.from_numpy(noise())[None]) is None
    assert blank(torch.zeros(1, 64, 64)) is None
    assert blank(torch.zeros(2, 3, 5)) is None


@pytest.mark.parametrize("kind", ["border", "corners", "stripe", "thin stripe", "inside"])
def test_what_was_filled_gets_noise_like_that_of_the_picture(kind: str) -> None:
    pixels, where = noise((HEIGHT, WIDTH)) - 50, filled_at(kind)
    pixels[where] = -1000
    found = filled(torch.from_numpy(pixels), torch.from_numpy(where)).numpy()
    np.testing.assert_array_equal(found[~where], pixels[~where])
    assert found[where].std() == pytest.approx(4, rel=0.12)


@pytest.mark.parametrize("scale", [1.0, 3.0])
@pytest.mark.parametrize("shape", [(1000, 1200), (2600, 1700)])
def test_a_gray_scale_is_that_of_the_picture_alone(scale: float, shape: tuple[int, int]) -> None:
    clean = noise(shape)
    bordered = clean.copy()
    bordered[: shape[0] // 3] = 0
    bordered[:, : shape[1] // 3] = 0
    expected, found = (measure(Micrograph(one, None, "m"), scale) for one in (clean, bordered))
    assert found.mean == pytest.approx(expected.mean, abs=0.1)
    assert found.std == pytest.approx(expected.std, rel=0.02)
    assert found.spread == pytest.approx(expected.spread, rel=0.03)


def test_the_share_of_a_patch_that_is_blank_does_not_mind_rounding() -> None:
    scored = np.random.default_rng(1).normal(size=(64, 64)).astype(np.float32)
    assert blank_share(scored) == 0
    scored[:, :32] = 2 + 1e-6 * scored[:, :32]
    assert blank_share(scored) == 0.5
    assert blank_share(scored[:8, :8]) == 0

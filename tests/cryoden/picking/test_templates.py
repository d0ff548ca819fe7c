from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from cryoden.micrograph import Micrograph, Pixels
from cryoden.picking.find_particles import find_particles
from cryoden.picking.picks import PicksError
from cryoden.picking.templates import Templates, class_averages, read_templates, resized
from cryoden.picking.working_image import working_image
from cryoden.settings.picking import PickingSettings
from tests.cryoden.picking.planted import DIAMETER, PIXEL, distances

EDGE, LONG, WIDE = 64, 28, 8  # px of the template, of a rod's length and width


def rods(places: np.ndarray, angles: np.ndarray, shape: tuple[int, int], noise: float = 0.0) -> Pixels:
    """Return bright rods, in white noise."""
    row, column = np.indices(shape)
    image = np.random.default_rng(5).normal(0, noise, shape)
    for (y, x), angle in zip(places, angles, strict=True):
        along = (row - y) * np.sin(angle) + (column - x) * np.cos(angle)
        across = (column - x) * np.sin(angle) - (row - y) * np.cos(angle)
        image += (np.abs(along) <= LONG / 2) & (np.abs(across) <= WIDE / 2)
    return image.astype(np.float32)


ROD = rods(np.array([[EDGE // 2, EDGE // 2]]), np.zeros(1), (EDGE, EDGE))
SETTINGS = PickingSettings(diameter=LONG * PIXEL, contrast="dark", apart=1.0)


def stack(path: Path, images: Pixels, size: float = PIXEL) -> Path:
    with mrcfile.new(path) as file:
        file.set_data(images)
        file.set_image_stack()
        file.voxel_size = size
    return path


def scene() -> tuple[Micrograph, np.ndarray]:
    """Return dark rods of all directions among discs of the same area, which are no rods."""
    numbers = np.random.default_rng(2)
    row, column = np.mgrid[0:6, 0:6].reshape(2, -1)
    places = 60 + 75 * np.stack([row, column], axis=1) + numbers.uniform(-8, 8, (36, 2))
    image = rods(places[::2], numbers.uniform(0, np.pi, 18), (500, 500))
    rows, columns = np.indices(image.shape)
    for y, x in places[1::2]:
        image += np.hypot(rows - y, columns - x) <= (LONG * WIDE / np.pi) ** 0.5
    image += numbers.normal(0, 0.6, image.shape).astype(np.float32)
    return Micrograph(-image, PIXEL, "rods"), places


def test_rods_in_any_direction_are_told_from_discs_of_the_same_area() -> None:
    one, places = scene()
    merits = find_particles(one, SETTINGS, Templates(ROD[None], PIXEL)).every
    best = merits.centers[:18]
    assert np.mean(distances(best, places[::2]) < 4) > 0.9
    blobs = find_particles(one, SETTINGS).every.centers[:18]
    assert np.mean(distances(blobs, places[::2]) < 4) < 0.7


def test_averages_of_another_pixel_size_find_the_same(tmp_path: Path) -> None:
    one, places = scene()
    coarse = ROD.reshape(EDGE // 2, 2, EDGE // 2, 2).mean((1, 3))
    shifted = np.roll(coarse, 0)
    templates = read_templates(stack(tmp_path / "coarse.mrcs", shifted[None].astype(np.float32), 2 * PIXEL))
    best = find_particles(one, SETTINGS, templates).every.centers[:18]
    assert np.mean(distances(best, places[::2]) < 5) > 0.8


@pytest.mark.parametrize("sign", [1, -1])
def test_bright_and_dark_averages_are_read_as_bright_ones(tmp_path: Path, sign: int) -> None:
    images = np.stack([sign * ROD, np.zeros_like(ROD), sign * ROD])
    templates = read_templates(stack(tmp_path / "a.mrcs", images))
    assert templates.averages.shape == (2, EDGE, EDGE)
    assert templates.averages[0, EDGE // 2, EDGE // 2] == 1
    assert templates.pixel_size == PIXEL


@pytest.mark.parametrize("name", ["a.mrcs.gz", "a.tif"])
def test_averages_are_the_same_in_any_format(tmp_path: Path, name: str) -> None:
    from tests.cryoden.formats.files import packed, tiff  # noqa: PLC0415  skips without a reader of TIFF

    path, images = tmp_path / name, np.stack([ROD, ROD[::-1], np.roll(ROD, 3, axis=0)])
    known = read_templates(stack(tmp_path / "a.mrcs", images))
    if path.suffix == ".gz":
        packed(path)
    else:
        tiff(path, *images[:, ::-1], resolution=(1e8 / PIXEL, 1e8 / PIXEL), resolutionunit="CENTIMETER")
    found = read_templates(path)
    np.testing.assert_array_equal(found.averages, known.averages)
    assert found.pixel_size == pytest.approx(known.pixel_size)


def test_a_file_that_is_no_stack_of_averages_is_refused(tmp_path: Path) -> None:
    wide, square = np.random.default_rng(0).normal(size=(2, 2, 8, 16)).astype(np.float32)
    flat = np.zeros((2, 8, 8), np.float32)
    for number, (images, size) in enumerate(((wide, PIXEL), (square[:, :, :8], 0.0), (flat, PIXEL))):
        path = stack(tmp_path / f"{number}.mrcs", np.ascontiguousarray(images), size)
        with pytest.raises(PicksError, match="K07"):
            read_templates(path)


def test_a_template_keeps_its_size_in_angstrom() -> None:
    small = resized(Templates(ROD[None], PIXEL), 2 * PIXEL, 33)[0]
    assert small[16].sum() == pytest.approx(LONG / 2, abs=2)
    assert small[:, 16].sum() == pytest.approx(WIDE / 2, abs=1)


def test_rods_in_all_directions_have_an_average_that_is_a_rod() -> None:
    one, places = scene()
    image = working_image(one, LONG * PIXEL, PIXEL)
    rods, discs = (image.working(places[at::2]) for at in (0, 1))
    made = class_averages([(image, np.concatenate([rods, rods + 0.2]))], 1)
    assert made is not None
    assert made.pixel_size == image.pixel_size
    assert _elongation(made.averages[0]) > 1.6
    other = class_averages([(image, np.concatenate([discs, discs + 0.2]))], 1)
    assert other is not None
    assert _elongation(other.averages[0]) < 1.4


def test_two_kinds_have_two_averages() -> None:
    one, places = scene()
    image = working_image(one, LONG * PIXEL, PIXEL)
    made = class_averages([(image, np.concatenate([image.working(places)] * 3))], 2)
    assert made is not None
    low, high = sorted(map(_elongation, made.averages))
    assert high > 1.5 * low or high > 1.6


def test_few_picks_have_no_average() -> None:
    one, places = scene()
    image = working_image(one, DIAMETER, PIXEL)
    assert class_averages([(image, image.working(places[:5]))], 3) is None


def _elongation(average: np.ndarray) -> float:
    """Return the ratio of the widths along the axes of what is bright."""
    bright = np.clip(average - 0.4 * average.max(), 0, None)
    row, column = np.indices(average.shape) - average.shape[0] // 2
    total = bright.sum()
    moments = [[(bright * a * b).sum() / total for a in (row, column)] for b in (row, column)]
    low, high = np.linalg.eigvalsh(np.array(moments))
    return float((high / low) ** 0.5)

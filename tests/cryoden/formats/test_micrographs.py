from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cryoden.dataset.opening import open_halves
from cryoden.events.batch import FileFailed, FileFinished
from cryoden.formats.micrographs import open_micrograph, probe, read
from cryoden.settings.reading import ReadingSettings
from cryoden.settings.tools import ThinningSettings
from cryoden.workflows.thinning import thin_files
from tests.cryoden.formats.files import PIXEL, packed, picture, plain, tiff
from tests.cryoden.scenes import scene

NM = {"resolution": (10 / PIXEL, 10 / PIXEL), "description": "ImageJ=1.54f\nunit=nm\n"}


@pytest.fixture
def everywhere(tmp_path: Path) -> list[Path]:
    """The same micrograph in four files."""
    paths = [plain(tmp_path / name, picture()) for name in ("a.mrc", "b.mrc", "c.mrc")]
    return [
        paths[0],
        packed(paths[1].with_suffix(".mrc.gz")),
        packed(paths[2].with_suffix(".mrc.bz2")),
        tiff(tmp_path / "d.tif", picture()[::-1], **NM),
    ]


def test_one_micrograph_is_the_same_in_every_format(everywhere: list[Path]) -> None:
    for path in everywhere:
        found = read(path)
        assert np.array_equal(found.data, picture())
        assert found.pixel_size == pytest.approx(PIXEL)
        assert probe(path).shape == (90, 120)
        with open_micrograph(path, pixel_size=2.0) as file:
            assert np.array_equal(file.window(5, 6, 7, 8), picture()[5:12, 6:14])
            assert file.pixel_size == 2.0


def test_halves_are_paired_and_checked_whatever_their_format(tmp_path: Path) -> None:
    known = scene(3, (256, 256))
    plain(tmp_path / "m_EVN.mrc", known.even.data, 1.5)
    packed(tmp_path / "m_EVN.mrc.gz")
    how = {"resolution": (10 / 1.5, 10 / 1.5), "description": "ImageJ=1.54f\nunit=nm\n"}
    tiff(tmp_path / "m_ODD.tif", known.odd.data[::-1], **how)
    (pair,) = open_halves([tmp_path / "m_EVN.mrc.gz", tmp_path / "m_ODD.tif"])
    assert np.array_equal(pair.even.window(0, 0, 256, 256), known.even.data)
    assert np.array_equal(pair.odd.window(0, 0, 256, 256), known.odd.data)


def test_counts_in_any_format_are_split_alike(tmp_path: Path) -> None:
    counts = np.random.default_rng(0).poisson(20 + 4 * (np.indices((512, 512)) // 64 % 2).sum(0))
    halves = []
    for name, make in (("mrc", plain), ("tif", tiff)):
        folder = tmp_path / name
        folder.mkdir()
        data = counts.astype(np.float32)
        path = make(folder / f"m.{name}", data if make is plain else data[::-1])
        events = list(thin_files([path], folder / "out", ThinningSettings(), reading=ReadingSettings(1.2)))
        assert not [event for event in events if isinstance(event, FileFailed)], events
        assert not isinstance(events[0], FileFinished)
        halves.append([read(folder / "out" / f"m_{half}.mrc") for half in ("EVN", "ODD")])
    for one, other in zip(*halves, strict=True):
        assert np.array_equal(one.data, other.data)
        assert other.pixel_size == pytest.approx(1.2)

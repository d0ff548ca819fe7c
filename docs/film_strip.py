"""Pages through a set in the browser and joins what the window showed to one picture.

python docs/film_strip.py FOLDER strip.jpg [--size 1366 768] [--theme dark] [--rows 0 1 -1] [--filter "fit<4"]

Each exposure is decided about with a real key. Where a folder is given, decisions are exported and counted.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import napari
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from cryoden.dataset.listed_files import micrographs_of
from napari_cryoden.demo import picture, wait

WIDTH, QUALITY = 1600, 88  # px of the joined picture; JPEG
KEYS = (Qt.Key.Key_A, Qt.Key.Key_A, Qt.Key.Key_R)  # in turn
MINUTES = 10.0


def frames(dock: Any, rows: list[int], words: str, folder: Path) -> Iterator[Path]:
    """Take a picture of each of these rows once all of it is there, and decide about it; then filter."""
    for number, row in enumerate(rows):
        dock.view.look_at_row(row % len(dock.session.table.order))
        yield _frame(dock, folder / f"{number}.png")
        QTest.keyClick(dock.view, KEYS[number % len(KEYS)])
    if words:
        dock.search.setText(words)
        dock.view.look_at_row(0)
        yield _frame(dock, folder / "filtered.png")


def _frame(dock: Any, path: Path) -> Path:
    session, table, shown = dock.session, dock.session.table, dock.session.shown
    name = table.exposures[dock.view.current()].name
    wait(session.changed, lambda: (shown.name, shown.stage) == (name, "denoised"), MINUTES)
    dock.view.settled.emit()
    seen = [table.exposures[one].name for one in dock.view.in_view()]
    wait(table.dataChanged, lambda: all(name in table.thumbnails for name in seen), MINUTES)
    picture(dock.viewer, path)
    return path


def joined(pictures: list[Path]) -> Image.Image:
    """Return pictures of one size, two in a row."""
    loaded = [Image.open(one).convert("RGB") for one in pictures]
    wide, tall = WIDTH // 2, round(WIDTH / 2 * loaded[0].height / loaded[0].width)
    strip = Image.new("RGB", (WIDTH, tall * -(-len(loaded) // 2)))
    for place, one in enumerate(loaded):
        strip.paste(one.resize((wide, tall), Image.Resampling.LANCZOS), (place % 2 * wide, place // 2 * tall))
    return strip


def browser(source: Path, size: tuple[int, int], theme: str) -> Any:
    """Return the dock in a window of this size, when it has listed what is to be browsed."""
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.theme = theme
    viewer.window.resize(*size)
    _, dock = viewer.window.add_plugin_dock_widget("napari-cryoden", "Browse")
    dock.source.path = source
    wait(dock.session.listed, lambda: dock.session.found is not None, MINUTES)
    return dock


def main() -> None:
    """Write the picture, and the frames beside it where they are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", type=Path, help="folder or list")
    parser.add_argument("strip", type=Path)
    parser.add_argument("--size", type=int, nargs=2, default=(1366, 768))
    parser.add_argument("--theme", default="dark")
    parser.add_argument("--rows", type=int, nargs="+", default=[0, 1, 2, 3], help="-1 is the last one")
    parser.add_argument("--filter", default="", help="what is typed into the search field for a last frame")
    parser.add_argument("--keep", type=Path, help="folder for the single frames")
    parser.add_argument("--export", type=Path, help="folder for the lists of what was decided")
    asked = parser.parse_args()
    dock = browser(asked.source, asked.size, asked.theme)
    with TemporaryDirectory() as folder:
        taken = list(frames(dock, asked.rows, asked.filter, asked.keep or Path(folder)))
        joined(taken).save(asked.strip, quality=QUALITY)
    if asked.export:
        asked.export.mkdir(parents=True, exist_ok=True)
        dock.export(asked.export)
        for written in sorted(asked.export.glob("*.star")):
            print(written.name, len(micrographs_of(written)))  # noqa: T201  what it was asked for
    dock.viewer.close()


if __name__ == "__main__":
    main()

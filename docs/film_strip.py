"""Pages through a folder in the browser and joins what the window showed, one frame a key, to one picture.

python docs/film_strip.py FOLDER strip.jpg [--size 1366 768] [--theme dark] [--frames 4] [--from 0]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import napari
from PIL import Image

from napari_cryoden.demo import picture, wait

WIDTH, QUALITY = 1600, 88  # px of the joined picture; JPEG
KEYS = ("accept", "accept", "reject")  # in turn


def frames(viewer: Any, dock: Any, number: int, first: int, folder: Path) -> list[Path]:
    """Take a picture of each exposure once its denoised micrograph is there, and decide about it."""
    found = []
    dock.view.look_at_row(first)
    for step in range(number):
        wait(dock.session.changed, lambda: dock.session.shown.stage == "denoised", 10)
        found.append(folder / f"{step}.png")
        picture(viewer, found[-1])
        dock.ask(KEYS[step % len(KEYS)])
        dock.step(1)
    return found


def joined(pictures: list[Path]) -> Image.Image:
    """Return pictures of one size, two in a row."""
    loaded = [Image.open(one).convert("RGB") for one in pictures]
    wide, tall = WIDTH // 2, round(WIDTH / 2 * loaded[0].height / loaded[0].width)
    strip = Image.new("RGB", (WIDTH, tall * -(-len(loaded) // 2)))
    for place, one in enumerate(loaded):
        strip.paste(one.resize((wide, tall), Image.Resampling.LANCZOS), (place % 2 * wide, place // 2 * tall))
    return strip


def main() -> None:
    """Write the picture, and the frames beside it where they are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("strip", type=Path)
    parser.add_argument("--size", type=int, nargs=2, default=(1366, 768))
    parser.add_argument("--theme", default="dark")
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--from", type=int, default=0, dest="first", help="row of the table")
    parser.add_argument("--keep", type=Path, help="folder for the single frames")
    asked = parser.parse_args()
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.theme = asked.theme
    viewer.window.resize(*asked.size)
    _, dock = viewer.window.add_plugin_dock_widget("napari-cryoden", "Browse")
    dock.source.path = asked.folder
    wait(dock.session.listed, lambda: dock.session.found is not None, 2)
    with TemporaryDirectory() as folder:
        taken = frames(viewer, dock, asked.frames, asked.first, asked.keep or Path(folder))
        joined(taken).save(asked.strip, quality=QUALITY)
    viewer.close()


if __name__ == "__main__":
    main()

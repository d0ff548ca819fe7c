"""An acquisition for tests: micrographs in a RELION project, with a STAR file of their CTFs."""

from __future__ import annotations

from pathlib import Path

from cryoden.io import mrc
from tests.cryoden.scenes import scene, write_halves

NAMES = ("M/x/a 1.mrc", "M/y/b.mrc", "M/y/c.mrc")
HEAD = """# version 50001

data_optics

loop_
_rlnOpticsGroup #1
_rlnMicrographPixelSize #2
1 1.5
2 0.8

data_micrographs

loop_
_rlnMicrographName #1
_rlnOpticsGroup #2
_rlnDefocusU #3
_rlnDefocusV #4
_rlnCtfMaxResolution #5
_rlnCtfIceRingDensity #6
"""
ROWS = (
    "'M/x/a 1.mrc' 1 12000.0 10000.0 4.5 0.9   # the first",
    "M/y/b.mrc 2 21000.0 19000.0 8.25 2.5",
    "M/y/c.mrc 1 7000.0 7000.0 inf None",
)


def write_project(project: Path, shape: tuple[int, int] = (96, 128)) -> Path:
    """Write three micrographs, and return the STAR file that lists them."""
    for number, name in enumerate(NAMES):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        mrc.write(project / name, scene(number, shape).even.data, pixel_size=None, label="made for a test")
    star = project / "micrographs_ctf.star"
    star.write_text(HEAD + "\n".join(ROWS) + "\n")
    return star


def write_folder(folder: Path, shape: tuple[int, int] = (96, 128)) -> Path:
    """Write halves with their sum, a micrograph with its result, and a result alone into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    known = scene(1, shape)
    write_halves(folder, known)
    for name, data in (
        ("m1", known.even.data + known.odd.data),
        ("m2", scene(2, shape).even.data),
        ("m2_denoised", scene(2, shape).clean),
        ("m10_denoised", scene(3, shape).clean),
    ):
        mrc.write(folder / f"{name}.mrc", data, pixel_size=1.5, label="made for a test")
    return folder

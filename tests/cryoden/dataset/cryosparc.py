"""A cryoSPARC project for tests: exposures of a motion correction, and of a CTF estimation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryoden.io import mrc
from tests.cryoden.scenes import scene

UIDS = (90334788266266069, 2714306824294111763, 15762140416835289736)
NAMES = ("18jam15b_0345", "18jam15b_0346.v2", "18 jam 0347")
BLOB = (
    ("idx", "<u4"), ("shape", "<u4", (2,)), ("psize_A", "<f4"), ("format", "S5"),
    ("is_background_subtracted", "<u4"), ("vmin", "<f4"), ("vmax", "<f4"), ("import_sig", "<u8"),
)  # fmt: skip
SIZE = 3.0
EDGE = 272  # px; images of a stack up to 256 px are particles


def path_of(number: int, ending: str = "") -> str:
    """Return the name of a micrograph from the project's folder, as a motion correction gives it."""
    return f"J2/motioncorrected/{UIDS[number]:021d}_{NAMES[number]}_patch_aligned{ending}.mrc"


def rows(slots: dict[str, list[str]], more: dict[str, NDArray[Any]] | None = None) -> NDArray[Any]:
    """Return exposures with images in these slots, and other columns."""
    fields: list[Any] = [("uid", "<u8")]
    for slot, paths in slots.items():
        width = max(len(path.encode()) for path in paths)
        fields += [(f"{slot}/path", f"S{width}"), *((f"{slot}/{one[0]}", *one[1:]) for one in BLOB)]
    fields += [(name, values.dtype, values.shape[1:]) for name, values in (more or {}).items()]
    made = np.zeros(len(UIDS), fields)
    made["uid"] = UIDS
    for slot, paths in slots.items():
        made[f"{slot}/path"] = [path.encode() for path in paths]
        made[f"{slot}/shape"], made[f"{slot}/psize_A"], made[f"{slot}/format"] = EDGE, SIZE, b"MRC/1"
    for name, values in (more or {}).items():
        made[name] = values
    return made


def save(path: Path, table: NDArray[Any]) -> Path:
    """Write a ``.cs`` file in the plain form."""
    with path.open("wb") as file:
        np.save(file, table, allow_pickle=False)
    return path


def write_project(project: Path, edge: int = EDGE) -> Path:
    """Make a project with three micrographs and halves, and return the list of its motion correction."""
    (project / "J2" / "motioncorrected").mkdir(parents=True)
    (project / "J3").mkdir()
    for number in range(len(UIDS)):
        known = scene(number, (edge, edge))
        halves = np.stack([known.even.data, known.odd.data])
        mrc.write(project / path_of(number), halves.mean(axis=0), pixel_size=SIZE, label="a sum")
        write_stack(project / path_of(number, "_AB"), halves)
    blobs = {
        "micrograph_blob": [path_of(number) for number in range(3)],
        "micrograph_blob_non_dw_AB": [path_of(number, "_AB") for number in range(3)],
    }
    exposures = save(project / "J2" / "exposures.cs", rows(blobs))
    save(project / "J3" / "J3_passthrough_exposures.cs", rows(blobs)[::-1])
    defocus = np.array([1.0, 2.0, 3.0], "<f4")
    save(project / "J3" / "exposures.cs", rows({}, {"ctf/df1_A": defocus}))
    return exposures


def write_stack(path: Path, images: NDArray[np.float32]) -> None:
    """Write images with cryoSPARC's header, that of a volume (cryosparc-tools, ``cryosparc/mrc.py``)."""
    words = np.zeros(256, "<i4")
    words[:3] = words[7:10] = images.shape[::-1]
    words[3] = 2
    words.view("<f4")[10:13] = [SIZE * side for side in images.shape[::-1]]
    words.view("<f4")[13:16] = 90
    words[16:19] = 1, 2, 3
    words[52:54] = 542130509, 16708
    path.write_bytes(words.tobytes() + images.astype("<f4").tobytes())

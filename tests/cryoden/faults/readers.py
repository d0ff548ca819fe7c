"""What reads files that others have written, with a sound file of each kind to begin with."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy

from cryoden.dataset import cs_tables, listed_files
from cryoden.dataset.half_names import find_pairs
from cryoden.denoising.denoise import Denoiser
from cryoden.errors import CryodenError
from cryoden.evaluation import json_file
from cryoden.experiment.store import PatchStore
from cryoden.formats import micrographs
from cryoden.io import mrc
from cryoden.model import checkpoint
from cryoden.movies.defects import read_defects
from cryoden.movies.readers import open_movie
from cryoden.runs import external, record
from cryoden.runs.folder import RunFolder
from cryoden.runs.keeper import kept_in
from cryoden.settings.denoising import DenoisingSettings
from cryoden.simulation.pdb import read_structure
from tests.cryoden.dataset.cryosparc import rows, save
from tests.cryoden.denoising.test_denoise import model
from tests.cryoden.experiment.patch_sets import made
from tests.cryoden.hostile import header, pixels
from tests.cryoden.scenes import scene
from tests.napari_cryoden.runs import events


@dataclass(frozen=True)
class Reader:
    """One kind of file.

    Parameters
    ----------
    sample : callable
        Makes a sound file in an empty folder, with whatever lies beside it, and returns it.
    read : callable
        Reads such a file as far as the program looks at it.
    """

    sample: Callable[[Path], Path]
    read: Callable[[Path], object]

    def __call__(self, path: Path) -> str:
        """Return the code of the refusal, nothing where it was read; any other error comes out."""
        try:
            self.read(path)
        except CryodenError as error:
            refusal = error
        else:
            return ""
        assert "\n" not in str(refusal)
        return refusal.code


def _mrc(folder: Path) -> Path:
    path = folder / "m.mrc"
    path.write_bytes(header(words={24: 64}, exttyp=b"SERI") + bytes(64) + pixels())
    return path


def _read_mrc(path: Path) -> None:
    micrographs.read(path)


STAR = """# version 50001

data_optics

loop_
_rlnOpticsGroup #1
_rlnMicrographPixelSize #2
1 3.0

data_micrographs

loop_
_rlnMicrographName #1
_rlnMicrographNameEven #2
_rlnMicrographNameOdd #3
_rlnOpticsGroup #4
a/m0.mrc 'a/m0_EVN.mrc' "a/m0_ODD.mrc" 1 # a comment
a/m1.mrc a/m1_EVN.mrc a/m1_ODD.mrc 1
"""


def _micrographs(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(header() + pixels())


def _star(folder: Path) -> Path:
    _micrographs(folder, *(f"a/m{number}{half}.mrc" for number in "01" for half in ("", "_EVN", "_ODD")))
    path = folder / "m.star"
    path.write_text(STAR)
    return path


def _read_star(path: Path) -> None:
    refusals = []
    for reading in (listed_files.micrographs_of, listed_files.halves_of, lambda star: find_pairs([star])):
        try:
            reading(path)
        except CryodenError as error:
            refusals.append(error)
    listed_files.pixel_sizes([path])
    if refusals:
        raise refusals[0]


def _cs(folder: Path) -> Path:
    _micrographs(folder, *(f"J2/m{number}.mrc" for number in range(3)))
    blobs = {"micrograph_blob": [f"J2/m{number}.mrc" for number in range(3)]}
    return save(folder / "exposures.cs", rows(blobs))


def _read_cs(path: Path) -> None:
    table = cs_tables.with_passthrough(cs_tables.read_table(path))
    for column in table.columns:
        if column.endswith("/path"):
            table.texts(column)
    listed_files.micrographs_of(path)


def _csg(folder: Path) -> Path:
    _cs(folder)
    path = folder / "exposures.csg"
    result = {"metafile": ">exposures.cs", "type": "exposure.micrograph_blob", "num_items": 3}
    path.write_text(
        f"created: 2026-01-01\nversion: v5.0\nresults:\n  micrograph_blob: {json.dumps(result)}\n"
    )
    return path


def _model(folder: Path) -> Path:
    path = folder / "m.safetensors"
    checkpoint.write(model("baseline"), path)
    return path


def _read_model(path: Path) -> None:
    Denoiser(checkpoint.load(path), DenoisingSettings(device="cpu"))


def _description(folder: Path) -> Path:
    path = folder / "description.json"
    path.write_text(model("baseline").description())
    return path


def _read_signed(path: Path) -> None:
    """Read a model of this description, whose checksum is right: what is damaged else is noticed by that."""
    text = path.read_bytes().decode("utf-8", "replace")
    weights = dict(model("baseline").weights)
    known = {checkpoint.KEY: text, "sha256": checkpoint._fingerprint(text, weights)}
    signed = path.with_name("signed.safetensors")
    signed.write_bytes(safetensors.numpy.save(weights, known))
    _read_model(signed)


def _run(folder: Path) -> Path:
    deque(kept_in(RunFolder(folder / "run"), events(epochs=2)), maxlen=0)
    return folder / "run" / "run.json"


def _read_run(path: Path) -> None:
    record.read(path.parent).history()


def _metrics(folder: Path) -> Path:
    return _run(folder).with_name("metrics.csv")


def _index(folder: Path) -> Path:
    (folder / "in").mkdir()
    mrc.write(folder / "in" / "m.mrc", scene().even.data, pixel_size=1.5, label="made for a test")
    made(folder / "in", folder / "set")
    return folder / "set" / "index.json"


def _described(folder: Path) -> Path:
    path = folder / "described.json"
    path.write_bytes(external.shipped("experiment").read_bytes())
    return path


def _log(folder: Path) -> Path:
    path = folder / "log.csv"
    path.write_text("# name: Fortran\n# batch: 4\nstep,loss,seconds\n1,0.5,0.1\n2,0.4,0.2\n3,0.3,0.3\n")
    return path


def _defects(folder: Path) -> Path:
    path = folder / "defects.txt"
    path.write_text("10 0 1 48\n0 3 64 1\n")
    return path


def _movie(folder: Path) -> Path:
    path = folder / "m.mrcs"
    path.write_bytes(header(words={3: 3}) + 3 * pixels())
    return path


def _read_movie(path: Path) -> None:
    with open_movie(path) as movie:
        np.asarray(movie.frame(0))


PDB = """ATOM      1  N   ALA A   1      11.104   6.134  -6.504  1.00  0.00           N
ATOM      2  CA  ALA A   1      11.639   6.071  -5.147  1.00  0.00           C
END
"""


def _pdb(folder: Path) -> Path:
    path = folder / "m.pdb"
    path.write_text(PDB)
    return path


READERS = {
    "micrograph": Reader(_mrc, _read_mrc),
    "STAR": Reader(_star, _read_star),
    "cs": Reader(_cs, _read_cs),
    "csg": Reader(_csg, _read_cs),
    "model": Reader(_model, _read_model),
    "model's description": Reader(_description, _read_signed),
    "run.json": Reader(_run, _read_run),
    "metrics.csv": Reader(_metrics, _read_run),
    "index.json": Reader(_index, lambda path: PatchStore(path.parent)),
    "described run": Reader(_described, external.read),
    "described table": Reader(_log, external.read),
    "evaluation": Reader(_described, json_file.load),
    "defects": Reader(_defects, lambda path: read_defects(path, (48, 64))),
    "movie": Reader(_movie, _read_movie),
    "structure": Reader(_pdb, read_structure),
}

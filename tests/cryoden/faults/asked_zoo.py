"""The rest of the zoo: one command of each fault of data sets, settings, results and runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cryoden.cli.main import main
from cryoden.io import mrc
from cryoden.model import checkpoint
from tests.cryoden.checkpoints.interrupted import begun, until
from tests.cryoden.denoising.test_denoise import model
from tests.cryoden.scenes import scene, write_halves

Ask = Callable[[Path], list[str]]


@dataclass(frozen=True)
class Asked:
    """One command.

    Parameters
    ----------
    code : str
        Of what is said of it, error or warning.
    words : str
        What must be said: found and expected.
    ask : callable
        Writes what the command needs into a folder, and returns it.
    status : int
        How it ends.
    page : str
        What the page of messages says in place of these words, where they have names and numbers in them.
    """

    code: str
    words: str
    ask: Ask
    status: int = 1
    page: str = ""

    def __str__(self) -> str:
        return f"{self.code} {self.words}"


def _half(folder: Path, name: str, seed: int = 0, **other: Any) -> Path:
    about: dict[str, Any] = {"data": scene(seed).even.data, "pixel_size": 1.5} | other
    mrc.write(folder / name, about["data"], pixel_size=about["pixel_size"], label="made for a test")
    return folder / name


def _training(folder: Path, *more: str) -> list[str]:
    keep = [] if {"--run", "--resume"} & set(more) else ["--model", str(folder / "new.safetensors")]
    return ["train", "--halves", str(folder), *keep, "--device", "cpu", *more]


def _pair(even: dict[str, Any], odd: dict[str, Any]) -> Ask:
    """Train on a pair of two files that are made so."""

    def ask(folder: Path) -> list[str]:
        _half(folder, "m0_EVN.mrc", **even)
        _half(folder, "m0_ODD.mrc", **odd)
        return _training(folder)

    return ask


def _trained(*more: str) -> Ask:
    """Train on a sound pair, with these flags; FOLDER is where it lies."""

    def ask(folder: Path) -> list[str]:
        write_halves(folder, scene(0))
        (folder / "old.safetensors").write_bytes(b"a model")
        return _training(folder, *(word.replace("FOLDER", str(folder)) for word in more))

    return ask


def _no_pairs(folder: Path) -> list[str]:
    return _training(folder)


def _nothing(folder: Path) -> list[str]:
    return ["info", str(folder)]


def _no_partner(folder: Path) -> list[str]:
    write_halves(folder, scene(0))
    _half(folder, "m1_EVN.mrc", 1)
    return _training(folder)


def _twice(folder: Path) -> list[str]:
    for name in ("a", "b"):
        (folder / name).mkdir()
        _half(folder / name, "m.mrc")
    return [
        "denoise",
        str(folder / "a" / "m.mrc"),
        str(folder / "b" / "m.mrc"),
        "--output",
        str(folder / "out"),
    ]


def _no_counts(folder: Path) -> list[str]:
    return ["thin", str(_half(folder, "m.mrc")), "--out", str(folder / "out")]


def _outside(folder: Path) -> list[str]:
    _half(folder, "m.mrc")
    (folder / "project").mkdir()
    (folder / "project" / "list.star").write_text("data_\nloop_\n_rlnMicrographName #1\n../m.mrc\n")
    return ["info", str(folder / "project" / "list.star")]


def _denoised(folder: Path, *more: str, pixel_size: float = 1.5) -> list[str]:
    checkpoint.write(model("baseline"), folder / "model.safetensors")
    own = ["denoise", str(_half(folder, "m.mrc", pixel_size=pixel_size)), "--output", str(folder / "out")]
    return [*own, "--model", str(folder / "model.safetensors"), "--device", "cpu", *more]


def _denoised_twice(folder: Path) -> list[str]:
    first = _denoised(folder)
    assert main(first) == 0
    (result,) = (folder / "out").glob("*.mrc")
    return ["denoise", str(result), "--output", str(folder / "again"), *first[4:]]


def _made_otherwise(folder: Path) -> list[str]:
    first = _denoised(folder)
    assert main(first) == 0
    (folder / "m.mrc").unlink()
    _half(folder, "m.mrc", 1)
    return first


def _binned_twice(folder: Path) -> list[str]:
    return _denoised(folder, "--bin", "2", "--bin-to", "6")


def _far_pixels(folder: Path) -> list[str]:
    return _denoised(folder, pixel_size=9.0)


def _left(folder: Path) -> Path:
    (folder / "data").mkdir()
    for seed in range(2):
        write_halves(folder / "data", scene(seed))
    until(begun(folder / "data", folder / "run"), 2)
    return folder / "run"


def _changed(folder: Path) -> list[str]:
    return ["train", "--resume", str(_left(folder)), "--batch", "3", "--device", "cpu"]


def _finished(folder: Path) -> list[str]:
    main(["train", "--resume", str(_left(folder))])
    return ["train", "--resume", str(folder / "run")]


def _too_few_pairs(folder: Path) -> list[str]:
    _half(folder, "m.mrc")
    return [
        "baseline",
        str(folder / "m.mrc"),
        "--run",
        str(folder / "run"),
        "--patch",
        "64",
        "--device",
        "cpu",
    ]


def _evaluated(*more: str) -> Ask:
    def ask(folder: Path) -> list[str]:
        write_halves(folder, scene(0))
        return [
            "evaluate",
            str(folder),
            "--device",
            "cpu",
            *(one.replace("FOLDER", str(folder)) for one in more),
        ]

    return ask


SMALLEST = "micrograph smaller than the smallest patch"
SMALL = {"data": np.ascontiguousarray(scene(0).odd.data[:, :-8])}
ASKED = [
    Asked("D01", "0 micrographs", _nothing, 2),
    Asked("D01", "0 half-set pairs", _no_pairs, 2),
    Asked("D02", "1 half has no partner", _no_partner, page="halves have no partner"),
    Asked("D03", "halves do not match", _pair({"seed": 0}, {"seed": 1})),
    Asked("D04", "both halves have the same pixels", _pair({}, {})),
    Asked("D05", "differ in size", _pair({}, SMALL)),
    Asked("D06", "differ in pixel size", _pair({}, {"data": scene(0).odd.data, "pixel_size": 3.0})),
    Asked("D07", "would have the same result", _twice),
    Asked("D12", "smaller than a patch (12×14 px", _trained("--working-pixel", "20"), page=SMALLEST),
    Asked("D13", "pixels are not independent electron counts", _no_counts, 3),
    Asked("D16", "lie outside its project", _outside, 0),
    Asked("G06", "are too few for a batch", _too_few_pairs),
    Asked("O04", "would replace its own input", _trained("--model", "FOLDER/m0_EVN.mrc", "--overwrite")),
    Asked("O05", "already exists", _trained("--model", "FOLDER/old.safetensors")),
    Asked("O05", "already exists", _trained("--run", "FOLDER")),
    Asked("O05", "already exists", _made_otherwise, 3),
    Asked("O06", "does not exist", _trained("--model", "FOLDER/none/m.safetensors")),
    Asked("R01", "is not a run folder", _trained("--resume", "FOLDER")),
    Asked(
        "S01", "(expected 1e-07 to 10)", _trained("--learning-rate", "7e9"), 2, "(expected range or choices)"
    ),
    Asked("S02", "cuda:7", _trained("--device", "cuda:7"), 2, "the chosen device (cuda:1"),
    Asked("S03", "give either --halves", lambda folder: ["train", "--run", str(folder / "run")], 2),
    Asked("S03", "bin = 2 and bin_to = 6 were given", _binned_twice, 2, "--bin and --bin-to were given"),
    Asked("S04", "has no name", _evaluated("--other", "FOLDER"), 2),
    Asked("S08", "is no command", lambda _: ["denoize"], 2),
    Asked(
        "T13",
        "the model was trained at 1.5 Å/px",
        _far_pixels,
        0,
        "the model was trained at another pixel size",
    ),
    Asked("T14", "denoised twice", _denoised_twice, 0),
    Asked("T17", "batch: 2 then, 3 now", _changed, page="differs in settings or data"),
    Asked("T18", "is finished", _finished),
]

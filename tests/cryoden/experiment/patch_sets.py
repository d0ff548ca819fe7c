"""Data sets of patch pairs on disk, built and damaged."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryoden.experiment.build import BuildFinished, build
from cryoden.experiment.data_source import PairSource, patch_pairs
from cryoden.settings.baseline import PatchSettings

ROOT = Path(__file__).parents[3]


def settings(**chosen: object) -> PatchSettings:
    return PatchSettings(**({"patch": 64, "stride": 64, "shard": 5} | chosen))  # type: ignore[arg-type]


def made(micrographs: Path, folder: Path, **chosen: object) -> BuildFinished:
    *_, ended = build(patch_pairs(PairSource([micrographs]), settings(**chosen)), folder)
    assert isinstance(ended, BuildFinished)
    return ended


def digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def change_byte(file: Path, at: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        old = opened.read(1)[0]
        opened.seek(at)
        opened.write(bytes([old ^ 1]))

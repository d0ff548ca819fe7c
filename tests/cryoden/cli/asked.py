"""Commands that several files of tests ask for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cryoden.cli.main import main

QUICK = ["--device", "cpu", "--precision", "float32", "--patch", "64", "--batch", "2"]
QUICK += ["--steps-per-epoch", "4", "--learning-rate", "0.005"]


def train(folder: Path, *more: str) -> int:
    return main(["train", "--halves", str(folder), "--model", str(folder / "m.safetensors"), *QUICK, *more])


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]

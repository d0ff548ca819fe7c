"""Methods whose faults are known, evaluated once for all tests of a process."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from cryoden.evaluation.conclusions import Finding, MethodConclusion, conclusions
from cryoden.evaluation.evaluate import EvaluationFinished, evaluate
from cryoden.evaluation.exposures import Exposure, Subject
from cryoden.evaluation.scores import Row
from cryoden.events.batch import TileFinished
from cryoden.image.filters import gaussian
from cryoden.io import mrc
from cryoden.micrograph import Micrograph, Pixels
from cryoden.settings.tools import EvaluationSettings
from cryoden.simulation import exposure
from cryoden.simulation.scene import Scene

EDGE = 512


@dataclass(frozen=True)
class Planted:
    """A method whose faults are known."""

    name: str
    kind: Any = "model"

    def denoise(self, exposure: Exposure) -> Generator[TileFinished, None, tuple[Pixels, Pixels]]:
        yield TileFinished(1, 1)
        function = self.function(exposure)
        return function(exposure.even), function(exposure.odd)

    def function(self, exposure: Exposure) -> Any:
        if self.name == "oracle":
            truth = np.asarray(exposure.truth, np.float32)
            return lambda image: truth + gaussian(image, 8)
        return {"copy": _copy, "prints": _prints, "dreams": _dreams, "gray": np.zeros_like}[self.name]


def _copy(image: Pixels) -> Pixels:
    return image.copy()


def _prints(image: Pixels) -> Pixels:
    """Put the same particles on every micrograph."""
    pattern = gaussian(np.random.default_rng(9).standard_normal(image.shape, np.float32), 8)
    return np.asarray(gaussian(image, 4) + 0.6 * pattern / pattern.std(), np.float32)


def _dreams(image: Pixels) -> Pixels:
    """Make particles of equal strength out of whatever there is."""
    smooth = gaussian(image, 4)
    return np.asarray(np.sign(smooth - smooth.mean()), np.float32)


@cache
def subject(seed: int, edge: int = EDGE) -> Subject:
    """Return a simulated pair with all that its halves share as truth."""
    shown = exposure.exposed(Scene(edge=edge, particles=30, seed=seed))
    truth = Micrograph(shown.clean_with_ice, shown.scene.pixel_size, f"m{seed}")
    return Subject(f"m{seed}", shown.pair(f"m{seed}"), truth)


@cache
def finished() -> EvaluationFinished:
    """Two simulated pairs with truth and all planted methods, evaluated once for all tests."""
    planted: Any = [Planted(name) for name in ("oracle", "copy", "prints", "dreams", "gray")]
    *_, last = evaluate([subject(1), subject(2)], planted, EvaluationSettings())
    assert isinstance(last, EvaluationFinished)
    return last


def row(name: str) -> Row:
    return next(row for row in finished().table.rows if row.name == name)


def found(name: str) -> MethodConclusion:
    return next(verdict for verdict in conclusions(finished().table) if verdict.name == name)


def against(name: str) -> list[Finding]:
    verdict = found(name)
    return [one for one in (verdict.better, *verdict.findings) if one.status == "bad"]


def write(path: Path, pixels: Pixels) -> None:
    mrc.write(path, pixels, pixel_size=2.0, label="made for a test")


def halves_of(one: Subject) -> list[Micrograph]:
    return [half for half in (one.halves.even, one.halves.odd) if isinstance(half, Micrograph)]

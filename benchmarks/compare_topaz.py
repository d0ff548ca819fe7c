"""Topaz-Denoise beside this program, in one run on the same halves.

    python benchmarks/compare_topaz.py HALVES OUTPUT [--model MODEL...] [--whole] [--topaz COMMAND]

Topaz is no dependency: give the command that runs it (``pip install topaz-em``). It denoises both
halves of each pair with its pretrained ``unet``, and then ``cryoden evaluate --other topaz=…`` writes
OUTPUT/report.html and OUTPUT/figures.json. Unless told otherwise on the central 1024 × 1024 px of
each half. Topaz is also asked the questions of trust: white noise, and the first even half with
random phases beyond 20 Å, on the same pixels as the models.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cryoden.cli.main import main as cryoden
from cryoden.evaluation.checks import SEED
from cryoden.evaluation.exposures import Exposure, open_subjects, read
from cryoden.evaluation.half_metrics import middle
from cryoden.formats import micrographs
from cryoden.image.normalization import measure
from cryoden.image.spectra import phase_randomized
from cryoden.io import mrc
from cryoden.micrograph import Micrograph, Pixels

BEYOND = 20.0  # Å


def written(folder: Path, exposures: Sequence[Exposure]) -> list[Path]:
    """Write the z-scored halves, and the questions of the first pair, for both programs to read."""
    folder.mkdir(parents=True)
    first = exposures[0]
    even = middle(first.even)
    scale = measure(Micrograph(even, None, "even"))
    noise = scale.undo(np.random.default_rng(SEED).standard_normal(even.shape, np.float32))
    images = {f"{one.name}_EVN": one.even for one in exposures}
    images |= {f"{one.name}_ODD": one.odd for one in exposures}
    images |= {"ask_center": even, "ask_noise": noise}
    images["ask_phases"] = phase_randomized(even, first.pixel_size, BEYOND, SEED)
    for name, pixels in images.items():
        mrc.write(folder / f"{name}.mrc", pixels, pixel_size=first.pixel_size, label="for a comparison")
    return [folder / f"{name}.mrc" for name in images]


def denoised(command: str, files: Sequence[Path], output: Path) -> float:
    """Let Topaz denoise the files one by one, as its users do; return seconds for one."""
    output.mkdir()
    began = time.monotonic()
    asked = [*shlex.split(command), "denoise", "--model", "unet", "--device", "-1", "--output", str(output)]
    subprocess.run([*asked, *map(str, files)], check=True)  # noqa: S603 - the command the user gave
    return (time.monotonic() - began) / len(files)


def power(folder: Path, name: str) -> float:
    """Return the variance of an answer."""
    answer: Pixels = micrographs.read(folder / f"ask_{name}.mrc").data
    return float(answer.var(dtype=np.float64))


def main() -> int:
    """Compare, and say where the report is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("halves", type=Path, nargs="+")
    parser.add_argument("output", type=Path)
    parser.add_argument("--model", type=Path, nargs="*", default=[])
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--topaz", default="topaz", metavar="COMMAND")
    asked = parser.parse_args()
    exposures = [read(one, center=not asked.whole) for one in open_subjects(asked.halves)]
    halves, answers = asked.output / "halves", asked.output / "topaz"
    files = written(halves, exposures)
    print(f"topaz: {denoised(asked.topaz, files, answers):.1f} s for one file, loading included")
    for name in ("noise", "phases"):
        print(f"topaz: {name} gave {power(answers, name) / power(answers, 'center'):.2f} of the power")
    models = ["--model", *map(str, asked.model)] if asked.model else []
    written_to = [
        "--report",
        str(asked.output / "report.html"),
        "--figures",
        str(asked.output / "figures.json"),
    ]
    return cryoden(["evaluate", str(halves), "--other", f"topaz={answers}", *models, *written_to])


if __name__ == "__main__":
    sys.exit(main())

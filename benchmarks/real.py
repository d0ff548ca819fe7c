"""The bench of reality: every method on real micrographs, judged by images of independent noise.

    python benchmarks/real.py DATA            everything that needs no training, one table a data set
        [--minutes 0.5]                       networks trained that long on what is to be fitted to, too
        [--topaz COMMAND --topaz-models unet] Topaz's pretrained models, too
        [--model FILE...] [--only k2] [--device auto]

DATA is a folder with ``k2_counting/k2_micrograph_{EVN,ODD}.mrc``,
``apoferritin_pairs/*_{frame,rest}.mrc``, ``falcon_micrograph.mrc`` and ``contaminated_micrograph.mrc``,
or the file that ``--pack FILE`` makes of it for a machine without them.

K2: filters and gains are fitted, and networks trained (Noise2Noise), on the left half of the micrograph;
everything is judged on the right half: r of a denoised half with the other raw half, mean and standard
error over blocks. Apoferritin: r of a denoised frame of 2 e⁻/Å² with the mean of the other frames, mean
and standard error over frames; what is fitted or trained (supervised) is so on two thirds of the frames
and judged on the others, in three splits. ``+ raw`` gives network output and raw image one gain a ring each,
fitted by least squares. The slope is that of the other raw image on the denoised one: 1 is honest, less
promises more than there is (apoferritin's two have different units).

Contrast is DRACO's: of circles with and without a particle (regions.json), 10·log10((µs − µb)² / vb), above
that of the 20 Å low-pass on the same circles, its error by leaving out one pair after the other. It
compares nothing with another image: blur raises it, and so would a picture that is drawn.

Falcon and contaminated have no halves: white noise in, phases scrambled beyond 340 Å, and the seams of tiles.
K2 and apoferritin choose between recipes here; no shipped model is trained on them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from real_data import Data, apoferritin, arrays, k2, pack
from real_methods import USUAL, add_flags, by_model, methods
from real_readings import AGREEMENT, Rows, show

from cryoden.image.spectra import PARTICLES, phase_randomized
from cryoden.micrograph import Pixels

CONTRAST = f"contrast over {USUAL}, dB"
NOISE = ("white noise, power out", "phases random beyond 340 Å", "seams")
# The contaminated micrograph's header has no pixel size. Its rings of contrast transfer are zero at 0.33 and
# 0.47 cycles a pixel: 0.8 µm of underfocus at 4.2 Å/px, which is 1.06 Å/px binned by four, and the micrograph
# has a quarter of a K2's sides. At 1.4 Å/px it would be 0.09 µm, which nobody uses.
SIZES = {"EVN": 0.854, "falcon": 0.667, "contaminated": 4.2}  # Å/px


def table(folds: Sequence[Data], asked: argparse.Namespace) -> None:
    """Print mean and standard error of every method, over the blocks or frames of all folds."""
    rows = Rows()
    with TemporaryDirectory() as folder:
        for data, (name, denoise) in (
            (one, each) for one in folds for each in methods(one, asked, Path(folder))
        ):
            rows.add(name, denoise, data)
    show(folds[0].name, (*AGREEMENT, CONTRAST), rows.cells())


def noise(image: Pixels, pixel_size: float, model: Path, device: str) -> list[str]:
    """Return what white noise and scrambled phases give of a micrograph's power, and how tiles differ."""
    middle = image[tuple(slice(max(0, side // 2 - 512), side // 2 + 512) for side in image.shape)]
    white = np.random.default_rng(3).standard_normal(middle.shape, np.float32)
    scrambled = phase_randomized(middle, pixel_size, PARTICLES.coarse, 3)
    denoise, tiled = (by_model(model, pixel_size, device, tile) for tile in (0, 128))
    output = denoise(middle)
    powers = [float(denoise(given).var() / output.var()) for given in (white, scrambled)]
    seam = float(np.abs(tiled(middle) - output).max() / output.std())
    return [f"{powers[0]:.3f}", f"{powers[1]:.2f}", f"{seam:.0e}"]


def noise_table(images: dict[str, Pixels], asked: argparse.Namespace) -> None:
    """Print the same of every micrograph and model."""
    rows = {
        f"{'K2' if name == 'EVN' else name}, {size:g} Å/px, {model.stem}": noise(
            images[name], size, model, asked.device
        )
        for name, size in SIZES.items()
        if name in images
        for model in asked.model
    }
    show("micrograph, model", NOISE, rows)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--pack", type=Path, metavar="FILE")
    parser.add_argument("--minutes", type=float, default=0.0, help="of training on the fitted part")
    parser.add_argument("--only", choices=("all", "k2", "apoferritin", "noise"), default="all")
    parser.add_argument("--device", default="auto")
    add_flags(parser)
    asked = parser.parse_args()
    images = arrays(asked.data)
    if asked.pack:
        pack(images, asked.pack)
        return
    if asked.only in {"k2", "all"} and "EVN" in images:
        table([k2(images)], asked)
    if asked.only in {"apoferritin", "all"} and (folds := list(apoferritin(images))):
        table(folds, asked)
    if asked.only in {"noise", "all"}:
        noise_table(images, asked)


if __name__ == "__main__":
    main()

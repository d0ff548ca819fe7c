"""What RELION's manual picker calls as its Topaz executable: ``cryoden-topaz denoise``.

The picker writes a script of one command, ``EXECUTABLE denoise MICROGRAPH --output FOLDER --device 0
--patch-size 1024 --patch-padding 256 --normalize``, and shows the file of the same name in the folder. When
the command fails it shows the raw micrograph. Contract: RELION 4 and 5, ``displayer.cpp``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from cryoden.compute import devices
from cryoden.errors import CryodenError, SettingsError
from cryoden.events.batch import FileFailed, FileFinished
from cryoden.model.general import GENERAL
from cryoden.settings.denoising import DenoisingSettings
from cryoden.workflows.denoise_micrographs import BatchRequest, denoise_files

OTHERS = ("relion_python_topaz", "topaz")  # what can do the rest, training and picking
MODEL = "CRYODEN_MODEL"  # RELION has no field for it


def main(arguments: Sequence[str] | None = None) -> int:
    """Denoise as the picker asks for it, or hand another command on to Topaz; return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if not words or words[0] in {"denoise", "-h", "--help"}:
            return _denoised(_parser().parse_args(words[1:] if words[:1] == ["denoise"] else ["--help"]))
        return _handed_on(words)
    except CryodenError as error:
        print(error, file=sys.stderr)  # noqa: T201  RELION keeps it in topaz_denoise.out
        return 1


def _parser() -> ArgumentParser:
    """Return the grammar; what only Topaz has a meaning for is taken, and has none here."""
    parser = ArgumentParser("cryoden-topaz denoise", description="Denoise in RELION's manual picker.")
    parser.add_argument("micrographs", nargs="+", type=Path)
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("-d", "--device", default=0, type=int, help="GPU, or -1 for the processor")
    parser.add_argument(
        "-m", "--model", type=Path, help=f"model file (default: ${MODEL}, or the general one)"
    )
    for name in ("--patch-size", "--patch-padding", "--lowpass", "--gaussian", "--format"):
        parser.add_argument(name, help="not used: tiles are chosen to fit the memory, without seams")
    parser.add_argument("--normalize", action="store_true", help="not used: the gray scale is kept")
    return parser


def _denoised(asked: Namespace) -> int:
    model = asked.model or Path(os.environ.get(MODEL) or GENERAL)
    batch = BatchRequest(model, DenoisingSettings(device=_device(asked.device)), overwrite=True)
    targets = {path: asked.output / path.name for path in asked.micrographs}
    failed = 0
    for event in denoise_files(asked.micrographs, asked.output, batch, targets=targets):
        if isinstance(event, FileFailed):
            failed += 1
            print(event.message, file=sys.stderr)  # noqa: T201  as above
        elif isinstance(event, FileFinished):
            print(event.output)  # noqa: T201  as above
    return 1 if failed else 0


def _device(number: int) -> str:
    """Return the device of this number; RELION says 0, whether there is a GPU or not."""
    if number < 0:
        return "cpu"
    try:
        return devices.named(str(number))
    except SettingsError:
        return "auto"


def _handed_on(words: Sequence[str]) -> int:
    """Let Topaz do it, where it is installed beside this program under one of its usual names."""
    own = Path(sys.argv[0]).resolve()
    found = (shutil.which(name) for name in OTHERS)
    topaz = next((path for path in found if path and Path(path).resolve() != own), None)
    if topaz is None:
        problem = f"only 'denoise' is done here, not '{' '.join(words[:1])}', and Topaz was not found"
        raise SettingsError("S07", None, problem, fix="Install Topaz, or choose it in RELION")
    return subprocess.run([topaz, *words], check=False).returncode  # noqa: S603  as the user would run it


if __name__ == "__main__":
    sys.exit(main())

"""What denoising leaves on disk: results, and how far they are borne out, beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cryoden.events.batch import MicrographDenoised
from cryoden.io import mrc
from cryoden.io.atomic import atomic_write
from cryoden.io.mrc_header_copy import statistics
from cryoden.io.result_stamp import CONFIDENCE_LABEL, ResultStamp, is_confidence, marked, result_label
from cryoden.micrograph import Micrograph
from cryoden.model.checkpoint import label_of
from cryoden.settings.denoising import DenoisingSettings


@dataclass(frozen=True)
class Output:
    """Where a result goes, and how.

    Parameters
    ----------
    micrograph : Path
        The file it is made from.
    part : Path
        The temporary file it is written to.
    target : Path
        Its final name.
    label : str
        See `label_with`.
    settings : DenoisingSettings
        What it is made with.
    overwrite : bool
        Whether what lies there may be replaced.
    """

    micrograph: Path
    part: Path
    target: Path
    label: str
    settings: DenoisingSettings
    overwrite: bool = False


def label_with(model_path: Path, mark: ResultStamp | None = None) -> str:
    """Return the label of a result; with a mark a batch finds it done, see `cryoden.io.result_stamp`."""
    return marked(result_label(label_of(model_path.absolute())), mark)


def write_denoised(path: Path, made: MicrographDenoised, settings: DenoisingSettings, label: str) -> None:
    """Write a result to exactly this path, with the header of the file it came from."""
    denoised, found = made.micrograph, made.statistics or statistics(made.micrograph.data)
    compose = partial(mrc.composed, pixel_size=denoised.pixel_size, like=denoised.path, label=label)
    mrc.write_measured(path, denoised.data, found, settings.pixel_format, compose)


def write_confidence(result: Path, confidence: Micrograph | None, *, overwrite: bool = False) -> None:
    """Publish the confidence of a result, if there is one; see `confidence_file`."""
    if confidence is None:
        return
    with confidence_file(result, confidence.path, overwrite=overwrite) as file:
        mrc.write(
            file,
            confidence.data,
            pixel_size=confidence.pixel_size,
            like=confidence.path,
            label=CONFIDENCE_LABEL,
        )


@contextmanager
def confidence_file(result: Path, micrograph: Path | None, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a path to write the confidence of a result to, published as ``<stem>_confidence.mrc`` beside it.

    One that was written before is replaced.

    Raises
    ------
    OutputError
        O02 to O06 when it cannot be written there, or another file is there.
    """
    path = result.with_name(f"{result.stem.removesuffix('_denoised')}_confidence.mrc")
    inputs = [micrograph] if micrograph else []
    with atomic_write(path, overwrite=overwrite or is_confidence(path), inputs=inputs) as file:
        yield file

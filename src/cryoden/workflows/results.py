"""What denoising leaves on disk: results, and how far they are borne out, beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryoden.denoising.binned import binned, binned_within
from cryoden.errors import Remark
from cryoden.events.batch import MicrographDenoised
from cryoden.formats import writing
from cryoden.formats.beside import mdocs_of
from cryoden.formats.micrographs import probe
from cryoden.formats.result_stamp import (
    CONFIDENCE_LABEL,
    ResultStamp,
    denoised_with,
    is_confidence,
    marked,
    result_label,
    sum_label,
)
from cryoden.io.atomic import atomic_write
from cryoden.micrograph import Micrograph
from cryoden.model.checkpoint import label_of
from cryoden.settings.denoising import DenoisingSettings

TWICE = Remark("T14", "this is a result of cryoden already: denoised twice")
OUR_TITLE = b"[T = cryoden "


@dataclass(frozen=True)
class Output:
    """Where a result goes, and how.

    Parameters
    ----------
    micrograph : Path or None
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

    micrograph: Path | None
    part: Path
    target: Path
    label: str
    settings: DenoisingSettings
    overwrite: bool = False


def label_with(model_path: Path, mark: ResultStamp | None = None, halves: Sequence[Path] = ()) -> str:
    """Return the label of a result, of one line or, for the sum of two halves, of two.

    With a mark a batch finds it done, see `cryoden.formats.result_stamp`.
    """
    own = marked(result_label(label_of(model_path.absolute())), mark)
    return f"{sum_label(*halves)}\n{own}" if halves else own


def remarks_on(files: Sequence[Path]) -> tuple[Remark, ...]:
    """Return what is odd about the files of a result."""
    return (TWICE,) if any(denoised_with(probe(file).labels[-1:]) for file in files) else ()


def write_denoised(output: Output, made: MicrographDenoised) -> None:
    """Write a result to its temporary path, with the header of the file it came from."""
    found = binned(made.micrograph, output.settings)
    writing.write(
        output.part,
        found.data,
        pixel_size=found.pixel_size,
        like=output.micrograph,
        label=output.label,
        output=output.settings.pixel_format,
        file_format=writing.format_of(output.target),
        measured=made.statistics if found is made.micrograph else None,
    )


def write_confidence(output: Output, confidence: Micrograph | None) -> None:
    """Publish the confidence of a result, if there is one; see `confidence_file`."""
    if confidence is None:
        return
    found = binned_within(confidence, output.settings)
    with confidence_file(output) as file:
        writing.write(
            file,
            found.data,
            pixel_size=found.pixel_size,
            like=output.micrograph,
            label=CONFIDENCE_LABEL,
            file_format=writing.format_of(output.target),
        )


@contextmanager
def confidence_file(output: Output) -> Iterator[Path]:
    """Give a path to write the confidence of a result to, published as ``<stem>_confidence`` beside it.

    One that was written before is replaced.

    Raises
    ------
    OutputError
        O02 to O06 when it cannot be written there, or another file is there.
    """
    result = output.target
    path = result.with_name(f"{result.stem.removesuffix('_denoised')}_confidence{result.suffix}")
    inputs = [output.micrograph] if output.micrograph else []
    with atomic_write(path, overwrite=output.overwrite or is_confidence(path), inputs=inputs) as file:
        yield file


@contextmanager
def mdoc_file(output: Output) -> Iterator[Path]:
    """Give a path to write the mdoc file of a result to, published as ``<name>.mdoc`` beside it.

    One that was written before is replaced.

    Raises
    ------
    OutputError
        As `confidence_file`.
    """
    path = output.target.with_name(f"{output.target.name}.mdoc")
    inputs = mdocs_of(output.micrograph) if output.micrograph else []
    with atomic_write(path, overwrite=output.overwrite or _is_our_mdoc(path), inputs=inputs) as file:
        yield file


def _is_our_mdoc(path: Path) -> bool:
    with suppress(OSError):
        return OUR_TITLE in path.read_bytes()
    return False

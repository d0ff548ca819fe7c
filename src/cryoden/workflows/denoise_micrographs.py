"""Denoising workflows. Command line and viewer call this module and nothing below it for work."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from cryoden.compute import devices
from cryoden.dataset.folder_walk import left_out_below
from cryoden.dataset.listed_files import pixel_sizes
from cryoden.dataset.output_paths import Targets, make_ready
from cryoden.denoising.denoise import Denoiser
from cryoden.denoising.denoisers import Denoisers
from cryoden.events.batch import BatchEvent, DenoisingEvent
from cryoden.formats.result_stamp import StampInputs
from cryoden.micrograph import Micrograph
from cryoden.model.checkpoint import load
from cryoden.settings.denoising import DenoisingSettings
from cryoden.workflows.batch import ending
from cryoden.workflows.denoise_file import BatchRequest, Shared, task
from cryoden.workflows.lanes import Lanes, pooled
from cryoden.workflows.overlapped import overlapped

__all__ = ["BatchRequest", "denoise_files", "denoise_micrograph", "denoise_targets", "one_process"]


def denoise_micrograph(
    micrograph: Micrograph, model_path: Path, settings: DenoisingSettings
) -> Iterator[DenoisingEvent]:
    """Denoise a micrograph in memory; see `cryoden.denoising.denoise.Denoiser.denoise`."""
    yield from Denoiser(load(model_path), settings).denoise(micrograph)


def denoise_files(
    paths: Sequence[Path],
    output: Path,
    batch: BatchRequest,
    lanes: Lanes | None = None,
    targets: Mapping[Path, Path] | None = None,
) -> Iterator[BatchEvent]:
    """Denoise files, folders, and what lists of RELION or cryoSPARC have, into a folder with their tree.

    Of two halves it is their sum, unless the batch wants each. Results that are there already, made by the
    same model with the same settings from the same file, are not made again. A file that fails is named and
    skipped; others are read and written while one is denoised, see `cryoden.workflows.overlapped`.

    Parameters
    ----------
    paths : sequence of Path
        What to denoise.
    output : Path
        Folder of the results.
    batch : BatchRequest
        What stays the same.
    lanes : Lanes or None
        How many files are read ahead and written at once; ``None`` for what suits the device.
    targets : mapping of Path or None
        For each file where its result goes; ``None`` for the tree below the output folder.

    Raises
    ------
    SettingsError
        D01 when there is nothing to denoise.
    OutputError
        D07 when two results would have one name, O06 when the folder cannot be made.
    ModelFileError
        For a model that cannot be used.
    """
    targets = batch.targets(paths, output) if targets is None else Targets.of(targets)
    denoisers, lanes = one_process(batch, lanes)
    make_ready(targets, batch.settings.least_share)
    left_out = left_out_below(paths, output, results=False)
    device = devices.describe(denoisers.first.place.device)
    with closing(denoise_targets(targets, denoisers, batch, pixel_sizes(paths), lanes)) as events:
        yield from ending(events, len(targets.summed), left_out=left_out, device=device)


def denoise_targets(
    targets: Mapping[Path, Path],
    denoisers: Denoisers,
    batch: BatchRequest,
    sizes: Mapping[Path, float],
    lanes: Lanes,
) -> Generator[BatchEvent, None, None]:
    """Denoise files, at least one, to where their results go, in folders that are ready; see `denoise_files`.

    ``sizes`` are the Å/px that a list says of some. Other threads may use the same denoisers.
    """
    recipe = StampInputs(denoisers.first.model.sha256, batch.settings, batch.reading)
    shared = Shared(denoisers, batch, recipe, sizes, Targets.of(targets), apart=lanes.at_work > 0)
    return overlapped(targets, partial(task, shared), lanes)


def one_process(batch: BatchRequest, lanes: Lanes | None = None) -> tuple[Denoisers, Lanes]:
    """Return the denoisers of a batch in this process, and the lanes that suit its device unless given."""
    return pooled(Denoiser(load(batch.model), batch.settings), batch.settings, lanes)

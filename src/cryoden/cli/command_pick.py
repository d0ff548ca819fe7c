"""The command that picks particles, and what `evaluate --picks` prints and writes.

As `cryoden.cli.flags`, it imports neither torch nor numpy before there is something to do.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from cryoden.cli.command_hosts import Denoising
from cryoden.cli.endings import DONE, FAILURES, say
from cryoden.cli.flags_denoise import Evaluate, FlipY, Micrographs, OutputFolder, Picking, Template
from cryoden.cli.flags_runs import Paths, Reading
from cryoden.errors import SettingsError, printable
from cryoden.model.general import GENERAL

if TYPE_CHECKING:
    from cryoden.picking.summary import PickingTable

OF_GENERAL = Path("general")  # what --model takes for the general model


@dataclass(frozen=True)
class Pick:
    """Pick particles without training, on micrographs as they are or denoised.

    NAME.mrc gives NAME_autopick.star in the output folder; autopick.star lists these files, and
    particles.star has all picks. RELION takes either. Picks are blobs of the particles' diameter, or
    places that look like class averages. See docs/picking.md.
      cryoden pick mics/ --output picks --diameter 150
      cryoden pick mics/ --output picks --diameter 150 --denoised denoised/
      cryoden pick mics/ --output picks --diameter 150 --model general --averages 8

    Reported beside the picks: how many places of the same micrograph with random phases, which show
    nothing, would be picked as well.

    Micrographs that cannot be picked are reported and skipped; the exit status is then 3.
    """

    paths: Micrographs
    output: OutputFolder
    picking: Picking
    denoising: Denoising
    reading: Reading
    denoised: Annotated[
        Paths,
        arg(
            metavar="PATH...",
            help="Pick on these results of denoising, matched by name, in place of the micrographs.",
            help_behavior_hint="",
        ),
    ] = ()
    model: Annotated[
        Path | None,
        arg(
            metavar="FILE",
            help="Denoise with this model file first, or with the general model: general.",
            help_behavior_hint="(default: pick on raw micrographs)",
        ),
    ] = None
    template: Template = None
    flip_y: FlipY = False
    overwrite: Annotated[bool, arg(help="Replace coordinates that exist.", help_behavior_hint="")] = False


def pick(asked: Pick, *, as_json: bool) -> int:
    """Pick micrographs, and return the exit status."""
    from cryoden.cli import console  # noqa: PLC0415 - torch only where it is needed
    from cryoden.picking.pick_files import PickingRequest, pick_files  # noqa: PLC0415 - the same

    if asked.denoised and asked.model:
        problem = "--denoised and --model both say what is picked"
        raise SettingsError("S03", None, problem, fix="Give one of them")
    request = PickingRequest(
        asked.picking,
        asked.denoised,
        GENERAL if asked.model == OF_GENERAL else asked.model,
        asked.denoising,
        asked.template,
        asked.reading,
        asked.overwrite,
        asked.flip_y,
    )
    ended = console.follow_batch(pick_files(asked.paths, asked.output, request), as_json=as_json)
    return FAILURES if ended.failed else DONE


def evaluate_picking(asked: Evaluate, *, as_json: bool) -> int:
    """Measure how well known particles are found, and return the exit status."""
    from cryoden.dataset import companions  # noqa: PLC0415 - numpy only where it is needed
    from cryoden.evaluation.evaluate import denoising_of  # noqa: PLC0415 - torch only where it is needed
    from cryoden.io.atomic import check_destination  # noqa: PLC0415 - the same
    from cryoden.picking.measure import PickingQuestion, measure_picking  # noqa: PLC0415 - the same
    from cryoden.picking.summary import table_of, write  # noqa: PLC0415 - the same

    if asked.truth:
        raise SettingsError("S03", None, "--truth does not go with --picks", fix="Leave one of them out")
    wanted = [path for path in (asked.figures, asked.report) if path is not None]
    for path in wanted:
        check_destination(path, overwrite=asked.overwrite, inputs=(*asked.model, *asked.picks))
    question = PickingQuestion(
        (*asked.paths, *asked.halves),
        asked.picks,
        asked.picking,
        asked.model or (GENERAL,),
        companions.named(asked.other),
        denoising_of(asked.evaluation),
        asked.template,
        asked.reading,
        asked.flip_y,
    )
    table = table_of(measure_picking(question), question, _progress)
    _show(table, as_json=as_json)
    for path in wanted:
        write(table, path, overwrite=asked.overwrite)
        say(f"Written: {printable(path)}")
    return DONE


def _progress(words: str) -> None:
    from cryoden.cli.console import ERR  # noqa: PLC0415 - rich only where it is needed

    if ERR.is_terminal:
        ERR.print(words, style="dim", markup=False)


def _show(table: PickingTable, *, as_json: bool) -> None:
    from cryoden.cli import console  # noqa: PLC0415 - rich only where it is needed

    if as_json:
        console.print_json("PickingEvaluated", asdict(table))
        return
    console.show_table(table.heads, table.cells, figures=True)
    for line in table.notes:
        console.OUT.print(line, markup=False, soft_wrap=True)
    console.show_remarks(table.remarks)

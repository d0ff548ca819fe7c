"""Accepted and rejected exposures as lists for other programs, and as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cryoden.browsing.decisions import UNDECIDED, Decision, Decisions, Verdict
from cryoden.browsing.exposure_list import Exposure, ExposureList
from cryoden.dataset.cs_tables import CsTable
from cryoden.dataset.star_columns import quoted, with_columns
from cryoden.dataset.star_files import MICROGRAPH, PIXEL_SIZES
from cryoden.hosts.cryosparc_lists import write_chosen
from cryoden.hosts.listed_results import MISSING, is_ours
from cryoden.io.atomic import atomic_write
from cryoden.io.star import StarTable

OURS = "# cryoden: "
VERDICTS: tuple[Verdict, ...] = ("accepted", "rejected")
NOTE = "cryodenNote"  # RELION keeps columns it does not know


@dataclass(frozen=True)
class Exported:
    """What was written: the files, and how many exposures have which verdict."""

    files: tuple[Path, ...]
    accepted: int
    rejected: int


def export(found: ExposureList, decisions: Decisions, folder: Path, *, undecided: Verdict = "") -> Exported:
    """Write the accepted and the rejected exposures, each as a list and as text.

    ``<name>_accepted.star`` and ``_rejected.star`` are the input's own text with fewer rows, all its columns,
    and one more for notes; from a folder, a list of paths. Of a list of cryoSPARC there are ``.cs`` and
    ``.csg`` files, too, with all columns. ``<name>_accepted.txt`` has a path in each line; ``_notes.txt`` has
    name, verdict and note, with tabs between them.

    Parameters
    ----------
    found : ExposureList
        The exposures, from a source that must not have changed.
    decisions : Decisions
        What holds of them.
    folder : Path
        Where to write.
    undecided : {"", "accepted", "rejected"}
        With which ones those go that have no verdict; by default with none.

    Raises
    ------
    MicrographError
        When the list can no longer be read.
    OutputError
        O02 to O06 when a file cannot be written, or another file has its name.
    """
    known = [decisions.of(exposure.name) for exposure in found.exposures]
    verdicts = [decision.verdict or undecided for decision in known]
    begin = folder / (found.source.stem or "exposures")
    files = {}
    for verdict in VERDICTS:
        keep = [one == verdict for one in verdicts]
        files[_named(begin, f"{verdict}.star")] = _star(found, known, keep, verdict)
        files[_named(begin, f"{verdict}.txt")] = _paths(found.exposures, keep)
    files[_named(begin, "notes.txt")] = _notes(found.exposures, known)
    _write(files, found.source, overwrite=is_ours(next(iter(files)), OURS))
    written = [*files, *(_cs(found.table, verdicts, begin) if isinstance(found.table, CsTable) else [])]
    return Exported(tuple(written), verdicts.count("accepted"), verdicts.count("rejected"))


def _named(begin: Path, ending: str) -> Path:
    return begin.with_name(f"{begin.name}_{ending}")


def _star(found: ExposureList, known: Sequence[Decision], keep: Sequence[bool], verdict: str) -> str:
    """Return the text of a STAR file of some exposures: the input's own, where that is one."""
    head = f"{OURS}{verdict} of {found.source.name}\n"
    notes = [decision.note or MISSING for decision in known]
    noted = {NOTE: notes} if any(decision.note for decision in known) else {}
    if isinstance(found.table, StarTable):
        return head + with_columns(found.table, noted, keep)
    chosen = [place for place, kept in enumerate(keep) if kept]
    sizes = [found.exposures[place].facts.pixel_size for place in chosen]
    columns = {MICROGRAPH[0]: [_path(found.exposures[place]) for place in chosen]}
    columns |= {PIXEL_SIZES[0]: [f"{size:.6f}" for size in sizes if size]} if all(sizes) else {}
    columns |= {label: [values[place] for place in chosen] for label, values in noted.items()}
    labels = [f"_{label} #{number}" for number, label in enumerate(columns, start=1)]
    rows = [" ".join(map(quoted, row)) for row in zip(*columns.values(), strict=True)]
    return "\n".join([f"{head}data_micrographs", "", "loop_", *labels, *rows, ""])


def _paths(exposures: Sequence[Exposure], keep: Sequence[bool]) -> str:
    chosen = (exposure for exposure, kept in zip(exposures, keep, strict=True) if kept)
    return "".join(f"{_path(exposure)}\n" for exposure in chosen)


def _path(exposure: Exposure) -> str:
    return str(exposure.file.absolute() if exposure.file else exposure.name)


def _notes(exposures: Sequence[Exposure], known: Sequence[Decision]) -> str:
    both = zip(exposures, known, strict=True)
    return "".join(
        f"{exposure.name}\t{decision.verdict or 'undecided'}\t{decision.note}\n"
        for exposure, decision in both
        if decision != UNDECIDED
    )


def _write(files: Mapping[Path, str], source: Path, *, overwrite: bool) -> None:
    """Publish texts when the last of them is written."""
    with ExitStack() as stack:
        for final, text in files.items():
            part = stack.enter_context(atomic_write(final, overwrite=overwrite, inputs=[source]))
            part.write_text(text, encoding="utf-8", errors="surrogateescape", newline="\n")


def _cs(table: CsTable, verdicts: Sequence[str], begin: Path) -> Iterator[Path]:
    for verdict in VERDICTS:
        final = _named(begin, f"{verdict}.cs")
        title = f"{verdict.capitalize()} exposures"
        write_chosen(table, [one == verdict for one in verdicts], final, title)
        yield from (final, final.with_suffix(".csg"))

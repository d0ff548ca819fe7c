"""What the table of exposures shows in each column, what it is sorted by, and how rows are chosen."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cryoden.browsing.decisions import UNDECIDED, Decision, Verdict
from cryoden.browsing.exposure_list import Exposure
from cryoden.browsing.file_facts import FileFacts
from cryoden.dataset.half_checks import HalfCheck
from cryoden.errors import printable
from napari_cryoden.widgets.verdict_label import MARKS

VERDICT_MARKS: dict[Verdict, str] = {"accepted": MARKS["good"], "rejected": MARKS["bad"], "": ""}
CONDITION = re.compile(r"(?P<column>[a-z]+)(?P<sign><=|>=|<|>)(?P<limit>-?\d+\.?\d*)", re.IGNORECASE)
SIGNS = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}
EACH = ("all", "undecided", "accepted", "rejected", "with a note")


@dataclass(frozen=True)
class Row:
    """An exposure, and what is known of it by now."""

    exposure: Exposure
    facts: FileFacts | None = None
    halves: HalfCheck | None = None
    decision: Decision = UNDECIDED


@dataclass(frozen=True)
class Column:
    """One column; the key of a row is ``None`` where nothing is known, and such rows are sorted last."""

    title: str
    means: str
    text: Callable[[Row], str]
    key: Callable[[Row], Any]
    word: str = ""  # in conditions, of columns of numbers


def pixel_size(row: Row) -> float | None:
    """Return Å/px, of the list or of the header."""
    return row.exposure.facts.pixel_size or (row.facts.pixel_size if row.facts else None)


def breakable(name: str) -> str:
    """Return a name that may be broken into lines behind its parts; an invisible sign says where."""
    return re.sub(r"([_.\-])", "\\1\u200b", printable(name))


def _size(row: Row) -> str:
    if row.facts is None:
        return ""
    return "×".join(map(str, reversed(row.facts.shape))) if row.facts.shape else "unreadable"


def _pixels(row: Row) -> int | None:
    return row.facts.shape[0] * row.facts.shape[1] if row.facts and row.facts.shape else None


def _halves(row: Row) -> str:
    if row.exposure.halves is None:
        return ""
    if row.halves is None:
        return "…"
    level = "wait" if row.halves.ready and row.halves.warning else "good" if row.halves.ready else "bad"
    return f"{MARKS[level]} {'usable' if row.halves.ready else row.halves.kind}"


def _decided(row: Row) -> str:
    verdict = row.decision.verdict
    return f"{VERDICT_MARKS[verdict]} {verdict}" if verdict else ""


def _number(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


COLUMNS = (
    Column(
        "exposure", "The micrograph", lambda row: breakable(row.exposure.label), lambda row: row.exposure.name
    ),
    Column("decision", "A accepts, R rejects, U undoes", _decided, lambda row: row.decision.verdict or None),
    Column(
        "defocus µm",
        "Mean of both axes, from the list",
        lambda row: _number(row.exposure.facts.defocus, 2),
        lambda row: row.exposure.facts.defocus,
        "defocus",
    ),
    Column(
        "CTF fit Å",
        "To which resolution the CTF fits, from the list",
        lambda row: _number(row.exposure.facts.ctf_fit, 1),
        lambda row: row.exposure.facts.ctf_fit,
        "fit",
    ),
    Column(
        "ice",
        "From the list: power in the ring of ice (RELION), relative thickness (cryoSPARC)",
        lambda row: _number(row.exposure.facts.ice, 2),
        lambda row: row.exposure.facts.ice,
        "ice",
    ),
    Column("size", "Width × height in px", _size, _pixels),
    Column("Å/px", "Pixel size", lambda row: _number(pixel_size(row), 3), pixel_size, "pixel"),
    Column(
        "halves",
        "Whether even and odd halves are usable; those in view are checked",
        _halves,
        lambda row: _halves(row) or None,
    ),
    Column(
        "denoised",
        "Whether a denoised micrograph is there",
        lambda row: "yes" if row.exposure.denoised else "",
        lambda row: None if row.exposure.denoised is None else "yes",
    ),
    Column("note", "N writes one", lambda row: row.decision.note, lambda row: row.decision.note or None),
)
# What is known of a list once it is read; a column without any of it is not shown.
FROM_THE_LIST: dict[str, Callable[[Exposure], Any]] = {
    "defocus µm": lambda one: one.facts.defocus,
    "CTF fit Å": lambda one: one.facts.ctf_fit,
    "ice": lambda one: one.facts.ice,
    "halves": lambda one: one.halves,
    "denoised": lambda one: one.denoised,
}
NUMBERS = {column.word: column.key for column in COLUMNS if column.word}


def empty(column: Column, exposures: Sequence[Exposure]) -> bool:
    """Whether a column has nothing to show of any of these."""
    known = FROM_THE_LIST.get(column.title)
    return known is not None and all(known(one) is None for one in exposures)


def chooser(text: str, which: str = "all") -> Callable[[Row], bool] | None:
    """Return what says whether a row is shown; ``None`` where all are.

    Parameters
    ----------
    text : str
        Words that name or note have, and conditions such as ``fit<4.5`` or ``defocus>0.8``.
    which : str
        One of `EACH`.
    """
    if not text.strip() and which == "all":
        return None
    conditions, words = [], []
    for part in text.lower().split():
        found = CONDITION.fullmatch(part)
        if found and found["column"] in NUMBERS:
            conditions.append((NUMBERS[found["column"]], SIGNS[found["sign"]], float(found["limit"])))
        else:
            words.append(part)

    def is_shown(row: Row) -> bool:
        searched = f"{row.exposure.name} {row.decision.note}".lower()
        values = ((key(row), sign, limit) for key, sign, limit in conditions)
        fits = all(value is not None and sign(value, limit) for value, sign, limit in values)
        return fits and all(word in searched for word in words) and _is_of(row.decision, which)

    return is_shown


def _is_of(decision: Decision, which: str) -> bool:
    if which == "with a note":
        return bool(decision.note)
    return which in {"all", decision.verdict or "undecided"}

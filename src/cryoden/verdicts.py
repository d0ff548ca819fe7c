"""What the figures mean, in plain words, each with a mark that does not depend on color."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Literal

from cryoden.scores import Checks, Row, Table

Status = Literal["good", "doubtful", "bad", "unknown"]
MARKS: dict[Status, str] = {"good": "✔", "doubtful": "▲", "bad": "✖", "unknown": "○"}
WORSE: tuple[Status, ...] = ("unknown", "good", "doubtful", "bad")
CERTAIN = 2.0  # standard errors of r by which one method is better than another
NOTHING = 1e-6
COPIED = 0.9  # share of the noise that is still there
DISTORTED = 1.1  # bias over signal; losing all of the signal gives 1
LITTLE, MOST = 0.2, 0.9  # of the output's power, from noise alone
SAME = 1.05  # power without phases over power with them; a linear filter has 1
LOOKS_LIKE_NOISE = 0.05  # correlation of neighboring pixels that cameras reach without structure
PATTERN = 2.0  # power on a lattice over that nearby


@dataclass(frozen=True)
class Finding:
    """One thing that was found about a method."""

    status: Status
    words: str

    @property
    def mark(self) -> str:
        """A sign for the status."""
        return MARKS[self.status]


@dataclass(frozen=True)
class Verdict:
    """Whether a method's result can be believed, and is better than simple filters."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def status(self) -> Status:
        """The worst that was found."""
        return max((one.status for one in self.findings), key=WORSE.index)

    @property
    def mark(self) -> str:
        """A sign for the status."""
        return MARKS[self.status]

    def line(self) -> str:
        """Return the verdict in one line: the comparison, and what speaks against the result."""
        first, *rest = self.findings
        against = [one.words for one in rest if one.status == "bad"]
        return f"{self.mark} {self.name}: " + " ".join([first.words, *against])


def verdicts(table: Table) -> list[Verdict]:
    """Return a verdict on each model and each other program."""
    return [Verdict(row.name, (compared(table, row), *_suspicions(row))) for row in table.judged()]


def compared(table: Table, row: Row) -> Finding:
    """Say whether a method beats doing nothing, the best low-pass and the Wiener filter.

    Decided by r with the other raw half without structures wider than 400 px, which neither
    blurring nor inventing raises. Its standard error is at most 1 / √N for N pixels.
    """
    simple = [other for other in table.rows if other.kind in {"raw", "low-pass", "wiener"}]
    best = max(simple, key=lambda other: other.mean.detail)
    certain = CERTAIN / sqrt(table.pixels)
    r, beat, nothing = row.mean.detail, best.mean.detail, table.raw.mean.detail
    figures = (
        f"r with the other raw half is {r:.4f}; {_named(best)} has {beat:.4f}, doing nothing {nothing:.4f}"
    )
    if r > beat + certain:
        return Finding("good", f"Better than every simple filter: {figures}.")
    if r < nothing - certain:
        return Finding("bad", f"Worse than doing nothing: {figures}.")
    if r < beat - certain:
        return Finding("bad", f"Worse than {_named(best)}: {figures}.")
    return Finding("doubtful", f"No better than {_named(best)}: {figures}.")


def _named(row: Row) -> str:
    return {"raw": "doing nothing", "wiener": "the Wiener filter"}.get(row.kind, f"the {row.name}")


def _suspicions(row: Row) -> Iterator[Finding]:
    yield _kept(row)
    if row.mean.noise_left < NOTHING:
        return
    if row.mean.bias_ratio is not None and row.mean.bias_ratio > DISTORTED:
        words = "It invents: its halves share structure that the raw halves do not"
        yield Finding("bad", f"{words} ({row.mean.bias_ratio:.1f} times as strong as the signal).")
    if row.mean.checkerboard > PATTERN:
        words = (
            f"a pattern of a few pixels is {row.mean.checkerboard:.1f} times as strong as its surroundings"
        )
        yield Finding("doubtful", f"It prints a lattice: {words}.")
    if row.checks is not None:
        yield from _answers(row.checks)


def _kept(row: Row) -> Finding:
    left = row.mean.noise_left
    if left < NOTHING:
        return Finding("bad", "It shows nothing: its output is one gray.")
    if left > COPIED:
        return Finding("bad", f"It hands back its input: {_percent(left)} of the noise is still there.")
    return Finding("good", f"{_percent(1 - left)} of the noise's power is gone.")


def _answers(checks: Checks) -> Iterator[Finding]:
    apart: Status = "doubtful" if checks.disagreement > LITTLE else "good"
    yield Finding(apart, f"On {_percent(checks.disagreement)} of the area its two halves mostly disagree.")
    residue: Status = "doubtful" if checks.residue > LOOKS_LIKE_NOISE else "good"
    words = "not like mere noise" if residue == "doubtful" else "like noise"
    yield Finding(
        residue, f"What it took away looks {words}: pixels correlate by up to {checks.residue:.2f}."
    )
    if checks.noise is None or checks.phases is None:
        yield Finding("unknown", "Not tried on noise: only its files are known.")
        return
    noise: Status = "bad" if checks.noise > MOST else "doubtful" if checks.noise > LITTLE else "good"
    yield Finding(noise, f"Pure noise makes it show {_percent(checks.noise)} of what the micrograph does.")
    phases: Status = "bad" if checks.phases > SAME else "doubtful" if checks.phases > MOST else "good"
    words = f"A micrograph whose fine structure is scrambled gives {_percent(checks.phases)} of the output"
    yield Finding(phases, f"{words}: {'more' if phases == 'bad' else 'no more'} than the real one.")


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"

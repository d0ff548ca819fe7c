"""What the numbers mean, in plain words, each with a mark that does not depend on color."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import floor, sqrt
from typing import Literal

from cryoden.evaluation.scores import Checks, Reading, Row, Table
from cryoden.events.quality import Coverage
from cryoden.events.snr_gain import in_db
from cryoden.image.spectra import PARTICLES

Status = Literal["good", "doubtful", "bad", "unknown"]
MARKS: dict[Status, str] = {"good": "✔", "doubtful": "▲", "bad": "✖", "unknown": "○"}
WORSE: tuple[Status, ...] = ("unknown", "good", "doubtful", "bad")
CERTAIN = 2.0  # standard errors of r by which one method is better than another
VISIBLE = 0.1  # dB against the truth below which a difference is of no use to anyone
MATTERS = 0.02  # share of r below which a difference is of no use to anyone
NOTHING = 1e-6
COPIED = 0.9  # share of the noise that is still there
HALF = 0.5  # of the signal the denoised halves share, that is not in the raw halves
LITTLE, MOST = 0.2, 0.9  # of the output's power, from noise alone or from elsewhere
SAME = 1.05  # power without phases over power with them; a linear filter has 1
LOOKS_LIKE_NOISE = 0.05  # correlation of neighboring pixels that cameras reach without structure
HONEST = 0.8  # regression of the other raw half on the output
PATTERN = 2.0  # power on a lattice over that nearby


@dataclass(frozen=True)
class Finding:
    """One result about a method."""

    status: Status
    words: str

    @property
    def mark(self) -> str:
        """A sign for the status."""
        return MARKS[self.status]


@dataclass(frozen=True)
class MethodConclusion:
    """Two answers about a method's result.

    Parameters
    ----------
    name : str
        The method.
    better : Finding
        Whether it is better than simple filters.
    result : tuple of Finding
        Whether it is trustworthy.
    training : tuple of Finding
        What a model was trained on, compared with what it is evaluated on.
    """

    name: str
    better: Finding
    result: tuple[Finding, ...]
    training: tuple[Finding, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that says whether it is trustworthy."""
        return self.result + self.training

    @property
    def trustworthy(self) -> Status:
        """The worst of the findings."""
        return max((one.status for one in self.findings), key=WORSE.index)

    @property
    def status(self) -> Status:
        """The worse of the two answers."""
        return max(self.better.status, self.trustworthy, key=WORSE.index)

    @property
    def mark(self) -> str:
        """A sign for the status."""
        return MARKS[self.status]


def conclusions(table: Table) -> list[MethodConclusion]:
    """Return a verdict on each model and each other program."""
    return [
        MethodConclusion(
            row.name, compared(table, row), tuple(_suspicions(row)), tuple(_training(table, row))
        )
        for row in table.assessed()
    ]


def compared(table: Table, row: Row) -> Finding:
    """Say whether a method beats the raw input, the best low-pass and the Wiener filter.

    Decided by the truth where there is one. Else by r with the other raw half, which neither
    blurring nor hallucination raises: first in the particle band, then of all that is not
    wider than 400 px, most of which can be ice. The standard error of r is at most 1 / √N for N
    independent waves or pixels.
    """
    if row.mean.truth_db is not None:
        return _against_truth(table, row.mean.truth_db)
    where = f" in the particle band ({PARTICLES.coarse:g}–{PARTICLES.fine:g} {table.unit})"
    coarse = _duel(table, row, "coarse", row.mean.coarse_error / sqrt(len(row.pairs)), where)
    overall = _duel(table, row, "detail", 1 / sqrt(table.pixels), " overall")
    return Finding(_both(coarse.status, overall.status), f"{coarse.words} {overall.words}")


def _both(coarse: Status, overall: Status) -> Status:
    """Return one status for two comparisons, of which the coarse one counts more."""
    if coarse == "bad":
        return "doubtful" if overall == "good" else "bad"
    return "good" if "good" in {coarse, overall} else "doubtful"


def _against_truth(table: Table, gained: float) -> Finding:
    best = max(_simple(table), key=lambda other: other.mean.truth_db or 0.0)
    beat = best.mean.truth_db or 0.0
    figures = f"{gained:+z.1f} dB against the ground truth, {_named(best)} {beat:+z.1f} dB"
    if gained > beat + VISIBLE:
        return Finding("good", f"Better than every simple filter: {figures}.")
    if gained < beat - VISIBLE:
        return Finding("bad", f"Worse than {_named(best)}: {figures}.")
    return Finding("doubtful", f"No better than {_named(best)}: {figures}.")


def _simple(table: Table) -> list[Row]:
    return [other for other in table.rows if other.kind in {"raw", "low-pass", "wiener"}]


def _duel(table: Table, row: Row, reading: Reading, error: float, where: str) -> Finding:
    """Compare one reading of r with the best of the simple filters."""
    best = max(_simple(table), key=lambda other: float(getattr(other.mean, reading)))
    r, beat, nothing = (float(getattr(one.mean, reading)) for one in (row, best, table.raw))
    margin = max(CERTAIN * error, MATTERS * beat)
    figures = _figures(table, row, best, reading)
    if r > beat + margin:
        return Finding("good", f"Better than every simple filter{where}: {figures}.")
    if r < nothing - margin:
        return Finding("bad", f"Worse than the raw input{where}: {figures}.")
    if r < beat - margin:
        return Finding("bad", f"Worse than {_named(best)}{where}: {figures}.")
    return Finding("doubtful", f"No better than {_named(best)}{where}: {figures}.")


def _figures(table: Table, row: Row, best: Row, reading: Reading) -> str:
    """Return what two methods reach in words: the SNR gain where it is the one of that name."""
    if reading == "coarse" and None not in (gains := [table.gain_db(one) for one in (row, best)]):
        beaten = f", {_named(best)} {in_db(gains[1])}" if best is not table.raw else ""
        return f"SNR gain {in_db(gains[0])}{beaten}"
    r, beat, nothing = (float(getattr(one.mean, reading)) for one in (row, best, table.raw))
    beaten = f"{_named(best)} {beat:z.4f}, " if best is not table.raw else ""
    return f"CC {r:z.4f}, {beaten}the raw input {nothing:z.4f}"


def _named(row: Row) -> str:
    return {"raw": "the raw input", "wiener": "the Wiener filter"}.get(row.kind, f"the {row.name}")


def _training(table: Table, row: Row) -> Iterator[Finding]:
    """Yield how far a model's training covers these pairs, and whether it was trained on them."""
    if row.coverage:
        yield _covered(row.coverage)
    model = table.provenance.get("models", {}).get(row.name, {})
    seen, pairs = model.get("trained_on", ()), len(table.raw.pairs)
    if seen:
        which = "these halves" if len(seen) == pairs else f"{len(seen):,} of these {pairs:,} pairs"
        yield Finding("doubtful", f"Trained on {which}: it may do worse on others.")
    elif others := model.get("training"):
        yield Finding("good", f"Trained on {others:,} other micrograph{'s' if others > 1 else ''}.")


def _covered(coverage: Mapping[str, Coverage]) -> Finding:
    """Say how unusual the most unusual of the pairs is."""
    name, least = min(coverage.items(), key=lambda one: one[1].share)
    which = f" Most unusual of {len(coverage):,} pairs: {name}." if len(coverage) > 1 else ""
    return Finding("good" if least.is_usual else "doubtful", f"{least.words}{which}")


def _suspicions(row: Row) -> Iterator[Finding]:
    yield _kept(row)
    if row.mean.noise_left < NOTHING:
        return
    yield _hallucinated(row.mean.hallucinated)
    if row.mean.slope is not None:
        yield _calibrated(row.mean.slope)
    if row.mean.checkerboard > PATTERN:
        words = "Checkerboard pattern in the power spectrum"
        yield Finding(
            "doubtful", f"{words}, {row.mean.checkerboard:.1f} times as strong as its surroundings."
        )
    if row.checks is not None:
        yield from _answers(row.checks)


def _hallucinated(share: float) -> Finding:
    status: Status = "bad" if share > HALF else "doubtful" if share > LITTLE else "good"
    return Finding(status, f"Hallucinated signal: {_percent(share)}.")


def _calibrated(slope: float) -> Finding:
    where = "in the particle band"
    if slope >= HONEST:
        return Finding(
            "good", f"No stronger than what it shows is certain {where}: calibration {slope:z.2f}."
        )
    return Finding("doubtful", f"Promises more than it holds {where}: calibration {slope:z.2f}, 1 is honest.")


def _kept(row: Row) -> Finding:
    left = row.mean.noise_left
    if left < NOTHING:
        return Finding("bad", "Blank output: a single gray value.")
    if left > COPIED:
        return Finding("bad", f"Leaves the noise in: {_percent(left)} of the noise power remains.")
    return Finding("good", f"Removes {_percent(1 - left)} of the noise power.")


def _answers(checks: Checks) -> Iterator[Finding]:
    apart: Status = "doubtful" if checks.disagreement > LITTLE else "good"
    yield Finding(apart, f"Even and odd disagree on {_percent(checks.disagreement)} of the area.")
    residue: Status = "doubtful" if checks.residue > LOOKS_LIKE_NOISE else "good"
    words = "unlike pure noise" if residue == "doubtful" else "like noise"
    yield Finding(
        residue, f"The residual looks {words}: neighboring pixels correlate by up to {checks.residue:z.2f}."
    )
    if checks.noise is None or checks.phases is None:
        yield Finding("unknown", "Not tested on pure noise: only output files are available.")
        return
    noise: Status = "bad" if checks.noise > MOST else "doubtful" if checks.noise > LITTLE else "good"
    yield Finding(noise, f"Pure noise gives {_percent(checks.noise)} of the output power.")
    phases: Status = "bad" if checks.phases > SAME else "doubtful" if checks.phases > MOST else "good"
    more = ", more than the real micrograph" if phases == "bad" else ""
    yield Finding(
        phases, f"Phase-randomized input still gives {_percent(checks.phases)} of the output{more}."
    )


def _percent(share: float) -> str:
    """Return a share as people write it; never 100 % for a little less."""
    if 0.99 <= share < 1:
        return f"{floor(1000 * share) / 10:.1f} %"
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"

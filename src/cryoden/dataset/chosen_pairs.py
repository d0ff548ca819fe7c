"""Pairs that a training can use: all of them checked at once, and bad ones left out where that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cryoden.dataset.half_checks import HalfCheck, inspect, problem_of, refuse_mixed_pixel_sizes
from cryoden.errors import CryodenError, HalvesError, printable
from cryoden.micrograph import HalfPair

THREADS = 4
SHOWN = 5
LEAVE_OUT = "or leave bad pairs out: --skip-bad-pairs"
Opener = tuple[str, Callable[[], HalfPair]]


class ChosenPairs(list[HalfPair]):
    """Pairs that were checked, and ``warnings``: what is odd about them, and which were left out."""

    def __init__(self, pairs: Iterable[HalfPair], warnings: Sequence[str] = ()) -> None:
        super().__init__(pairs)
        self.warnings = tuple(warnings)


@dataclass(frozen=True)
class _Checked:
    name: str
    pair: HalfPair | None
    verdict: HalfCheck | None
    error: CryodenError | None


def choose(openers: Sequence[Opener], *, skip_bad: bool = False) -> ChosenPairs:
    """Open and check pairs of halves.

    Parameters
    ----------
    openers : sequence of (str, callable)
        Name of each pair, and what opens it.
    skip_bad : bool
        Whether pairs that cannot be used are left out, as long as one can.

    Raises
    ------
    HalvesError, MicrographError
        For pairs that cannot be used, all of them named; ``D06`` for pairs of different pixel sizes.
    """
    checked = list(verdicts(openers))
    good = [one for one in checked if one.pair is not None and one.error is None]
    bad = [one for one in checked if one.error is not None]
    if bad and not (skip_bad and good):
        raise _refused(bad, len(checked))
    pairs = [one.pair for one in good if one.pair is not None]
    refuse_mixed_pixel_sizes(pairs)
    return ChosenPairs(pairs, [*_left_out(bad, len(checked)), *_unequal(good)])


def verdicts(openers: Sequence[Opener]) -> Iterator[_Checked]:
    """Yield what the check of each pair found, in their order."""
    with ThreadPoolExecutor(THREADS, thread_name_prefix="pairs") as pool:
        yield from pool.map(_checked, openers)


def _checked(opener: Opener) -> _Checked:
    name, opened = opener
    try:
        pair = opened()
        verdict = inspect(pair)
    except CryodenError as error:
        return _Checked(name, None, None, error)
    return _Checked(name, pair, verdict, None if verdict.ready else problem_of(pair, verdict))


def _refused(bad: Sequence[_Checked], number: int) -> CryodenError:
    first = next(one.error for one in bad if one.error is not None)
    if len(bad) == 1:
        first.fix = f"{first.fix}, {LEAVE_OUT}" if number > 1 else first.fix
        return first
    problem = f"{len(bad):,} of {number:,} pairs cannot be used: {'; '.join(map(_reason, bad))}"
    fix = f"Mend or remove them, {LEAVE_OUT}"
    return HalvesError(first.code, None, problem, kept="Nothing was computed", fix=fix)


def _left_out(bad: Sequence[_Checked], number: int) -> tuple[str, ...]:
    words = f"left out {len(bad):,} of {number:,} pairs: {'; '.join(map(_reason, bad))}"
    return (words,) if bad else ()


def _unequal(good: Sequence[_Checked]) -> tuple[str, ...]:
    odd = [one for one in good if one.verdict is not None and one.verdict.warning]
    shown = "; ".join(f"{printable(one.name)}: {one.verdict.warning}" for one in odd[:SHOWN] if one.verdict)
    more = f" and {len(odd) - SHOWN:,} more pairs" if len(odd) > SHOWN else ""
    return (f"D15: {shown}{more}",) if odd else ()


def _reason(one: _Checked) -> str:
    if one.error is None:
        return one.name
    file = f"{Path(one.error.file).name} " if one.error.file else ""  # which of the two it is
    return f"{printable(one.name)} ({one.error.code} {file}{one.error.problem})"

"""What a batch came to in a screen at most: what failed and why, what is odd, and how long a file took."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator

from cryoden.errors import printable
from cryoden.events.batch import BatchEvent, FileFailed, FileFinished, FileSkipped
from cryoden.events.batch_progress import short_name

COLUMNS = ("", "files", "", "such as")
SHOWN = 3  # names of each kind
MOST = 12  # kinds of failures, and of remarks; the rarest are counted together
Row = tuple[str, str, str, str]


class BatchSummary:
    """Folded from the events of a batch; of names it keeps a few of each kind."""

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self._skipped = 0
        self._counts: dict[str, Counter[str]] = {"failed": Counter(), "remark": Counter()}
        self._words: dict[str, str] = {}
        self._names: dict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, event: BatchEvent) -> None:
        """Take one event in."""
        if isinstance(event, FileFailed):
            self._count("failed", event.code, event.problem, short_name(event.path))
        elif isinstance(event, FileSkipped):
            self._skipped += 1
        elif isinstance(event, FileFinished):
            self._seconds.append(event.seconds)
            for code, text in {one.code: one.text for one in event.warnings}.items():
                self._count("remark", code, text, short_name(event.path))

    @property
    def says_more(self) -> bool:
        """Whether there is more to say than the one line that a batch ends with."""
        return len(self._seconds) + self._skipped > 1 or any(self._counts.values())

    def rows(self) -> Iterator[Row]:
        """Yield the rows of a table: how many, what of it, and some names."""
        if self._seconds:
            median = f"median {statistics.median(self._seconds):.3g} s"
            yield "done", f"{len(self._seconds):,}", median, ""
        if self._skipped:
            yield "skipped", f"{self._skipped:,}", "already done", ""
        for kind in ("failed", "remark"):
            yield from self._kinds(kind)

    def _count(self, kind: str, code: str, words: str, name: str) -> None:
        self._counts[kind][code] += 1
        self._words.setdefault(f"{kind} {code}", printable(words))
        names = self._names[kind, code]
        if len(names) < SHOWN:
            names.append(name)

    def _kinds(self, kind: str) -> Iterator[Row]:
        known = self._counts[kind].most_common()
        for code, count in known[:MOST]:
            words = self._words[f"{kind} {code}"]
            also = f" (the first of {count:,})" if count > 1 else ""
            more = ", …" if count > SHOWN else ""
            yield kind, f"{count:,}", f"{code}: {words}{also}", ", ".join(self._names[kind, code]) + more
        if rest := known[MOST:]:
            codes = ", ".join(code for code, _ in rest)
            yield kind, f"{sum(count for _, count in rest):,}", f"others: {codes}", ""

"""Which results of a batch are shown on one sheet: a few, spread evenly over all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cryoden.events.batch import BatchEvent, FileFinished, FileSkipped
from cryoden.events.closing import closed

MOST = 40
Result = FileFinished | FileSkipped


class ShownResults:
    """Folded from the events of a batch; keeps at most twice as many as are shown.

    Attributes
    ----------
    count : int
        How many results there are.
    """

    def __init__(self) -> None:
        self._kept: list[Result] = []
        self.count, self._step = 0, 1

    def add(self, event: BatchEvent) -> None:
        """Take one event in; what is no result is passed over."""
        if not isinstance(event, Result):
            return
        if self.count % self._step == 0:
            self._kept.append(event)
        self.count += 1
        if len(self._kept) > 2 * MOST:
            self._kept, self._step = self._kept[::2], 2 * self._step

    def passed(self, events: Iterable[BatchEvent]) -> Iterator[BatchEvent]:
        """Pass the events of a batch on."""
        with closed(events):
            for event in events:
                self.add(event)
                yield event

    @property
    def results(self) -> list[Result]:
        """Those that are shown."""
        count = len(self._kept)
        return [self._kept[at * count // min(count, MOST)] for at in range(min(count, MOST))]

    @property
    def words(self) -> str:
        """How many of how many that are."""
        shown = len(self.results)
        return f"{shown:,} of {self.count:,} results" if shown < self.count else f"{shown:,} results"

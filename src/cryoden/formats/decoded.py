"""Micrographs whose pixels do not lie in their file as they are: compressed ones, and TIFF.

A window of such a file costs as much as all of it. The last few that were decoded are therefore kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

from cryoden.formats import compressed, tiff_micrographs
from cryoden.formats.names import PACKED, TIFF, stem_of
from cryoden.io.mrc_header import unreadable
from cryoden.io.mrc_probe import HeaderFacts
from cryoden.io.mrc_windows import MicrographFile

MOST_BYTES = 1 << 28  # of decoded pixels that are kept; one micrograph is, however large
DECODERS: dict[str, Callable[[HeaderFacts], bytes]] = {
    **dict.fromkeys(PACKED, compressed.section),
    **dict.fromkeys(TIFF, tiff_micrographs.section),
}


class DecodedFile(MicrographFile):
    """As `MicrographFile`, of a file that has to be decoded as a whole."""

    @property
    def name(self) -> str:
        """File name without folder or suffixes."""
        return stem_of(self.facts.path)

    def _read(self, pieces: Sequence[range], place: memoryview | None = None) -> memoryview:
        pixels, begin = KEPT.section(self.facts), self.facts.data_offset
        parts = [pixels[piece.start - begin : piece.stop - begin] for piece in pieces]
        if place is None:
            return parts[0] if len(parts) == 1 else memoryview(b"".join(parts))
        place[:] = parts[0]
        return place


class Kept:
    """The sections that were decoded last, for all threads."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.most, self._lock = most, Lock()
        self._sections = OrderedDict[tuple[Path, int, int, int], bytes]()

    def section(self, facts: HeaderFacts) -> memoryview:
        """Return the bytes of a section, decoded now or before; a file that has changed is decoded again."""
        try:
            found = facts.path.stat()
        except OSError as error:
            raise unreadable(facts.path, error) from error
        key = facts.path, found.st_size, found.st_mtime_ns, facts.data_offset
        with self._lock:
            known = self._sections.pop(key, None)
        pixels = DECODERS[facts.packed](facts) if known is None else known
        with self._lock:
            self._sections[key] = pixels
            while len(self._sections) > 1 and sum(map(len, self._sections.values())) > self.most:
                self._sections.popitem(last=False)
        return memoryview(pixels)


KEPT = Kept()

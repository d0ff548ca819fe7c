"""EPU's XML files: pixel size and dose of one exposure.

Read by the standard library's expat, without a tree, and refused where they declare a document type:
entities, with which a small file can become a large one, are declared there and nowhere else.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from cryoden.errors import MicrographError
from cryoden.io.mrc_header import open_regular

MOST_BYTES = 1 << 24
SIZE = ("pixelSize", "x", "numericValue")
WIDTH, HEIGHT = ("ReadoutArea", "width"), ("ReadoutArea", "height")
KEY, VALUE = ("KeyValueOfstringanyType", "Key"), ("KeyValueOfstringanyType", "Value")
DOSE = "Dose"  # e⁻/m²
IN_ANGSTROM, PER_SQUARE_ANGSTROM = 1e10, 1e-20


@dataclass(frozen=True)
class EpuExposure:
    """What EPU says of an exposure: Å/px, e⁻/Å², and width and height that it read out, px."""

    pixel_size: float | None
    dose: float | None
    shape: tuple[int, int] | None


class _DoctypeError(Exception):
    """The text declares a document type."""


class _Reader:
    """Collects the texts of the few elements that are asked for, by their names, namespaces left out."""

    def __init__(self) -> None:
        self.texts: dict[tuple[str, ...], str] = {}
        self.custom: dict[str, str] = {}
        self._open: list[str] = []
        self._text = ""
        self.root = ""

    def feed(self, raw: bytes) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._add
        parser.StartDoctypeDeclHandler = self._refuse
        parser.Parse(raw, True)

    def _begin(self, name: str, _: object) -> None:
        self._open.append(name.rpartition(":")[2])
        self.root = self.root or self._open[0]
        self._text = ""

    def _add(self, text: str) -> None:
        self._text += text

    def _end(self, _: str) -> None:
        for wanted in (SIZE, WIDTH, HEIGHT, KEY, VALUE):
            if tuple(self._open[-len(wanted) :]) == wanted:
                self.texts[wanted] = self._text.strip()
        if self._open.pop() == VALUE[0]:
            self.custom[self.texts.pop(KEY, "")] = self.texts.pop(VALUE, "")

    @staticmethod
    def _refuse(*_: object) -> None:
        raise _DoctypeError


def read(path: Path) -> EpuExposure | None:
    """Return what an XML file of EPU says; ``None`` of one that is another program's.

    Raises
    ------
    MicrographError
        ``F49``, ``F50`` when it cannot be read, ``F69`` when it is damaged, too large or declares a document
        type.
    """
    with os.fdopen(open_regular(path), "rb") as file:
        if os.fstat(file.fileno()).st_size > MOST_BYTES:
            raise _unusable(path, f"is larger than {MOST_BYTES:,} bytes")
        raw = file.read()
    reader = _Reader()
    try:
        reader.feed(raw)
    except expat.ExpatError as error:
        raise _unusable(path, f"is damaged: {error}") from error
    except _DoctypeError as error:
        raise _unusable(path, "declares a document type, which EPU never does") from error
    if reader.root != "MicroscopeImage":
        return None
    size, dose = _positive(reader.texts.get(SIZE)), _positive(reader.custom.get(DOSE))
    height, width = (int(_positive(reader.texts.get(side)) or 0) for side in (HEIGHT, WIDTH))
    return EpuExposure(
        size and size * IN_ANGSTROM,
        dose and dose * PER_SQUARE_ANGSTROM,
        (height, width) if height and width else None,
    )


def _positive(text: str | None) -> float | None:
    try:
        found = float(text or "")
    except ValueError:
        return None
    return found if 0 < found < float("inf") else None


def _unusable(path: Path, what: str) -> MicrographError:
    return MicrographError("F69", path, what, kept="Not used", fix="Pass --pixel-size where it is needed")

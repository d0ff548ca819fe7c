"""SerialEM's mdoc files: what it noted of each image of a stack, or of each set of frames.

Lines of ``key = value`` below headings such as ``[ZValue = 3]``. mdocfile (0.2.3, BSD-3) reads them, too,
into a table of pandas, which it needs, and does not write them as they were; here all else stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryoden.errors import MicrographError
from cryoden.io.mrc_header import bytes_of

WORD, NUMBER = re.compile(r"\w+"), re.compile(r"[0-9]{1,9}")
PLANE, FRAMES = "ZValue", "FrameSet"
MOST_BYTES = 1 << 25


@dataclass(frozen=True)
class Section:
    """One image or set of frames: its kind and number, and what is said of it; the head has no kind."""

    kind: str
    number: int
    values: Mapping[str, str]
    lines: tuple[str, ...]

    def real(self, key: str) -> float | None:
        """Return a number above 0, ``None`` where there is none."""
        try:
            found = float(self.values[key])
        except (KeyError, ValueError):
            return None
        return found if 0 < found < float("inf") else None


@dataclass(frozen=True)
class Mdoc:
    """All that a file says; the head comes first."""

    path: Path
    sections: tuple[Section, ...]

    @property
    def head(self) -> Section:
        """What is said of the file as a whole."""
        return self.sections[0]

    @property
    def is_of_images(self) -> bool:
        """Whether it describes images, not frames alone."""
        return bool(self.images())

    def images(self, kind: str = PLANE) -> list[Section]:
        """Return the sections of a kind, in the order of the file."""
        return [one for one in self.sections if one.kind == kind]

    def first(self, key: str, sections: Sequence[Section]) -> float | None:
        """Return the first number under a key that these sections, or the head, have."""
        return next((found for one in (*sections, self.head) if (found := one.real(key))), None)


Changed = Callable[[Section], Mapping[str, str | None]]


def read(path: Path) -> Mdoc:
    """Return what an mdoc file says.

    Raises
    ------
    MicrographError
        ``F49``, ``F50`` when it cannot be read, ``F69`` for what is no mdoc file.
    """
    lines = bytes_of(path, MOST_BYTES).decode("utf-8-sig", "surrogateescape").splitlines()
    found, begin = list[Section](), 0
    for number, line in enumerate([*lines, "[end = 0]"]):
        heading = _heading(line)
        if heading and (heading[0] != "T" or number == len(lines)):
            found.append(_section(lines[begin:number]))
            begin = number
    if not any(one.values for one in found):
        raise MicrographError("F69", path, "is no mdoc file of SerialEM: no 'key = value'", kept="Not used")
    return Mdoc(path, tuple(found))


def whole_number(text: str) -> int | None:
    """Return a number from 0 that can be one of pixels or images, ``None`` of any other text."""
    return int(text) if NUMBER.fullmatch(text) else None


def of_result(whole: Mdoc, planes: Sequence[int], title: str, changed: Changed) -> str:
    """Return the text of the mdoc file of a result: of its planes alone, numbered anew.

    Parameters
    ----------
    whole : Mdoc
        That of the input.
    planes : sequence of int
        Which images of the input the result has, from 0.
    title : str
        What made the result, a title more in the head.
    changed : callable
        Gives the values that are others in a section, ``None`` for one that is left out; those that a
        section has not are not added.
    """
    known = {one.number: one for one in whole.images()}
    parts = [[*_changed(whole.head, changed(whole.head)), f"[T = {title}]", ""]]
    for number, plane in enumerate(planes):
        if plane in known:
            lines = _changed(known[plane], changed(known[plane]))
            parts.append([f"[{PLANE} = {number}]", *lines[1:]])
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _section(lines: Sequence[str]) -> Section:
    heading = _heading(lines[0]) if lines else None
    is_head = heading is None or heading[0] == "T"
    values = dict(filter(None, map(_setting, lines[0 if is_head else 1 :])))
    if heading is None or is_head:
        return Section("", 0, values, tuple(lines))
    return Section(heading[0], whole_number(heading[1]) or 0, values, tuple(lines))


def _heading(line: str) -> tuple[str, str] | None:
    """Return kind and value of a line such as ``[ZValue = 3]``, ``None`` of any other."""
    text = line.rstrip()
    is_one = text.startswith("[") and text.endswith("]")
    return _setting(text[1:-1].lstrip()) if is_one else None


def _setting(line: str) -> tuple[str, str] | None:
    """Return key and value of a line such as ``TiltAngle = 3.01``, ``None`` of any other."""
    key, equals, value = line.partition("=")
    word = key.rstrip()
    return (word, value.strip()) if equals and WORD.fullmatch(word) else None


def _changed(section: Section, values: Mapping[str, str | None]) -> list[str]:
    """Return the lines of a section with some of its values changed or left out."""
    found = []
    for line in section.lines:
        key = (_setting(line) or ("",))[0]
        if key not in values:
            found.append(line)
        elif values[key] is not None:
            found.append(f"{key} = {values[key]}")
    return found

"""What a result says of how it was made, so that a batch knows what is done without a list beside it.

The mark stands at the end of the last label in the header of a result: three fingerprints, of the
model, of the settings, and of the micrograph's name, size and time. A program that changes a
result later adds a label of its own, and the file is no result of ours any more.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

from cryoden.errors import MicrographError, OutputError, printable
from cryoden.formats.micrographs import probe
from cryoden.io.mrc_header import LABEL_BYTES, unreadable
from cryoden.io.provenance import RELEASE
from cryoden.settings.denoising import DenoisingSettings
from cryoden.settings.reading import ReadingSettings

DIGITS = 8
MARK = re.compile(r"\[([0-9a-f]{8})-([0-9a-f]{8})-([0-9a-f]{8})\]")
LABEL = re.compile(rf"cryoden \S+: denoised with (?P<model>.*?)(?: {MARK.pattern})?$")
METHOD = 3  # to be raised when the same model, settings and micrograph come to give other pixels
CONFIDENCE_LABEL = f"cryoden {RELEASE}: confidence, 0.5 to 1"
CONFIDENCE = re.compile(r"cryoden \S+: confidence, 0\.5 to 1")
SAME_PIXELS = {"device", "tile", "format"}  # where and in which pieces, not what is computed
LATER = ("planes", "bin", "bin_to")  # settings that results made before they came are as without


@dataclass(frozen=True)
class ResultStamp:
    """Fingerprints of what made a result, eight hexadecimal digits each."""

    model: str
    settings: str
    micrograph: str

    def __str__(self) -> str:
        return f"[{self.model}-{self.settings}-{self.micrograph}]"

    @classmethod
    def of(cls, label: str) -> Self | None:
        """Return the mark at the end of a label, ``None`` where there is none."""
        found = MARK.search(label)
        return cls(*found.groups()) if found and found.end() == len(label) else None


@dataclass(frozen=True)
class StampInputs:
    """What decides on the pixels of a result, besides its micrograph.

    Parameters
    ----------
    model : str
        SHA-256 of the model, see `cryoden.model.checkpoint.Model`.
    settings : DenoisingSettings
        How to denoise; device and tile size make no difference.
    reading : ReadingSettings or None
        How to read the micrograph.
    """

    model: str
    settings: DenoisingSettings
    reading: ReadingSettings | None = None

    def mark(self, *files: Path, listed: float | None = None) -> ResultStamp:
        """Return the mark of the result of a file, or of two halves; ``listed`` is the Å/px of a list.

        Raises
        ------
        MicrographError
            F49 when there is no such file.
        """
        usual = asdict(DenoisingSettings())
        denoising = {
            name: value
            for name, value in asdict(self.settings).items()
            if name not in SAME_PIXELS and not (name in LATER and value == usual[name])
        }
        return ResultStamp(
            self.model[:DIGITS],
            digits(
                [METHOD, denoising, asdict(self.reading or ReadingSettings()), *([listed] if listed else [])]
            ),
            digits([fact for file in files for fact in _of_file(file)]),
        )


def _of_file(file: Path) -> list[str | int]:
    try:
        found = file.stat()
    except OSError as error:
        raise unreadable(file, error) from error
    return [os.fsencode(file.name).hex(), found.st_size, found.st_mtime_ns]


def marked(label: str, mark: ResultStamp | None) -> str:
    """Return a label that ends with the mark and fits a header, at the cost of its other words."""
    ending = f" {mark}" if mark else ""
    return label[: LABEL_BYTES - len(ending)] + ending


def result_label(model: str) -> str:
    """Return the words of a result's label, with the name of its model."""
    return f"cryoden {RELEASE}: denoised with {model}"


def sum_label(even: Path, odd: Path) -> str:
    """Return the words of a label that says of which two files a result is the denoised sum.

    What both names begin and end with stands once, and only the end of it where it is too long for a label.
    """
    begin = f"cryoden {RELEASE}: sum of "
    if even == odd:
        begin += "A and B in "
        return begin + _ending(even.name, LABEL_BYTES - len(begin))
    names = [even.name, odd.name]
    if even.name == odd.name:
        names = [f"{half.parent.name}/{half.name}" for half in (even, odd)]
    head = _common(*names)
    tail = _common(*(name[len(head) :][::-1] for name in names))[::-1]
    one, other = (name[len(head) : len(name) - len(tail)] for name in names)
    return begin + _ending(f"{head}{{{one},{other}}}{tail}", LABEL_BYTES - len(begin))


def _common(one: str, other: str) -> str:
    """Return what two words begin with."""
    return "".join(a for a, _ in takewhile(lambda two: two[0] == two[1], zip(one, other, strict=False)))


def _ending(words: str, letters: int) -> str:
    words = printable(words)
    return words if len(words) <= letters else f"...{words[3 - letters :]}"


def denoised_with(labels: Sequence[str]) -> str | None:
    """Return the name of the model that the last of our labels in a header names, ``None`` for no result."""
    found = [match["model"] for match in map(LABEL.match, labels) if match]
    return found[-1] if found else None


def is_confidence(path: Path) -> bool:
    """Tell whether a file is a map of confidence that this program has written."""
    try:
        return any(map(CONFIDENCE.fullmatch, probe(path).labels))
    except MicrographError:
        return False


def is_done(result: Path, wanted: ResultStamp, *, overwrite: bool = False) -> bool:
    """Tell whether the whole result that has this mark is there already.

    Raises
    ------
    OutputError
        O05 when another file is in its place and may not be replaced, with what that was made
        with instead, as far as it says so.
    """
    if not os.path.lexists(result) or result.is_dir():
        return False
    problem = _instead(result, wanted)
    if problem and not overwrite:
        fix = "Choose another output folder, or replace it (--overwrite)"
        raise OutputError("O05", result, problem, kept="It is untouched", fix=fix)
    return not problem


def _instead(result: Path, wanted: ResultStamp) -> str:
    try:
        labels = probe(result).labels
    except MicrographError as error:
        return f"already exists, and is not a complete micrograph ({error.code}: {error.problem})"
    found = ResultStamp.of(labels[-1]) if labels else None
    if found is None:
        return "already exists, with no record of how it was made"
    reasons = (
        (found.model != wanted.model, "with another model"),
        (found.settings != wanted.settings, "with other settings or by another version of cryoden"),
        (found.micrograph != wanted.micrograph, "from another file, or one that has changed since"),
    )
    differing = " and ".join(words for differs, words in reasons if differs)
    return differing and f"already exists, made {differing}"


def digits(facts: Any) -> str:
    """Return the fingerprint of facts that JSON can hold."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:DIGITS]

"""What files are, before anything is done with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryoden.dataset.half_checks import HalfCheck, find_pairs, inspect
from cryoden.dataset.opening import facts, open_micrograph
from cryoden.dataset.output_paths import micrographs_in
from cryoden.errors import CryodenError, HalvesError, printable
from cryoden.io.mrc_probe import HeaderFacts
from cryoden.micrograph import HalfPair
from cryoden.settings.reading import ReadingSettings

FILE_COLUMNS = ("file", "kind", "size", "pixels", "Å/px", "extended header")
PAIR_COLUMNS = ("pair of halves", "verdict", "r (8×8 binned)", "remarks")
TYPES = {0: "int8", 1: "int16", 2: "float32", 6: "uint16", 12: "float16"}


@dataclass(frozen=True)
class Surveyed:
    """One file: what its header says, or why it was refused."""

    path: Path
    facts: HeaderFacts | None
    problem: str = ""

    def row(self) -> tuple[str, ...]:
        """Return the file as a table row: name, kind, size, pixels, Å/px, extended header."""
        if self.facts is None:
            return (printable(self.path.name), "refused", "", "", "", "")
        found = self.facts
        height, width = found.shape
        size = f"{width}×{height}" + (f"×{found.nz}" if found.nz > 1 else "")
        angstrom = "?" if found.pixel_size is None else f"{found.pixel_size:.4g}"
        extended = f"{found.extended_bytes:,} bytes" if found.extended_bytes else "–"
        return (printable(self.path.name), found.kind, size, TYPES[found.mode], angstrom, extended)

    def remarks(self) -> tuple[str, ...]:
        """Return what is odd about the file, or why it was refused."""
        if self.facts is None:
            return (self.problem,)
        return tuple(f"{printable(self.path)}: {warning}" for warning in self.facts.warnings)


@dataclass(frozen=True)
class Pairing:
    """One pair of halves and the verdict on it."""

    name: str
    even: Path
    odd: Path
    verdict: HalfCheck

    def row(self) -> tuple[str, ...]:
        """Return the pair as a table row: name, verdict, correlation, remarks."""
        remarks = "" if self.verdict.ready else self.verdict.message
        return (printable(self.name), self.verdict.kind, f"{self.verdict.correlation:z.3f}", remarks)


def files(paths: Sequence[Path], reading: ReadingSettings) -> Iterator[Surveyed]:
    """Yield what each file is, folders searched to their depth."""
    for path in micrographs_in([path for path in paths if path.suffix.lower() != ".star"]):
        try:
            yield Surveyed(path, facts(path, reading))
        except CryodenError as error:
            yield Surveyed(path, None, str(error))


def pairs(paths: Sequence[Path], reading: ReadingSettings) -> Iterator[Pairing]:
    """Yield the pairs of halves among the files, each with a verdict; none where there is none.

    Raises
    ------
    HalvesError
        D02 when halves lack their partner, D07 when two files claim to be the same half.
    """
    try:
        found = find_pairs(paths)
    except HalvesError as error:
        if error.code == "D01":  # micrographs need not be halves
            return
        raise
    for one in found:
        yield Pairing(one.name, one.even, one.odd, _verdict(one.even, one.odd, reading))


def _verdict(even: Path, odd: Path, reading: ReadingSettings) -> HalfCheck:
    try:
        return inspect(HalfPair(open_micrograph(even, reading), open_micrograph(odd, reading)))
    except CryodenError as error:
        return HalfCheck(False, "unreadable", 0.0, str(error), error.code)

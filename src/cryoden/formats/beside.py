"""What other files say of a micrograph: SerialEM's mdoc and EPU's XML beside it, found by its name.

A pixel size is believed in this order: ``--pixel-size``, the header, a list (STAR or ``.cs``), mdoc, EPU.
A size in a header that is a placeholder, or unusual, gives way to one of these that is not.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from cryoden.errors import MicrographError, Remark
from cryoden.formats import epu_xml, mdoc
from cryoden.formats.names import is_tiff, stem_of, unpacked_name
from cryoden.formats.writing import original_of
from cryoden.io.mrc_probe import HeaderFacts
from cryoden.io.pixel_size import doubted, of_both, possible, without_odd

IN_HEADER = "header"
OF_EPU = re.compile(r"_(fractions|eer|aligned|dw|evn|odd)$", re.IGNORECASE)  # what is made of its files
FEI_DOSE = 92  # where FEI's extended headers have it, in e⁻/m²
FEI_TYPES = {b"FEI1", b"FEI2"}
Shape = tuple[int, int]  # height and width, px
SIMILAR = 0.02  # of the ratios of two sizes, along both sides


@dataclass(frozen=True)
class Beside:
    """Å/px and e⁻/Å² of a micrograph, from a file beside it."""

    source: Path
    pixel_size: float | None
    dose: float | None


def beside(path: Path, shape: Shape) -> Iterator[Beside]:
    """Yield what there is beside a micrograph of so many pixels, what is believed first.

    Raises
    ------
    MicrographError
        When a file cannot be used, see `cryoden.formats.mdoc.read` and `cryoden.formats.epu_xml.read`.
    """
    yield from (_of_mdoc(mdoc.read(file), path, shape) for file in mdocs_of(path))
    stem = stem_of(path)
    once = OF_EPU.sub("", stem)
    for name in dict.fromkeys((stem, once, OF_EPU.sub("", once))):
        file = path.with_name(f"{name}.xml")
        found = epu_xml.read(file) if file.is_file() else None
        if found is not None:
            times = _times(found.shape, shape)
            yield Beside(file, times and found.pixel_size and found.pixel_size * times, found.dose)


def mdocs_of(path: Path) -> list[Path]:
    """Return the mdoc files beside a micrograph: by its whole name, as SerialEM does, or without suffix."""
    names = dict.fromkeys((path.name, unpacked_name(path).name, stem_of(path)))
    return [file for name in names if (file := path.with_name(f"{name}.mdoc")).is_file()]


def size_beside(
    path: Path, shape: Shape, stated: float | None
) -> tuple[float | None, tuple[Remark, ...]] | None:
    """Return the Å/px of a micrograph, with what is odd about it, from beside it, where it is wanted.

    ``None`` where the header's size is good, or nothing else has one.
    """
    if stated is not None and not doubted(stated):
        return None
    try:
        found = next((one for one in beside(path, shape) if possible(one.pixel_size)), None)
    except MicrographError as error:
        return stated, (Remark(error.code, f"{error.file} is not used: it {error.problem}"),)
    if found is None or found.pixel_size is None:
        return None
    chosen = of_both(stated, found.pixel_size, f"in {found.source.name}")
    if chosen is None or stated is not None:
        return chosen
    said = Remark("F67", f"pixel size {found.pixel_size:.5g} Å from {found.source.name}; the header has none")
    return found.pixel_size, (*chosen[1], said)


def with_listed(facts: HeaderFacts, listed: float | None) -> HeaderFacts:
    """Return facts with the pixel size that counts, where a list has one in Å/px.

    See `cryoden.io.pixel_size.of_both`; a warning says where the two differ by more than 1 %.
    """
    if listed is None:
        return facts
    chosen = of_both(facts.pixel_size, listed)
    if chosen is None:
        return facts
    used, odd = chosen
    return replace(facts, pixel_size=used, warnings=(*without_odd(facts.warnings), *odd))


def with_beside(facts: HeaderFacts) -> HeaderFacts:
    """Return facts with a pixel size from beside the micrograph, see `size_beside`."""
    chosen = size_beside(facts.path, facts.shape, facts.pixel_size)
    if chosen is None:
        return facts
    kept = facts.warnings if chosen[0] == facts.pixel_size else without_odd(facts.warnings)
    return replace(facts, pixel_size=chosen[0], warnings=(*kept, *chosen[1]))


def dose_of(facts: HeaderFacts) -> tuple[float, str] | None:
    """Return e⁻/Å² of a micrograph and what says so: its header, or a file beside it."""
    with suppress(MicrographError):
        if found := _of_header(facts):
            return found, IN_HEADER
    return dose_beside(facts.path, facts.shape)


def dose_beside(path: Path, shape: Shape) -> tuple[float, str] | None:
    """Return e⁻/Å² of a micrograph or movie and the file beside it that says so."""
    with suppress(MicrographError):  # what is wrong with it is no matter of pixels
        return next(((one.dose, one.source.name) for one in beside(path, shape) if one.dose), None)
    return None


def _of_header(facts: HeaderFacts) -> float | None:
    """Return the dose in the extended header of FEI, of the first image."""
    if is_tiff(facts.path) or not facts.extended_bytes:
        return None
    original = original_of(facts.path)
    if original is None or original.header.extended_type not in FEI_TYPES:
        return None
    (found,) = struct.unpack_from("<d", original.extended.ljust(FEI_DOSE + 8, b"\0"), FEI_DOSE)
    return found * epu_xml.PER_SQUARE_ANGSTROM if 0 < found < float("inf") else None


def _of_mdoc(found: mdoc.Mdoc, path: Path, shape: Shape) -> Beside:
    planes, frames = found.images(), found.images(mdoc.FRAMES)
    named = [one for one in frames if _names(one.values.get("SubFramePath", ""), path)]
    sections = planes or named or frames
    size = found.first("PixelSpacing", sections)
    if size is not None and not planes and found.path.stem.lower() == stem_of(path).lower():
        size = None  # of the frames, of which an image of another name may have been binned
    texts = (one.values.get("ImageSize") for one in (found.head, *sections[:1]))
    times = _times(_shape(next(filter(None, texts), "")), shape)
    doses = [dose for one in (planes or sections[:1]) if (dose := one.real("ExposureDose"))]
    return Beside(found.path, times and size and size * times, sum(doses) or None)


def _names(frames: str, path: Path) -> bool:
    """Tell whether a file of frames, by whatever path, is a micrograph's own."""
    return bool(frames) and stem_of(Path(re.split(r"[\\/]", frames)[-1])) == stem_of(path)


def _shape(text: str) -> Shape | None:
    numbers = [number for number in map(mdoc.whole_number, text.split()) if number is not None]
    return (numbers[1], numbers[0]) if len(numbers) == 2 and min(numbers) > 0 else None


def _times(described: Shape | None, shape: Shape) -> float | None:
    """Return how many times larger the pixels are than those described; ``None`` of another image."""
    if described is None:
        return 1.0
    ratios = [side / own for side, own in zip(described, shape, strict=True)]
    turned = [side / own for side, own in zip(described, reversed(shape), strict=True)]
    best = min(ratios, turned, key=lambda pair: abs(pair[0] - pair[1]))
    if abs(best[0] - best[1]) > SIMILAR * max(best):
        return None
    return 1.0 if abs(best[0] - 1) < SIMILAR else best[0]

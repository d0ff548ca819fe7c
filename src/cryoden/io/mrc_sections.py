"""Files of many images: what they are called, and one image of a stack as a micrograph."""

from __future__ import annotations

from dataclasses import replace

from cryoden.errors import MicrographError
from cryoden.io.mrc_probe import HeaderFacts

PARTICLE = 256  # px of the longer side up to which images in a stack are particles
LEAST = 2  # sections of a volume; so many are two images
ALONE = "Give two-dimensional micrographs; the images of a tilt series are denoised with --planes all"


def one_section(facts: HeaderFacts, section: int | None = None) -> HeaderFacts:
    """Return the facts of a micrograph, or of one image of a stack.

    Parameters
    ----------
    facts : HeaderFacts
        Of the file.
    section : int, optional
        Which image of a stack, from 0.

    Raises
    ------
    MicrographError
        ``F32`` for volumes and stacks of which no image is asked for, and for stacks of particles.
    """
    if facts.kind == "micrograph":
        return facts
    height, width = facts.shape
    if section is None:
        refuse_volume(facts)
    what = f"{facts.nz:,} images of {width:,} × {height:,}: a stack"
    if max(height, width) <= PARTICLE:
        fix = "Give the micrographs they were cut from"
        raise _refused(facts, f"{what} of particles, to which a denoiser of micrographs does not belong", fix)
    if section is None:
        fix = "Of movies make sums (cryoden halves); micrographs in one file are denoised with --stack"
        raise _refused(facts, f"{what}, not a micrograph", fix)
    return one_image(facts, section)


def one_image(facts: HeaderFacts, section: int) -> HeaderFacts:
    """Return the facts of one image of a stack of whatever, from 0, as of a file of its own."""
    offset = facts.data_offset + section * facts.section_bytes
    return replace(facts, nz=1, kind="micrograph", data_offset=offset)


def refuse_volume(facts: HeaderFacts) -> None:
    """Raise ``F32`` for a volume; cryoSPARC writes two halves with the header of one."""
    if facts.kind == "volume" and facts.nz > LEAST:
        raise _refused(facts, f"{facts.nz:,} sections: this is a volume, not a micrograph", ALONE)


def _refused(facts: HeaderFacts, what: str, fix: str) -> MicrographError:
    return MicrographError("F32", facts.path, what, kept="Skipped", fix=fix)

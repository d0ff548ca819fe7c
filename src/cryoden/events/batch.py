"""What work on many files reports while it runs."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from pathlib import Path

from cryoden.errors import Remark
from cryoden.image.counting import CountingEvidence
from cryoden.micrograph import Micrograph, Statistics


@dataclass(frozen=True)
class TileFinished:
    """One tile of a micrograph is denoised, or one of the parts the work on tiles is done in."""

    done: int
    total: int


@dataclass(frozen=True)
class MicrographDenoised:
    """The whole micrograph is denoised, in the gray scale of its input.

    ``confidence`` has, where it was asked for and can be known, probabilities from 0.5 to 1 as pixels;
    ``statistics`` are those of the micrograph, where the device has measured them.
    """

    micrograph: Micrograph
    confidence: Micrograph | None = None
    statistics: Statistics | None = None


DenoisingEvent = TileFinished | MicrographDenoised


@dataclass(frozen=True)
class FileStarted:
    """Work on file ``index`` (from 0) of ``total`` begins."""

    path: Path
    index: int
    total: int


@dataclass(frozen=True)
class FileFinished:
    """The result lies under its final name.

    ``seconds`` are those the batch spent on it: to the turn of the next file where that came before the
    result, as others are read and written meanwhile. Where it is that of the sum of two halves, ``path`` is
    the even and ``odd`` the other one.
    """

    path: Path
    output: Path
    seconds: float
    warnings: tuple[Remark, ...]
    odd: Path | None = None


@dataclass(frozen=True)
class FileSkipped:
    """The result was there already, made by the same model with the same settings; ``odd`` as above.

    ``of_halves`` says that it was made from the sum of both halves of ``path``, before that, their full sum,
    was there.
    """

    path: Path
    output: Path
    odd: Path | None = None
    of_halves: bool = False


@dataclass(frozen=True)
class FileThinned:
    """Both halves of a counted micrograph lie under their final names."""

    path: Path
    even: Path
    odd: Path
    evidence: CountingEvidence
    seconds: float


@dataclass(frozen=True)
class FileFailed:
    """One file gave no result; the batch continues.

    ``code`` and ``problem`` are what ``message``, the whole line, says at its beginning.
    """

    path: Path
    message: str
    code: str
    problem: str


@dataclass(frozen=True)
class FileWaiting:
    """Another process is making this result; all others are done. Comes again while it lasts."""

    path: Path


@dataclass(frozen=True)
class WorkersStarted:
    """Workers are there, or will be once a queue starts them; ``where`` says in words what they are.

    ``dashboard`` is the address of a page that shows what they do, empty for none.
    """

    where: str
    dashboard: str = ""


@dataclass(frozen=True)
class FolderWatched:
    """All micrographs that are there are done, and more may come; again after each time some came.

    ``stop_file`` ends the watch once it is there; ``done`` files were ended so far.
    """

    done: int
    stop_file: Path


@dataclass(frozen=True)
class StageSeconds:
    """Seconds of a batch in each of its stages; files that are read, denoised or written at once add up.

    ``waiting`` are those in which nothing could be denoised, as a file was not read yet or there was no
    room for its result.
    """

    reading: float = 0.0
    denoising: float = 0.0
    writing: float = 0.0
    waiting: float = 0.0

    def plus(self, other: StageSeconds | None) -> StageSeconds:
        """Return the seconds of both."""
        more = StageSeconds() if other is None else other
        return StageSeconds(*(a + b for a, b in zip(astuple(self), astuple(more), strict=True)))


@dataclass(frozen=True)
class BatchFinished:
    """Last event of a batch.

    ``skipped`` files were done before, or by another process; ``untried`` ones were left, and why;
    ``left_out`` says in words which other files below folders were no micrographs, ``halves`` what became
    of halves, ``device`` where it was computed, and ``stages`` how long each took, where a batch has some.
    """

    finished: int
    failed: tuple[Path, ...]
    untried: int
    seconds: float
    skipped: int = 0
    why_untried: str = "too many failed"
    left_out: str = ""
    device: str = ""
    stages: StageSeconds | None = None
    halves: str = ""


BatchEvent = (
    FileStarted
    | TileFinished
    | FileFinished
    | FileSkipped
    | FileThinned
    | FileFailed
    | FileWaiting
    | WorkersStarted
    | FolderWatched
    | BatchFinished
)

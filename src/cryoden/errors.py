"""What went wrong or is odd, in one line a user can act on.

Every failure reads ``CODE  file — what is wrong. What happened to the rest. What to do.``;
the codes are listed in ``docs/messages.md``. None of these derives from ``RuntimeError``,
because a napari generator worker swallows that family without a signal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from errno import EDQUOT, ENOMEM, ENOSPC
from os import PathLike, fsdecode
from shlex import quote
from typing import Any

NO_MEMORY = (  # words of torch, CUDA, oneDNN, C++ and the system
    "out of memory", "t allocate", "cannot allocate", "failed to allocate", "bad_alloc", "bad alloc",
    "alloc_failed", "t start new thread", "could not create a primitive", "failed to map segment",
)  # fmt: skip
KEPT = "Finished results and the best model so far are kept"


@dataclass(frozen=True)
class Remark:
    """A warning: what is odd about a micrograph that was read, or denoised, in spite of it.

    Parameters
    ----------
    code : str
        Entry of ``docs/messages.md``, for example ``"F28"``.
    text : str
        What is odd, without a final full stop.
    """

    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


class CryodenError(Exception):
    """The one family of errors this program raises on purpose.

    Parameters
    ----------
    code : str
        Entry of ``docs/messages.md``, for example ``"F03"``.
    file : path or None
        The file it is about, printed in full and with control characters escaped.
    problem : str
        What is wrong: found against expected, without a final full stop.
    kept : str
        What happened to the rest ("Skipped", "The previous model is untouched").
    fix : str
        What to do, one step.
    """

    def __init__(
        self,
        code: str,
        file: str | bytes | PathLike[str] | None,
        problem: str,
        *,
        kept: str = "",
        fix: str = "",
    ) -> None:
        self.code = code
        self.file = None if file is None else printable(file)
        self.problem = problem
        self.kept = kept
        self.fix = fix
        super().__init__(str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what another process makes the same error of."""
        return _again, (type(self), self.__dict__)

    def __str__(self) -> str:
        subject = self.problem if self.file is None else f"{self.file} — {self.problem}"
        sentences = [part.rstrip(".") + "." for part in (subject, self.kept, self.fix) if part]
        return printable(f"{self.code}  " + " ".join(sentences))  # names are in all of them


def _again(kind: type[CryodenError], facts: dict[str, Any]) -> CryodenError:
    return kind(**facts)


class MicrographError(CryodenError):
    """A file that cannot serve as a micrograph."""


class HalvesError(CryodenError):
    """Micrographs that do not make pairs of independent halves."""


class StarRowError(HalvesError):
    """A row of a STAR file that cannot be used, of a table that has the columns asked for."""


class StructureError(CryodenError):
    """A file that holds no molecule."""


class SettingsError(CryodenError):
    """A setting, or a combination of settings, outside what is possible."""


class ModelFileError(CryodenError):
    """A model file that is damaged, foreign or does not fit."""


class RunError(CryodenError):
    """A run folder that is damaged, foreign or not whole."""


class PatchFileError(CryodenError):
    """A data set of patch pairs that is damaged, foreign or not whole."""


class HostError(CryodenError):
    """Another program of the field that does not answer, or refuses."""


class OutputError(CryodenError):
    """A result that could not be, or must not be, put where it was asked for."""


class DiskFullError(OutputError):
    """A result that found no room: those that follow will find none, either."""


class TrainingError(CryodenError):
    """A training run that cannot start or continue."""


class ChangedRunError(TrainingError):
    """A run that is not resumed, because of ``differences`` of settings or data, each in words."""

    def __init__(self, *about: Any, differences: Sequence[str] = (), **more: Any) -> None:
        self.differences = tuple(differences)
        super().__init__(*about, **more)


def in_words(error: Exception, file: str | bytes | PathLike[str] | None = None) -> str:
    """Return the one line a user reads about an error of any kind; see `as_known`."""
    return str(as_known(error, file))


def as_known(error: Exception, file: str | bytes | PathLike[str] | None = None) -> CryodenError:
    """Return an error of any kind as one of the family, with its code and what to do.

    Parameters
    ----------
    error : Exception
        A `CryodenError`, or what a library or the system raised.
    file : path or None
        What it happened to, where the error does not say.
    """
    if isinstance(error, CryodenError):
        error.file = error.file or (None if file is None else printable(file))
        return error
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    if isinstance(error, OSError) and isinstance(error.filename, str | bytes) and error.strerror:
        file, first = error.filename, error.strerror
    if is_out_of_memory(error):
        fix = "Choose smaller patches or tiles, or the device cpu"
        return CryodenError("T06", file, f"out of memory: {first}", kept=KEPT, fix=fix)
    if isinstance(error, OSError) and error.errno in {ENOSPC, EDQUOT}:
        fix = "Free some space or choose another disk"
        return CryodenError("O02", file, f"could not be written: {first}", kept=KEPT, fix=fix)
    if isinstance(error, OSError):
        return CryodenError("O03", file, first, kept=KEPT, fix="Check the disk and try again")
    fix = "Start again; please report this line if it happens twice"
    return CryodenError("G03", file, f"{type(error).__name__}: {first}", kept=KEPT, fix=fix)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether memory ran out, or a limit of it was met, in whatever words a library says so."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's, by name
        return True
    if getattr(error, "errno", None) == ENOMEM:
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError | OSError | ImportError) and any(
        words in said for words in NO_MEMORY
    )


def printable(path: str | bytes | PathLike[str]) -> str:
    """Return the path as one printable line, whatever bytes its name holds."""
    text = fsdecode(path)
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def in_shell(name: str) -> str:
    """Return a file name as a command takes it: quoted where it must be, and never an option."""
    return quote(f"./{name}" if name.startswith("-") else name)

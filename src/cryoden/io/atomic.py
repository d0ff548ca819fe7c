"""Results appear under their final name whole, or not at all.

A result is written to a hidden temporary file beside its target, forced to disk and renamed.
A process killed at any moment leaves at most a ``.<name>.<host>-<process>-<random>.part`` file, which
`cryoden.io.leftovers` tells from that of one that is still writing.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from cryoden.errors import CryodenError, DiskFullError, OutputError, printable
from cryoden.io.leftovers import hidden_beside, remove_leftovers

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NOT_THERE = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}  # of a flush
BROKEN = {errno.EIO, errno.ESTALE, errno.EROFS}  # said of a write, which names no file
REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT, errno.ENAMETOOLONG}


@contextmanager
def atomic_write(final: Path, *, overwrite: bool = False, inputs: Iterable[Path] = ()) -> Iterator[Path]:
    """Give a temporary path to write to; on success it becomes ``final`` in one step.

    Parameters
    ----------
    final : Path
        Where the result shall lie. Its folder must exist.
    overwrite : bool
        Whether a file already there may be replaced.
    inputs : iterable of Path
        Files that must never be replaced, by whatever name or link ``final`` reaches them.

    Yields
    ------
    Path
        An empty file in the same folder, to be written over. Whoever writes it may replace
        it, but not move it.

    Raises
    ------
    OutputError
        ``O04`` when ``final`` is an input, ``O05`` when it exists and ``overwrite`` is false,
        ``O06`` when the folder is missing or cannot be written to, ``O02`` when the disk is
        full, ``O03`` when the disk fails while flushing or renaming.
        Whatever the reason, ``final`` stays as it was and the temporary file is removed.
    """
    final = Path(final)
    _refuse_input(final, inputs)
    _refuse_existing(final, overwrite)
    temporary, mode = _create_beside(final)
    try:
        yield temporary
        _refuse_existing(final, overwrite)
        _finish(temporary, mode, final)
    except OSError as error:
        _remove(temporary)
        if error.errno in FULL or _is_about(error, temporary):
            raise not_written(final, error) from error
        raise
    except BaseException as error:
        _remove(temporary)
        if isinstance(error, CryodenError) and error.file == printable(temporary):
            error.file = printable(final)  # nobody knows the other
        raise


@contextmanager
def atomic_write_pair(
    first: Path, second: Path, *, overwrite: bool = False, inputs: Iterable[Path] = ()
) -> Iterator[tuple[Path, Path]]:
    """Publish two files that belong together: both, or neither; see `atomic_write`.

    However it ends, even by a kill, an older file never lies beside a new one: the first is
    removed before the second is replaced. So what an error at the very last step costs is
    older files that were to be replaced.
    """
    with ExitStack() as stack:
        one = stack.enter_context(atomic_write(first, overwrite=overwrite, inputs=inputs))
        with atomic_write(second, overwrite=overwrite, inputs=inputs) as other:
            yield one, other
            _refuse_existing(first, overwrite)
            first.unlink(missing_ok=True)
        first_too = stack.pop_all()
    try:
        first_too.close()
    except BaseException:
        _remove(second)
        raise


@contextmanager
def atomic_folder(final: Path) -> Iterator[Path]:
    """Give a temporary folder beside ``final``; on success it becomes ``final``, which must not exist.

    Raises
    ------
    OutputError
        As `atomic_write`; whatever the reason, the temporary folder is removed.
    """
    check_folder(final)
    temporary = hidden_beside(final)
    try:
        temporary.mkdir()
        yield temporary
        for file in temporary.iterdir():
            _force_to_disk(file)
        check_folder(final)
        temporary.rename(final)
    except OSError as error:
        raise not_written(final, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)  # nothing is there where it was renamed
    _force_folder_to_disk(final.parent)


def check_folder(final: Path) -> None:
    """Raise O05 where a folder, or anything else, is in the way of a new one; remove what was left of one."""
    if os.path.lexists(final):
        fix = "Choose another folder"
        raise OutputError("O05", final, "already exists", kept="It is untouched", fix=fix)
    remove_leftovers(final.parent)


def check_destination(final: Path, *, overwrite: bool = False, inputs: Iterable[Path] = ()) -> None:
    """Raise what `atomic_write` would raise at its start, before long work is done in vain."""
    _refuse_input(final, inputs)
    _refuse_existing(final, overwrite)
    temporary, _ = _create_beside(final)
    _remove(temporary)
    remove_leftovers(final.parent)


def _refuse_input(final: Path, inputs: Iterable[Path]) -> None:
    for path in inputs:
        if _same_file(final, Path(path)):
            raise OutputError(
                "O04",
                final,
                f"the output would replace its own input {printable(path)}",
                kept="The input is untouched",
                fix="Choose another output folder or name",
            )


def _same_file(one: Path, other: Path) -> bool:
    with suppress(OSError):
        if one.samefile(other):
            return True
    return os.path.realpath(one) == os.path.realpath(other)


def _refuse_existing(final: Path, overwrite: bool) -> None:
    if final.is_dir():
        raise OutputError("O06", final, "is a folder, not a file", fix="Choose a file name")
    if os.path.lexists(final) and not overwrite:
        raise OutputError(
            "O05",
            final,
            "already exists",
            kept="It is untouched",
            fix="Choose another name, or pass --overwrite to replace it",
        )


def _create_beside(final: Path) -> tuple[Path, int]:
    """Create the temporary file; return its path and the permissions the umask gave it."""
    temporary = hidden_beside(final)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(descriptor, "wb") as file:
            return temporary, os.fstat(file.fileno()).st_mode & 0o777
    except OSError as error:
        _remove(temporary)  # it is there where closing it failed
        raise not_written(final, error) from error


def _finish(temporary: Path, mode: int, final: Path) -> None:
    """Flush, rename, flush the folder; an error here is a failure to write, never ignored."""
    try:
        with suppress(OSError, NotImplementedError):  # a wish: network shares and object stores refuse it
            temporary.chmod(mode)  # some writers narrow the permissions
        _force_to_disk(temporary)
        temporary.replace(final)
    except OSError as error:
        raise not_written(final, error) from error
    _force_folder_to_disk(final.parent)


def _force_to_disk(temporary: Path) -> None:
    descriptor = os.open(temporary, os.O_RDWR)
    try:
        _flush(descriptor)
    finally:
        os.close(descriptor)


def _flush(descriptor: int) -> None:
    """Flush a file, where its file system has that; a disk that fails at it is another matter."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NOT_THERE:
            raise


def _force_folder_to_disk(folder: Path) -> None:
    """Flush the rename itself, where folders can be opened (not on Windows)."""
    with suppress(OSError):  # some network file systems refuse; the result is in place already
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove(temporary: Path) -> None:
    with suppress(OSError):
        temporary.unlink(missing_ok=True)


def _is_about(error: OSError, temporary: Path) -> bool:
    """Tell whether the call that failed was about the output: it named the temporary file, or was a write."""
    name = error.filename
    return error.errno in BROKEN if name is None else os.fsencode(name) == os.fsencode(temporary)


def not_written(final: Path, error: OSError) -> OutputError:
    """Return what is said of a result that the system refused to write: O02, O03 or O06."""
    reason = error.strerror or str(error)
    kept = "A file of that name is as it was" if os.path.lexists(final) else "Nothing was left behind"
    code, problem, fix = _what_happened(final, error, reason)
    kind = DiskFullError if error.errno in FULL - {errno.EFBIG} else OutputError  # a limit of one file
    return kind(code, final, problem, kept=kept, fix=fix)


def _what_happened(final: Path, error: OSError, reason: str) -> tuple[str, str, str]:
    if error.errno in FULL:
        return "O02", f"could not be written: {reason}", "Free some space or choose another disk"
    if error.errno == errno.ENOENT and not final.parent.is_dir():
        return "O06", f"the folder {printable(final.parent)} does not exist", "Create it first"
    if error.errno in REFUSED:
        problem = f"could not be written into {printable(final.parent)}: {reason}"
        return "O06", problem, "Choose a folder you may write to"
    return "O03", f"could not be written: {reason}", "Check the disk and try again"

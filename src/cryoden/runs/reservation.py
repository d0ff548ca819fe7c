"""A folder for one run: made for it, or taken over where it holds nothing."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from cryoden.errors import OutputError, printable
from cryoden.io.claim import Claim, claim, holder
from cryoden.io.leftovers import is_leftover, remove_leftovers

CLAIM = ".claim"


def reserve(folder: Path, record: Path) -> Claim:
    """Make the folder, and claim it; what a run left that was killed before it began is taken over.

    Parameters
    ----------
    folder : Path
        Must not exist, or hold nothing.
    record : Path
        What the run writes into it first; from then on it keeps others out.

    Raises
    ------
    OutputError
        O05 when it exists, with whose run it is where that is known; O06 when it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = None if _is_in_use(folder, record) else claim(folder / CLAIM)
    except FileExistsError:
        taken = None
    except OSError as error:
        problem = f"cannot be created: {error.strerror}"
        raise OutputError("O06", folder, problem, fix="Choose another folder") from error
    if taken is not None and _is_in_use(folder, record):  # a whole run came and went meanwhile
        taken.release()
        taken = None
    if taken is None:
        fix = "Choose another folder; a run never replaces a run"
        problem = f"already exists{_owner(folder, record)}"
        raise OutputError("O05", folder, problem, kept="It is untouched", fix=fix)
    remove_leftovers(folder)
    return taken


def _is_in_use(folder: Path, record: Path) -> bool:
    return any(file.name != CLAIM and not is_leftover(file, record) for file in folder.iterdir())


def _owner(folder: Path, record: Path) -> str:
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(record.read_text(encoding="utf-8"))
        process, state = known["process"], printable(str(known["state"]))
        return f": a run of process {int(process['pid'])} on {printable(str(process['host']))}, {state}"
    preparing = holder(folder / CLAIM)
    return f": a run of {preparing}, preparing" if preparing else ""

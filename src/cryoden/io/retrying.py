"""Reading once more where a share or a disk fails for a moment: three times, after ever longer pauses."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from cryoden.errors import CryodenError

PAUSES = (0.1, 0.4, 1.6)  # s
PASSING = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT}

Given = ParamSpec("Given")
Found = TypeVar("Found")


def retried(read: Callable[Given, Found]) -> Callable[Given, Found]:
    """Return a function that reads once more after an error that may pass; the last one is raised.

    Parameters
    ----------
    read : callable
        Raises `OSError`, or a `CryodenError` whose cause is one. Opens what it reads, because a handle
        of a share that was gone stays stale.
    """

    @wraps(read)
    def patient(*given: Given.args, **named: Given.kwargs) -> Found:
        for pause in PAUSES:
            try:
                return read(*given, **named)
            except (OSError, CryodenError) as error:
                _raise_lasting(error)
            time.sleep(pause)
        return read(*given, **named)

    return patient


def _raise_lasting(error: OSError | CryodenError) -> None:
    """Raise an error again that will not pass."""
    reason = error if isinstance(error, OSError) else error.__cause__
    if not isinstance(reason, OSError) or reason.errno not in PASSING:
        raise error

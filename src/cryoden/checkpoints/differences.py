"""What differs between a run as it was and as it is asked for now, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cryoden.errors import ChangedRunError
from cryoden.settings.fields import fields_of

# They do not decide on what is computed, or not on more than its last bits.
FREE = {"device", "threads", "checkpoint_minutes", "skip_bad_pairs"}
SHOWN = 8


def changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield in words each value that is another one now."""
    for name in {**then, **now}:
        before, after = then.get(name), now.get(name)
        if before != after:
            yield f"{name}: {_value(before)} then, {_value(after)} now"


def changed_settings(then: Any, now: Any) -> list[str]:
    """Return what differs between two settings of one class, but for what makes no difference."""
    return list(changed(*({name: getattr(one, name) for name in _compared(one)} for one in (then, now))))


def refuse(run: Any, differences: Sequence[str], *, force: bool) -> tuple[str, ...]:
    """Return what is said of differences that are forced.

    Raises
    ------
    ChangedRunError
        T17 for those that are not, all of them named.
    """
    if not differences:
        return ()
    more = f"; and {len(differences) - SHOWN:,} more" if len(differences) > SHOWN else ""
    words = "; ".join(differences[:SHOWN]) + more
    if force:
        return (f"continued with other settings or data: {words}",)
    kept, fix = "The run is untouched", "Pass --force to continue"
    problem = f"differs from the run: {words}"
    raise ChangedRunError("T17", run, problem, kept=kept, fix=fix, differences=differences)


def _compared(settings: Any) -> list[str]:
    return [name for name in fields_of(type(settings)) if name not in FREE]


def _value(value: Any) -> str:
    return f"{value:,.10g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)

"""Flags derived from the settings classes, so that help, unit, default and range stand in one place."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, make_dataclass
from typing import Annotated, Any, TypeVar

from tyro.conf import arg, create_mutex_group

from cryoden.settings.fields import Setting, fields_of

Settings = TypeVar("Settings")

HOW_LONG = create_mutex_group(required=False, title="training time (one of the two)")
TOGETHER = {"minutes": (HOW_LONG,), "epochs": (HOW_LONG,)}


def _flags(kind: type[Settings], title: str) -> Callable[..., Settings]:
    """Return a function tyro can call, whose parameters are the fields of a settings class.

    Everyday fields stand in a help box named ``title``, expert fields in a second one.
    """
    groups = {title: _group(kind, expert=False), f"advanced_{title}": _group(kind, expert=True)}
    groups = {name: group for name, group in groups.items() if fields(group)}

    def build(**answers: Any) -> Settings:
        return kind(**{name: value for group in answers.values() for name, value in vars(group).items()})

    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(name, keyword, annotation=group) for name, group in groups.items()]
    build.__annotations__ = dict(groups)
    build.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # functions take any
    return build


def _group(kind: type, *, expert: bool) -> Any:
    defaults = {field.name: field.default for field in fields(kind)}
    chosen = [
        (name, Annotated[(plain, _flag(setting, defaults[name]), *TOGETHER.get(name, ()))], defaults[name])
        for name, (plain, setting) in fields_of(kind).items()
        if setting.expert is expert
    ]
    return make_dataclass("Group", chosen, frozen=True)


def _flag(setting: Setting, default: Any) -> Any:
    facts = (
        []
        if isinstance(default, bool) or default == ""
        else [f"default: {_number(default)} {setting.unit}".rstrip()]
    )
    if setting.range:
        facts.append(setting.range + (f", in steps of {setting.multiple}" if setting.multiple > 1 else ""))
    return arg(
        help=setting.help + ".",
        help_behavior_hint=f"({'; '.join(facts)})" if facts else "",
        aliases=[f"--{setting.formerly.replace('_', '-')}"] if setting.formerly else None,
    )


def _number(value: object) -> str:
    return f"{value:,.10g}" if isinstance(value, int | float) else str(value)


def derived(kind: type[Settings], title: str) -> Any:
    """Return what makes a parameter of the command line of each field of a settings class."""
    return arg(name="", prefix_name=False, constructor=_flags(kind, title))

"""Reports from templates. A page of HTML needs nothing else: no script, nothing loaded from anywhere."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from cryoden.errors import printable

if TYPE_CHECKING:
    from jinja2 import Environment


def filled(package: str, template: str, **values: Any) -> str:
    """Return a template of a package, or of this one, with its values.

    Values are text: in templates named ``.html`` they are escaped, but for `markupsafe.Markup`.
    """
    return _templates(package).get_template(template).render(values)


def _shown(value: Any) -> Any:
    """Return text as a page may hold it: what no reader sees, such as a change of direction, is an escape."""
    if not isinstance(value, str) or hasattr(value, "__html__") or value.isprintable():
        return value
    return "\n".join(map(printable, value.split("\n")))


@cache
def _templates(package: str) -> Environment:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape  # noqa: PLC0415  only for a report

    from cryoden.reporting import markdown  # noqa: PLC0415  as above, and it is written with this

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader(__package__)]),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"md": markdown.escaped, "address": markdown.address}
    return environment

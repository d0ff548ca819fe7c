"""Texts that a user reads keep to the terms of docs/glossary.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = [
    path for folder in ("src/cryoden", "napari_cryoden") for path in sorted((ROOT / folder).rglob("*.py"))
]
PAGES = [
    *(
        ROOT / name
        for name in (
            "README.md",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "napari_cryoden/napari.yaml",
        )
    ),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "src").rglob("templates/*")),
]
COMMANDS = {"flags.py", "flags_denoise.py", "flags_runs.py"}  # whose docstrings are the texts of --help
RETIRED = {
    r"doing nothing": "raw input",
    r"invent(s|ed|ing|ion)?\b": "hallucinated signal",
    r"(told|tells|tell|telling)\b": "reports, says, distinguishes",
    r"fallen\b|fell into": "collapsed",
    r"ran away": "diverged",
    r"predicting a constant": "blank image",
    r"net (gain|dB)|coarse dB": "SNR gain (all), SNR gain (particle band)",
    r"r (detail|coarse|whole)\b": "CC high-pass, particle band, all",
    r"FRC (falls below )?1/7": "FRC 0.143",
    r"very halves": "these halves",
    r"can(not)? be believed|believable": "trustworthy",
    r"hands? back its input": "leaves the noise in",
    r"t(aken|ook) away": "residual",
    r"toss(ing)?( of)? a coin": "at random (binomial thinning)",
    r"made up\b": "synthetic",
    r"no numbers?\b": "NaN or infinite",
    r"in sight": "visible",
    r"under ?way\b": "running",
    r"of the moment": "current",
    r"(go|goes|gone|going) on\b": "continues",
    r"anew": "again",
    r"remarks?\b": "warnings",
    r"pairs? of halves": "half-set pair",
    r"stories|whereabouts|handover": "workflows, data source, export",
    r"house|storeys?|staircase": "package, module",
    r"over-fit": "overfitting",
    r"(look|learn|go on) (in|from|again)$|see them|beside them|to make$": "the headings of today's docks",
    r"expert settings|end comparison|ready pairs|replace results made otherwise": "their labels",
    r"another scene": "halves do not match",
    r"(your|the user's) own view": "previous view",
    r"grey|colour|behaviour|neighbour|centre|favour|towards|licence": "American spelling",
    r"catalogue|analyse|normalis|optimis": "American spelling",
}


def texts(path: Path) -> Iterator[str]:
    """Yield what a module may show: its string literals, and for commands the docstrings, too."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    alone = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}  # docstrings
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and (id(node) not in alone or path.name in COMMANDS):
            yield from [str(node.value)] if _is_shown(node.value) else []


def _is_shown(value: object) -> bool:
    """Whether this looks like words, unlike a key or the name of a column."""
    return isinstance(value, str) and (" " in value or value[:1].isupper())


def retired(text: str) -> list[str]:
    """Return the retired words in a text, each with its replacement."""
    plain = " ".join(text.split())
    return [
        f"{match.group()!r} in {plain[max(0, match.start() - 40) : match.end() + 40]!r}: say {better!r}"
        for words, better in RETIRED.items()
        for match in re.finditer(rf"\b(?:{words})", plain, re.IGNORECASE)
    ]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_shows_a_retired_word(path: Path) -> None:
    assert [found for text in texts(path) for found in retired(text)] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_uses_a_retired_word(path: Path) -> None:
    assert retired(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text", ["It invents: 9 %.", "worse than doing nothing", "a grey image", "after the step under way"]
)
def test_a_retired_word_that_comes_back_is_seen(text: str) -> None:
    assert len(retired(text)) == 1

from __future__ import annotations

import os
import re
import runpy
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tyro
import yaml

from cryoden.cli.flags import Cryoden, Train
from cryoden.cli.main import STYLE

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted(DOCS.rglob("*.md")),
]
EXAMPLES = ["README.md", *(f"docs/{name}.md" for name in ("command-line", "half-sets", "neither", "others"))]


def test_the_site_lists_every_page_and_no_other() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = [*DOCS.glob("*.md"), *DOCS.glob("notebooks/*.ipynb")]
    assert sorted(_listed(site["nav"])) == sorted(page.relative_to(DOCS).as_posix() for page in pages)


def _listed(entry: Any) -> Iterator[str]:
    """Yield the pages of a part of the navigation: a page, or parts by their names."""
    if isinstance(entry, str):
        yield entry
    else:
        for part in entry.values() if isinstance(entry, dict) else entry:
            yield from _listed(part)


def test_the_page_of_commands_says_what_the_commands_say() -> None:
    written = runpy.run_path(str(DOCS / "write_commands.py"))["page"]()
    assert (DOCS / "commands.md").read_text() == written, "run: python docs/write_commands.py"


@pytest.mark.parametrize("page", ["README.md", "docs/others.md"])
def test_the_numbers_at_the_front_are_those_of_the_page_of_numbers(page: str) -> None:
    rows = {
        name: re.findall(r"[\d.]+ ±[\d.]+", numbers)
        for name, numbers in re.findall(r"^\| ([^|]+) (\|.*±.*)$", (ROOT / page).read_text(), re.MULTILINE)
    }
    known = _tables((DOCS / "quality.md").read_text())
    assert len(rows) == 6
    assert [found[0] for found in rows.values()] == [known[0][name] for name in FRONT]
    names = ["low-pass 40 Å" if name == "low-pass 20 Å" else name for name in FRONT]
    assert [found[1] for found in rows.values()] == [known[1][name] for name in names]


FRONT = ("raw", "low-pass 20 Å", "Wiener", "Topaz unet", "general", "own, anchor 0")


def _tables(page: str) -> list[dict[str, str]]:
    """Return, of the two tables of real micrographs, CC from 340 to 20 Å by method."""
    tables = re.split(r"^\| (?:K2 halves|apoferritin, 9 frames),.*$", page, flags=re.MULTILINE)[1:]
    return [
        {
            cells[1].strip(): cells[7].strip()
            for cells in (row.split("|") for row in table.splitlines()[2:])
            if len(cells) > 7
        }
        for table in tables
    ]


def test_the_page_of_settings_says_what_the_settings_are() -> None:
    written = runpy.run_path(str(DOCS / "write_settings.py"))["page"]()
    assert (DOCS / "settings.md").read_text() == written, "run: python docs/write_settings.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]*)(#[^)]*)?\)", page.read_text())
    targets = [((page.parent / link) if link else page, anchor) for link, anchor in links]
    assert not [target for target, _ in targets if not target.exists()]
    assert not [anchor for target, anchor in targets if anchor and anchor not in _anchors(target)]


def _anchors(page: Path) -> set[str]:
    """Return where links into a page lead, which have to be alike on GitHub and on the site."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {"#" + re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", EXAMPLES)
def test_every_flag_in_an_example_is_one_of_the_program(page: str) -> None:
    told = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (ROOT / page).read_text()))
    sources = " ".join(path.read_text() for path in (ROOT / "src" / "cryoden").rglob("*.py")).replace(
        "_", "-"
    )
    assert not {
        flag for flag in told - OTHERS if not re.search(rf"\b{flag[2:].removeprefix('no-')}\b", sources)
    }


OTHERS = {"--help", "--even"}  # the last one is RELION's
SLURM = ROOT / "examples" / "slurm" / "train.sh"


def test_the_job_of_the_page_is_that_of_the_examples_and_its_command_is_one_of_the_program() -> None:
    script = SLURM.read_text()
    assert script in (DOCS / "cluster.md").read_text()
    (command,) = re.findall(r"^srun cryoden (.*)$", script, re.MULTILINE)
    asked = tyro.cli(Cryoden, args=command.split(), config=STYLE).command
    assert isinstance(asked, Train)
    assert (asked.resume, str(asked.run)) == ("auto", "runs/apo")


@pytest.mark.parametrize(("status", "is_put_back"), [(138, True), (143, False), (0, False), (1, False)])
def test_a_job_is_put_back_where_its_time_was_over_and_ends_as_its_training_did(
    tmp_path: Path, status: int, is_put_back: bool
) -> None:
    for name, line in (("srun", '"$@"'), ("cryoden", f"exit {status}"), ("scontrol", 'echo "$@" > put_back')):
        (tmp_path / name).write_text(f"#!/bin/bash\n{line}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    ended = subprocess.run(
        [SLURM], check=False, cwd=tmp_path, env=os.environ | {"PATH": path, "SLURM_JOB_ID": "77"}
    )
    assert ended.returncode == status
    put_back = tmp_path / "put_back"
    assert (put_back.read_text() if put_back.exists() else "") == ("requeue 77\n" if is_put_back else "")

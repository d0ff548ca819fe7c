"""Writes docs/quality.md from evaluations: python docs/write_quality.py "TITLE=figures.json" ….

Each JSON file is one of `cryoden evaluate --figures`; a file that ends in .md is a section as it stands, such
as what benchmarks/real.py prints. The page holds nothing that is not in them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryoden.evaluation import json_file
from cryoden.evaluation.columns import Column, band_columns, columns
from cryoden.evaluation.conclusions import conclusions
from cryoden.evaluation.scores import Table

PAGE = Path(__file__).with_name("quality.md")
HEAD = """# Quality

Denoising compared with the raw input, Gaussian low-pass filters, a Wiener filter fitted to the same
halves, and other programs. Written by `docs/write_quality.py` from the numbers of
`cryoden evaluate --figures` and `benchmarks/real.py`; the columns are explained below the tables.
"""
HOW = """## How to reproduce these tables

```
cryoden simulate --output sim --count 4 --edge 1536            # with ground truth
cryoden evaluate sim --truth sim/clean --model mine.safetensors --figures sim.json --report sim.html
cryoden evaluate k2_counting --model mine.safetensors --figures k2.json --report k2.html
python benchmarks/compare_topaz.py k2_counting out --whole --model mine.safetensors   # with Topaz
python benchmarks/real.py DATA --topaz topaz --topaz-models unet unet-small affine > real.md
python docs/write_quality.py "Simulated=sim.json" "K2=out/figures.json" "Real micrographs=real.md"
```

What makes denoising hard, factor by factor, and where the general model is below a low-pass:
[hardship.md](hardship.md).
"""


def page(sections: dict[str, Table | str]) -> str:
    """Return the whole page."""
    tables = [section for section in sections.values() if isinstance(section, Table)]
    known = {column.title: column for table in tables for column in columns(table)}
    meanings = [f"- **{title}**: {column.means} {_source(column.source)}" for title, column in known.items()]
    parts = [
        HEAD,
        *(
            _section(title, one) if isinstance(one, Table) else f"## {title}\n\n{one}"
            for title, one in sections.items()
        ),
    ]
    return "\n".join([*parts, "## Columns\n", *meanings, "", HOW])


def _section(title: str, table: Table) -> str:
    found = [f"- {one.better.mark} **{one.name}**: {one.better.words}" for one in conclusions(table)]
    lines = [*_rows(table, columns(table)), *found, "", *_rows(table, band_columns(table))]
    return "\n".join([f"## {title}", "", _basis(table), "", *lines])


def _rows(table: Table, chosen: Sequence[Column]) -> list[str]:
    if not chosen:
        return []
    head = "| " + " | ".join(column.title for column in chosen) + " |"
    rows = [
        "| " + " | ".join(column.text(table, row).replace("*", "\\*") for column in chosen) + " |"
        for row in table.rows
    ]
    return [head, "|---" * len(chosen) + "|", *rows, ""]


def _basis(table: Table) -> str:
    pairs, settings = len(table.raw.pairs), _plain(table.provenance.get("settings", {}))
    counts = f"{pairs:,} pair{'s' if pairs > 1 else ''}, {table.pixels:,} pixels"
    return f"{counts}, CC of the raw halves {table.r_half:.4f}; {settings}."


def _plain(values: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())


def _source(source: str) -> str:
    return f"({source})" if source else ""


def _read(file: Path) -> Table | str:
    return file.read_text(encoding="utf-8") if file.suffix == ".md" else json_file.load(file)


def main(words: Sequence[str]) -> None:
    """Write the page."""
    files = dict(word.partition("=")[::2] for word in words)
    PAGE.write_text(page({title: _read(Path(file)) for title, file in files.items()}), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

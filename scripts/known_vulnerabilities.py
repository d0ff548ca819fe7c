"""Ask pip-audit for known vulnerabilities of every version in constraints.txt; part of ``make check``.

Where pip-audit is not installed, or no index answers it, this is said and counts as no failure: the
checks run offline, too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

PINNED = Path(__file__).parents[1] / "constraints.txt"
SECONDS = 10  # for each answer of an index
SKIPPED = "Known vulnerabilities: not looked for, as"


def report(pinned: Path) -> str:
    """Return what pip-audit finds about pinned versions, as JSON; empty where it could not ask."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(pinned), "--no-deps", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", str(SECONDS)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - our own


def judged(found: str) -> tuple[bool, str]:
    """Return whether all is well with what pip-audit found, and what to say of it."""
    known = json.loads(found)["dependencies"] if found.strip() else []
    asked = [one for one in known if "vulns" in one]  # others are in no index that answers
    if not asked:
        return True, f"{SKIPPED} no index answers."
    bad = [
        f"{one['name']} {one['version']}: {flaw['id']}, fixed in {', '.join(flaw['fix_versions']) or 'none'}"
        for one in asked
        for flaw in one["vulns"]
    ]
    return not bad, "\n".join([*bad, f"Known vulnerabilities: {len(bad)} in {len(asked)} packages."])


def main() -> int:
    """Ask, print, and return the exit status."""
    if find_spec("pip_audit") is None:
        print(f"{SKIPPED} pip-audit is not installed.")
        return 0
    well, words = judged(report(PINNED))
    print(words)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())

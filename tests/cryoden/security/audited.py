"""Runs commands under an audit hook, and notes what a file could have made them do."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import CodeType
from typing import Any

# The name of this machine is no talk with another one.
QUIET = {"socket.gethostname", "socket.__new__"}
NETWORK = ("socket.", "urllib.", "http.", "ftplib.", "smtplib.", "webbrowser.")
PROGRAMS = ("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pty.")
OWN_PICKLES = ("_operator", "dask")  # Dask copies its own operators, as it is imported
TAINT = "taint_7f3a"  # stands in every file that would like to be run


class Audit:
    """What was seen of the network, of other programs, and of code that came out of a folder.

    Parameters
    ----------
    folder : Path
        That of the data, of which nothing may be run.

    Attributes
    ----------
    listens : bool
        Whether anything is noted; a hook stays for as long as its process.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.listens = str(folder.resolve()), True
        self.seen: list[str] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, facts: tuple[Any, ...]) -> None:
        if not self.listens:
            return
        if event not in QUIET and event.startswith((*NETWORK, *PROGRAMS)):
            self.seen.append(f"{event} {facts!r}"[:300])
        elif event == "pickle.find_class" and not str(facts[0]).startswith(OWN_PICKLES):
            self.seen.append(f"{event} {facts!r}")
        elif event == "exec" and isinstance(facts[0], CodeType) and self._is_foreign(facts[0]):
            self.seen.append(f"{event} {facts[0].co_filename}")

    def _is_foreign(self, code: CodeType) -> bool:
        names = (*code.co_names, *map(str, code.co_consts))
        return code.co_filename.startswith(self.folder) or any(TAINT in name for name in names)

    def taken(self) -> list[str]:
        """Return what was seen since the last time."""
        seen, self.seen = self.seen, []
        return seen


def main(folder: str) -> None:
    """Run the commands that stand on the standard input, and print what was seen, both as JSON."""
    audit, found = Audit(Path(folder)), []
    from cryoden.cli.main import main as cryoden  # noqa: PLC0415  its own imports are watched, too

    for asked in json.load(sys.stdin):
        with redirect_stdout(StringIO()):
            status = cryoden(asked)
        found.append({"asked": asked, "status": status, "seen": audit.taken()})
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])

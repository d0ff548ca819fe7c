"""The checkpoints of one run: the two last ones, whichever way the program ends.

A new one is written beside the others, read back, forced to disk and renamed before an older one is
removed. They are ordered by their steps, because clocks are wrong at times.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from cryoden.checkpoints.checkpoint_file import read, write
from cryoden.errors import RunError
from cryoden.events.training import TrainingState
from cryoden.io.atomic import atomic_write, not_written

KEPT = 2
NAME = re.compile(r"step-(\d+)\.safetensors")


class Checkpoints:
    """What one run is resumed from.

    Parameters
    ----------
    folder : Path
        Where they lie; made with the first one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._whole: list[Path] = []  # known to be, the latest first

    def paths(self) -> list[Path]:
        """Return the files, the latest step first."""
        found = [(NAME.fullmatch(path.name), path) for path in self.folder.glob("step-*.safetensors")]
        return [path for _, path in sorted(((int(of[1]), path) for of, path in found if of), reverse=True)]

    def save(self, state: TrainingState) -> Path:
        """Write a state, and remove all but it and the whole one before it.

        Raises
        ------
        OutputError
            O02, O03 or O06 when it cannot be written; what was there stays.
        TrainingError
            T20 for weights that are NaN or infinite.
        RunError
            R04 when what can be read back is not what was written.
        """
        path = self._path(state.step)
        self.made()
        with atomic_write(path, overwrite=True) as temporary:
            write(state, temporary)
            read(temporary)  # proves that its bytes are those that were to be written
        self._whole = [path, *(one for one in self._whole if one != path)]
        self.keep(KEPT)
        return path

    def newest(self) -> tuple[TrainingState, tuple[str, ...]]:
        """Return the latest whole state, and what is said of later ones that are damaged.

        Raises
        ------
        RunError
            R04 when there is none, R03 for one of another version.
        """
        problems: list[RunError] = []
        for state in filter(None, (_whole(path, problems) for path in self.paths())):
            return state, tuple(f"{one} The one of step {state.step:,} is used." for one in problems)
        if problems:
            raise problems[0]
        fix = "Start the run again in another folder"
        raise RunError("R04", self.folder, "no checkpoint: this run cannot be resumed", fix=fix)

    def known(self, step: int) -> None:
        """Take the one of this step for whole: it was just read."""
        self._whole = [self._path(step)]

    def keep(self, number: int) -> None:
        """Remove all but so many of those that are known to be whole."""
        self._whole = kept = self._whole[:number]
        for path in [path for path in self.paths() if kept and path not in kept]:
            with suppress(OSError):
                path.unlink()

    def made(self) -> Path:
        """Make the folder, without what killed processes have left in it: nobody else writes here."""
        try:
            self.folder.mkdir(exist_ok=True)
            for left in self.folder.glob(".*.part"):
                left.unlink(missing_ok=True)
        except OSError as error:
            raise not_written(self.folder, error) from error
        return self.folder

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:09d}.safetensors"


def _whole(path: Path, problems: list[RunError]) -> TrainingState | None:
    """Return the state of a file, or add what is wrong with it; one of another version is not passed over."""
    try:
        return read(path)
    except RunError as error:
        if error.code == "R03":
            raise
        problems.append(error)
    return None

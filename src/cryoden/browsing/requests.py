"""What is to be made next: the picture that is looked at before those behind it, thumbnails last."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from cryoden.browsing.exposure_list import Exposure
from cryoden.browsing.kept_pictures import Choices, Kept, Key, Stage, key_of, room_ahead

STAGES: tuple[Stage, ...] = ("raw", "preview", "denoised")
AHEAD_STAGES: tuple[Stage, ...] = ("raw", "denoised")


@dataclass(frozen=True)
class Task:
    """One picture to make."""

    exposure: Exposure
    stage: Stage
    choices: Choices

    @property
    def key(self) -> Key:
        """What the picture is kept by."""
        return key_of(self.exposure.name, self.stage, self.choices)


class Requests:
    """What whoever looks wants, and whoever makes it asks for; for two threads.

    A picture is given out once for each `look`, even where there is no room to keep it.

    Parameters
    ----------
    kept : Kept
        Pictures that need not be made.
    """

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._changed = threading.Condition()
        self._tasks: list[Task] = []
        self._thumbnails: list[Task] = []
        self._given: set[Key] = set()
        self._failed: set[Key] = set()

    def look(self, exposures: Sequence[Exposure], choices: Choices) -> None:
        """Want the first of these, then those behind it; what was wanted before is not any more."""
        stages = [STAGES, *[AHEAD_STAGES] * len(exposures)]
        with self._changed:
            self._tasks = [
                Task(exposure, stage, choices)
                for exposure, wanted in zip(exposures, stages, strict=False)
                for stage in wanted
            ]
            self._given = {key for key in self._given if key.stage == "thumbnail"}
            self._changed.notify_all()

    def want_thumbnails(self, exposures: Sequence[Exposure], choices: Choices) -> None:
        """Want thumbnails of these, when there is nothing else to do."""
        with self._changed:
            self._thumbnails = [Task(exposure, "thumbnail", choices) for exposure in exposures]
            self._given = {key for key in self._given if key.stage != "thumbnail"}
            self._changed.notify_all()

    def next(self, seconds: float) -> Task | None:
        """Return what to make now, and wait for it up to a time; ``None`` where there is nothing."""
        with self._changed:
            task = self._first()
            if task is None:
                self._changed.wait(seconds)
                task = self._first()
            if task is not None:
                self._given.add(task.key)
            return task

    def is_wanted(self, task: Task) -> bool:
        """Whether a picture that was begun is still wanted, and nothing else has become more urgent."""
        with self._changed:
            if task.stage == "thumbnail":
                return task in self._thumbnails and not any(map(self._is_open, self._near()))
            if task not in self._tasks:
                return False
            before = self._tasks[: self._tasks.index(task)]
            return not any(self._is_open(one) for one in before if one.exposure != task.exposure)

    def give_back(self, task: Task) -> None:
        """Say that a picture was begun and not made; it is made later, where it is still wanted."""
        with self._changed:
            self._given.discard(task.key)

    def fail(self, task: Task) -> None:
        """Say that a picture cannot be made: it is not tried again."""
        with self._changed:
            self._failed.add(task.key)

    def _first(self) -> Task | None:
        return next((task for task in (*self._near(), *self._thumbnails) if self._is_open(task)), None)

    def _near(self) -> list[Task]:
        """Return the tasks for which there is room."""
        names = list(dict.fromkeys(task.exposure.name for task in self._tasks))[: 1 + room_ahead(self._kept)]
        return [task for task in self._tasks if task.exposure.name in names]

    def _is_open(self, task: Task) -> bool:
        key = task.key
        late = task.stage == "preview" and key._replace(stage="denoised") in self._kept
        return not late and key not in self._kept and key not in self._given and key not in self._failed

from __future__ import annotations

from contextlib import suppress
from threading import Barrier, Thread

from cryoden.denoising.denoise import Denoiser
from cryoden.denoising.denoisers import Denoisers
from cryoden.settings.denoising import DenoisingSettings
from tests.cryoden.denoising.test_denoise import model

SETTINGS = DenoisingSettings(device="cpu")


def test_one_is_used_by_one_thread_at_a_time_and_used_again() -> None:
    first = Denoiser(model("baseline"), SETTINGS)
    denoisers, both, seen = Denoisers(first, SETTINGS, 2), Barrier(2), list[Denoiser]()

    def work() -> None:
        with denoisers.one() as denoiser:
            both.wait(timeout=60)
            seen.append(denoiser)

    for _ in range(2):
        threads = [Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(seen) == 4
    assert first in seen
    assert len({id(each) for each in seen}) == 2
    assert all(each.model is first.model for each in seen)


def test_one_that_failed_is_used_again() -> None:
    denoisers = Denoisers(Denoiser(model("baseline"), SETTINGS), SETTINGS)
    for _ in range(3):
        with suppress(StopIteration), denoisers.one():
            next(iter(()))
    with denoisers.one() as denoiser:
        assert denoiser is denoisers.first

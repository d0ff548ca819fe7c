from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from cryoden.events.quality import BandReferences, HeldOutQuality, References
from cryoden.events.snr_gain import band_gain
from cryoden.events.training import EpochFinished
from cryoden.events.training_status import assess, figure, merit, trouble

AT = References(
    identity=1.95, constant=1.0, gaussian=0.99, sigma=20.0, linear=0.988,
    floor=0.975, error=0.001, r_half=0.025, fine=0.0, frc=0.08, resolution=30.0,
)  # fmt: skip
QUALITY = HeldOutQuality(palovcak=20.0, bias=0.1, frc=0.1, resolution=20.0)


def epoch(number: int, loss: float, **changes: Any) -> EpochFinished:
    train = math.nan if number == 0 else loss
    made = EpochFinished(number, number * 10, 1.0, train, loss, 0.1, False, QUALITY, None)
    return replace(made, **changes)


def epochs(*losses: float, collapsed: bool = False) -> list[EpochFinished]:
    return [epoch(number, loss, collapsed=collapsed) for number, loss in enumerate(losses)]


@pytest.mark.parametrize(
    ("losses", "level", "words"),
    [
        ([0.99], "wait", "Not yet better than a Wiener filter"),
        ([0.99, 0.989], "wait", "Not yet better than a Wiener filter"),
        ([0.99, 0.986], "good", "Better than a Wiener filter for 1 epoch: good to use"),
        ([0.99, 0.989, 0.986, 0.985, 0.986], "good", "Better than a Wiener filter for 3 epochs: good to use"),
        ([0.99, 0.986, 0.989], "wait", "Worse than a Wiener filter again; epoch 1 is kept"),
        ([0.98], "wait", "The starting model is better than a Wiener filter"),
        (
            [0.98, 0.985],
            "wait",
            "Not yet better than the starting model, which is better than a Wiener filter",
        ),
        ([0.99, 1.002], "bad", "Worse than a blank image: do not use"),
        ([1.96, 1.96], "bad", "Worse than the raw input: do not use"),
        ([0.99, 0.97], "bad", "Halves not independent: loss below the noise floor of 0.9750"),
        ([0.99, 0.9735], "good", "Better than a Wiener filter for 1 epoch: good to use"),
        ([0.99, 4.0], "bad", "Diverged"),
        ([0.99, math.nan], "bad", "Diverged"),
        ([0.99, 0.98, 1.02], "bad", "Diverged"),
    ],
)
def test_a_run_is_judged_by_where_its_held_out_loss_lies(losses: list[float], level: str, words: str) -> None:
    verdict = assess(AT, epochs(*losses))
    assert (verdict.level, verdict.words) == (level, words)


def test_halves_that_agree_in_the_finest_detail_share_noise_from_the_start() -> None:
    verdict = assess(replace(AT, fine=0.7), epochs(0.5))
    assert verdict.level == "bad"
    assert verdict.words.startswith("Halves not independent: CC near Nyquist 0.70")


def test_supervised_pairs_share_no_noise_by_definition() -> None:
    assert assess(replace(AT, floor=None, fine=0.7), epochs(0.5, 0.3)).level == "good"


def test_a_loss_that_rises_while_training_goes_on_falling_is_over_fitting() -> None:
    def run(train: list[float]) -> list[EpochFinished]:
        held_out = [0.99, 0.985, 0.982, 0.983, 0.984, 0.985, 0.986, 0.987]
        return [replace(e, train_loss=t) for e, t in zip(epochs(*held_out), [math.nan, *train], strict=True)]

    learned = [0.985, 0.982, 0.98, 0.978, 0.976, 0.974, 0.972]
    verdict = assess(AT, run(learned))
    assert verdict.level == "bad"
    assert verdict.words == "Overfitting since epoch 2: add micrographs; epoch 2 is kept"
    assert assess(AT, run(learned)[:7]).level == "good"
    assert assess(AT, run([0.985] * 7)).level == "good"


def test_falling_is_told_at_once_and_not_yet_rising_after_five_epochs() -> None:
    stood = [epoch(0, 0.99), epoch(1, 1.0, collapsed=True)]
    assert assess(AT, stood).words == "Collapsed to a constant"
    assert trouble(AT, stood) == "collapsed"
    never = [epoch(number, 1.0, collapsed=True) for number in range(8)]
    assert assess(AT, never[:5]).words == "Output nearly constant so far"
    assert assess(AT, never[:6]).words == "Collapsed to a constant"
    assert trouble(AT, never, restarted=5) is None
    assert assess(AT, never, restarted=5).words == "Output nearly constant so far"


def test_a_loss_of_training_that_runs_away_is_told_before_the_average_follows() -> None:
    assert trouble(AT, [epoch(0, 0.99), epoch(1, 0.98, train_loss=50.0)]) == "diverged"


def test_epochs_without_a_step_taken_are_judged_all_the_same() -> None:
    assert trouble(AT, [epoch(0, 0.99), epoch(1, 0.98, train_loss=math.nan)]) is None


def test_a_signal_too_weak_to_measure_is_no_divergence() -> None:
    weak = replace(AT, linear=0.9999, gaussian=0.9999, error=0.001)
    assert trouble(weak, epochs(0.9999, 1.0015)) is None
    assert trouble(weak, epochs(0.9999, 1.0035)) == "diverged"


def test_a_fresh_network_far_above_all_references_has_not_diverged_while_it_comes_down() -> None:
    """The experiment begins at 0.64 where a constant has 0.016: its first epochs lie far above both."""
    low = replace(AT, identity=0.0089, constant=0.0158, linear=0.0057, floor=None, error=0.0001)
    told = [assess(low, epochs(0.64, *losses)) for losses in ((), (0.3,), (0.3, 0.012), (0.3, 0.005), (1.5,))]
    assert [one.words for one in told] == [
        "Not yet better than a Wiener filter",
        "Worse than the raw input: do not use",
        "Worse than the raw input: do not use",
        "Better than a Wiener filter for 1 epoch: good to use",
        "Diverged",
    ]
    assert told[0].level == "wait"


BANDED = replace(AT, band=BandReferences(340, 20, identity=0.2, gaussian=0.25, linear=0.3))


def in_band(number: int, band: float | None, loss: float = 0.985, **changes: Any) -> EpochFinished:
    return epoch(number, loss, quality=replace(QUALITY, band=band), **changes)


def best(*several: EpochFinished) -> int:
    return max(several, key=lambda one: merit(BANDED, one)).epoch


def test_of_a_run_on_halves_the_epoch_of_the_highest_band_figure_is_best() -> None:
    assert best(in_band(1, 0.31, 0.984), in_band(2, 0.35, 0.986), in_band(3, 0.34, 0.985)) == 2


def test_without_a_band_figure_the_epoch_of_the_lowest_loss_is_best() -> None:
    several = epochs(0.99, 0.984, 0.986, math.nan)
    assert max(several, key=lambda one: merit(AT, one)).epoch == 1


@pytest.mark.parametrize(
    "worse", [{"loss": 1.1}, {"loss": math.nan}, {"loss": math.inf}, {"collapsed": True}, {"band": None}]
)
def test_no_band_figure_makes_up_for_an_output_that_is_no_image(worse: dict[str, Any]) -> None:
    assert best(in_band(1, 0.1), in_band(2, **({"band": 0.9} | worse))) == 1


@pytest.mark.parametrize(
    ("bands", "level", "words"),
    [
        ([0.28, 0.29], "wait", "Not yet better than a Wiener filter"),
        ([0.28, 0.29, 0.31, 0.32], "good", "Better than a Wiener filter for 2 epochs: good to use"),
        ([0.28, 0.31, 0.29], "wait", "Worse than a Wiener filter again; epoch 1 is kept"),
        ([0.33], "wait", "The starting model is better than a Wiener filter"),
    ],
)
def test_a_run_on_halves_is_judged_by_where_its_band_figure_lies(
    bands: list[float], level: str, words: str
) -> None:
    verdict = assess(BANDED, [in_band(number, band) for number, band in enumerate(bands)])
    assert (verdict.level, verdict.words) == (level, words)


def test_a_run_whose_band_figure_rises_is_not_overfitting_whatever_its_loss_does() -> None:
    rising = [in_band(n, 0.3 + 0.01 * n, 0.98 + 0.001 * n, train_loss=0.98 - 0.01 * n) for n in range(9)]
    assert "Overfitting" not in assess(BANDED, rising).words
    falling = [
        in_band(n, 0.4 - 0.01 * n, one.validation_loss, train_loss=one.train_loss)
        for n, one in enumerate(rising)
    ]
    assert assess(BANDED, falling).words.startswith("Overfitting since epoch 0")


def test_an_epoch_is_named_by_what_it_is_compared_by() -> None:
    assert BANDED.band is not None
    gain = band_gain(BANDED.band, 0.3)
    assert figure(BANDED, in_band(1, 0.3)) == f"SNR gain {gain:+.1f} dB"
    assert figure(BANDED, in_band(1, -0.1)) == "particle band CC -0.1000"  # no gain can be estimated
    assert figure(AT, epoch(1, 0.98)) == "validation 0.9800"

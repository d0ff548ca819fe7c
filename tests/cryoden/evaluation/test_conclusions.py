from __future__ import annotations

import re
from dataclasses import replace

from cryoden.evaluation.conclusions import conclusions
from cryoden.evaluation.scores import Table
from cryoden.events.quality import Coverage
from tests.cryoden.evaluation.planted import (
    against,
    finished,
    found,
)


def test_a_model_that_hands_back_its_input_is_found_out() -> None:
    assert any("Leaves the noise in: 100 %" in finding.words for finding in against("copy"))


def test_a_model_that_prints_the_same_particles_everywhere_is_found_out() -> None:
    assert any(re.match(r"Hallucinated signal: 9\d %", finding.words) for finding in against("prints"))


def test_a_model_that_makes_everything_gray_is_found_out() -> None:
    compared, other = against("gray")
    assert compared.words.startswith("Worse than the raw input")
    assert other.words.startswith("Blank output")


def blind() -> Table:
    """Return the table without what the truth told."""
    rows = finished().table.rows
    return replace(
        finished().table, rows=tuple(replace(row, mean=replace(row.mean, truth_db=None)) for row in rows)
    )


def test_the_truth_decides_where_there_is_one() -> None:
    assert re.search(
        r"\+0\.0 dB against the ground truth, the Wiener filter \+\d", found("copy").better.words
    )
    assert "overall: CC 0." in conclusions(blind())[1].better.words


def test_a_method_that_knows_more_than_any_filter_is_called_better_with_truth_and_without() -> None:
    for table in (finished().table, blind()):
        assert conclusions(table)[0].better.words.startswith("Better than every simple filter")
        assert [one.name for one in conclusions(table) if one.better.status == "good"] == ["oracle"]
        assert {one.name for one in conclusions(table) if one.better.status == "bad"} >= {
            "prints",
            "dreams",
            "gray",
        }


def test_a_model_judged_on_what_it_was_trained_on_is_told_of() -> None:
    table = replace(finished().table, provenance={"models": {"copy": {"trained_on": ["m2"]}}})
    words = {one.name: [finding.words for finding in one.findings] for one in conclusions(table)}
    assert "Trained on 1 of these 2 pairs: it may do worse on others." in words["copy"]
    assert not any("Trained on" in said for said in words["prints"])


def test_a_model_judged_on_micrographs_it_was_not_trained_on_is_told_of_with_their_number() -> None:
    trained = {"copy": {"trained_on": [], "training": 12}, "prints": {"trained_on": [], "training": 0}}
    words = {
        one.name: [finding.words for finding in one.training]
        for one in conclusions(replace(finished().table, provenance={"models": trained}))
    }
    assert words["copy"] == ["Trained on 12 other micrographs."]
    assert not words["prints"]


def test_the_pair_that_the_training_covers_least_is_the_one_that_counts() -> None:
    usual, rare = Coverage(0.4, "It covers this."), Coverage(0.003, "It hardly covers this.")
    for coverage, status, words in (
        ({"m1": usual}, "good", "It covers this."),
        ({"m1": usual, "m2": rare}, "doubtful", "It hardly covers this. Most unusual of 2 pairs: m2."),
    ):
        row = replace(finished().table.rows[-1], coverage=coverage)
        (verdict,) = conclusions(replace(finished().table, rows=(finished().table.raw, row)))
        assert [(one.status, one.words) for one in verdict.training] == [(status, words)]
        assert set(verdict.training) <= set(verdict.findings)


def test_an_output_stronger_than_what_it_shows_is_certain_is_said_to_promise_too_much() -> None:
    """The planted oracle is in units of its own; in those of the raw halves it would be honest."""
    shown = next(row for row in finished().table.rows if row.name == "oracle")
    in_units = replace(shown, mean=replace(shown.mean, slope=1.0))
    for row, begins in ((shown, "Promises more than it holds"), (in_units, "No stronger than what")):
        (verdict,) = conclusions(replace(finished().table, rows=(finished().table.raw, row)))
        assert any(finding.words.startswith(begins) for finding in verdict.findings)

from __future__ import annotations

import json
import math

from cryoden.io.provenance import plain, versions


def test_what_is_no_number_is_nothing_at_any_depth() -> None:
    values = {"a": math.nan, "b": {"c": math.inf, "d": 1.5}, "e": "nan"}
    assert json.loads(json.dumps(plain(values), allow_nan=False)) == {
        "a": None,
        "b": {"c": None, "d": 1.5},
        "e": "nan",
    }


def test_the_versions_name_the_program_and_what_computes() -> None:
    assert set(versions()) == {"cryoden", "python", "torch", "numpy"}

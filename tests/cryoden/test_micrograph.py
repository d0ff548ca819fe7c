from __future__ import annotations

import numpy as np

from cryoden.errors import Remark
from cryoden.micrograph import HalfPair, Micrograph


def test_a_window_is_a_copy_of_its_part() -> None:
    whole = Micrograph(np.arange(12, dtype=np.float32).reshape(3, 4), 1.5, "m")
    window = whole.window(1, 2, 2, 2)
    assert whole.shape == (3, 4)
    assert window.tolist() == [[6, 7], [10, 11]]
    window[:] = 0
    assert whole.data[1, 2] == 6


def test_a_pair_is_called_by_its_even_half() -> None:
    even, odd = (Micrograph(np.zeros((2, 2), np.float32), None, name) for name in ("m_EVN", "m_ODD"))
    assert HalfPair(even, odd).name == "m_EVN"


def test_a_warning_is_printed_with_its_code() -> None:
    assert str(Remark("F04", "5 extra bytes")) == "F04: 5 extra bytes"

from __future__ import annotations

from cryoden.browsing.recent import Recent


def test_no_more_than_so_many_bytes_are_kept_and_the_oldest_go_first() -> None:
    recent = Recent[int, bytes](10, len)
    for number in range(5):
        recent.put(number, bytes(4))
    assert (len(recent), recent.bytes) == (2, 8)
    assert [number for number in range(5) if number in recent] == [3, 4]


def test_what_was_asked_for_lately_stays() -> None:
    recent = Recent[int, bytes](8, len)
    recent.put(1, bytes(4))
    recent.put(2, bytes(4))
    recent.get(1)
    recent.put(3, bytes(4))
    assert [number for number in (1, 2, 3) if number in recent] == [1, 3]


def test_a_value_that_is_put_again_counts_once() -> None:
    recent = Recent[int, bytes](10, len)
    recent.put(1, bytes(4))
    recent.put(1, bytes(6))
    assert (recent.get(1), recent.bytes) == (bytes(6), 6)


def test_one_value_is_kept_even_where_it_is_too_big() -> None:
    recent = Recent[int, bytes](10, len)
    recent.put(1, bytes(4))
    recent.put(2, bytes(40))
    assert (len(recent), recent.bytes) == (1, 40)
    recent.clear()
    assert (len(recent), recent.bytes, recent.get(2)) == (0, 0, None)

"""Files that are damaged in ways that disks, transfers, editors and other programs have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

WORDS = [
    b"", b"\0", b"\n", b" ", b"-1", b"0", b"1e999", b"NaN", b"Infinity", b"null", b"true", b"[]", b"{}",
    b'"', b"'", b"#", b",", b"[" * 5000, b'{"a":' * 5000, b"9" * 5000, b"\xff\xfe", b"\xed\xa0\x80",
    b"\r\n", b"a" * 300, b"../" * 40, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80",
    b"\x00\x00\x80\x7f", b"\x00\x00\xc0\x7f", b"\xff" * 8, b"data_\n", b"loop_\n", b"_rlnMicrographName\n",
    b"|O", b"<U99999999", b"(99999999999,)", b"-9223372036854775809", b"18446744073709551616",
]  # fmt: skip


@dataclass(frozen=True)
class Change:
    """Bytes in the place of others.

    Parameters
    ----------
    at : float
        Where, as a part of the file; the first 1,024 bytes make up one half of it.
    gone : int
        How many bytes are lost there.
    put : bytes
        What comes in their place.
    """

    at: float
    gone: int
    put: bytes

    def of(self, data: bytes) -> bytes:
        """Return changed bytes."""
        head = min(len(data), 1024)
        place = (
            int(2 * self.at * head) if self.at < 0.5 else head + int((2 * self.at - 1) * (len(data) - head))
        )
        return data[:place] + self.put + data[place + self.gone :]


CHANGES = st.lists(
    st.builds(
        Change,
        st.floats(0, 1),
        st.one_of(st.integers(0, 9), st.sampled_from([64, 4096, 1 << 40])),
        st.one_of(st.sampled_from(WORDS), st.binary(max_size=12)),
    ),
    min_size=1,
    max_size=4,
)


def changed(data: bytes, changes: Sequence[Change]) -> bytes:
    """Return bytes after all of these, one after the other."""
    for change in changes:
        data = change.of(data)
    return data

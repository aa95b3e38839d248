"""Which ACKs complete a handshake (RFC 9293 §3.5), to keep those of all ports.

Off the mail ports nobody knows yet which connections are mail, but when their
handshakes were completed must be known then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from captures.packets.segments import Indices

    _Numbers = npt.NDArray[np.unsignedinteger]

# How many packets behind the SYN and ACK the ACK that completes a handshake may come.
MAX_ACK_PACKETS = 1 << 16


class ExpectedAcks:
    """The numbers of ACKs that will complete handshakes.

    Those of the last `MAX_ACK_PACKETS` packets, and those of the batch.
    """

    def __init__(self) -> None:
        self._numbers = np.zeros(0, dtype=np.uint64)
        self._serial = np.zeros(0, dtype=np.int64)
        self._ends = np.zeros(1 << 16, dtype=np.bool_)
        self._packets = 0

    def __len__(self) -> int:
        return len(self._numbers)

    def expect(self, sequence: _Numbers, acknowledgment: _Numbers, at: Indices) -> None:
        """Expect the ACKs of SYNs and ACKs; `at` is their place in the batch."""
        expected = _pair(acknowledgment, sequence + np.uint32(1))
        self._numbers = np.concatenate([self._numbers, expected])
        self._serial = np.concatenate([self._serial, at + self._packets])
        self._ends[expected & np.uint64(0xFFFF)] = True

    def may_end_in(self, digits: _Numbers) -> npt.NDArray[np.bool_]:
        """Return (n,) whether any expected number has these low 16 bits."""
        return self._ends[digits]

    def contain(
        self, sequence: _Numbers, acknowledgment: _Numbers
    ) -> npt.NDArray[np.bool_]:
        """Return (n,) whether ACKs with these numbers are expected."""
        return np.isin(_pair(sequence, acknowledgment), self._numbers)

    def end_batch(self, packets: int) -> None:
        """Learn that a batch is over, and how many packets it had."""
        self._packets += packets
        if len(self):
            kept = self._serial >= self._packets - MAX_ACK_PACKETS
            self._numbers, self._serial = self._numbers[kept], self._serial[kept]
            self._ends[:] = False
            self._ends[self._numbers & np.uint64(0xFFFF)] = True


def _pair(first: _Numbers, second: _Numbers) -> npt.NDArray[np.uint64]:
    high = first.astype(np.uint64) << np.uint64(32)
    return high | second.astype(np.uint64)

from __future__ import annotations

import numpy as np
import pytest

from captures.packets.expected_acks import MAX_ACK_PACKETS, ExpectedAcks


def expecting(sequence: int, acknowledgment: int, at: int = 0) -> ExpectedAcks:
    """Expect the ACK of a SYN and ACK with these numbers."""
    acks = ExpectedAcks()
    acks.expect(
        np.array([sequence], np.uint32),
        np.array([acknowledgment], np.uint32),
        np.array([at]),
    )
    return acks


def is_expected(acks: ExpectedAcks, sequence: int, acknowledgment: int) -> bool:
    """Whether an ACK is expected, by its low digits and by all of them."""
    numbers = np.array([acknowledgment], np.uint32)
    may_be = bool(acks.may_end_in(numbers & np.uint32(0xFFFF)).all())
    return may_be and bool(acks.contain(np.array([sequence], np.uint32), numbers).all())


def test_ack_acknowledges_the_syn_of_the_server() -> None:
    acks = expecting(5000, 1001)
    assert is_expected(acks, 1001, 5001)


@pytest.mark.parametrize("numbers", [(1001, 5000), (1002, 5001), (1001, 5001 + 65_536)])
def test_ack_with_another_number_is_not_expected(numbers: tuple[int, int]) -> None:
    assert not is_expected(expecting(5000, 1001), *numbers)


def test_sequence_number_wraps_around() -> None:
    assert is_expected(expecting(0xFFFF_FFFF, 1001), 1001, 0)


@pytest.mark.parametrize(("packets", "count"), [(0, 1), (1, 0)])
def test_ack_is_expected_for_so_many_packets(packets: int, count: int) -> None:
    acks = expecting(5000, 1001, at=7)
    acks.end_batch(MAX_ACK_PACKETS + 7 + packets)
    assert len(acks) == count
    assert is_expected(acks, 1001, 5001) is bool(count)

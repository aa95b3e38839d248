"""Handshake messages out of record bodies."""

from __future__ import annotations

import pytest

from dissectors.tls.messages import HandshakeReader
from tests.support.tls.wire import handshake

STREAM = handshake(1, b"hello") + handshake(14, b"") + handshake(11, b"c" * 300)
MESSAGES = [(1, b"hello"), (14, b""), (11, b"c" * 300)]


@pytest.mark.parametrize("size", [1, 3, 4, 5, 1000])
def test_messages_span_records_of_any_size(size: int) -> None:
    reader = HandshakeReader(1000)
    messages = []
    for start in range(0, len(STREAM), size):
        messages += list(reader.read(STREAM[start : start + size]))
    assert messages == MESSAGES


def test_gap_inside_a_message_drops_only_that_message() -> None:
    reader = HandshakeReader(1000)
    certificate = handshake(11, b"c" * 300)
    assert list(reader.read(certificate[:50])) == []
    reader.skip(100)
    reader.skip(100)
    assert list(reader.read(certificate[250:] + handshake(2, b"next"))) == [
        (2, b"next")
    ]


@pytest.mark.parametrize("before", [0, 3])
def test_gap_with_unknown_end_loses_the_messages(before: int) -> None:
    reader = HandshakeReader(1000)
    list(reader.read(STREAM[:before]))
    reader.skip(6)
    assert reader.is_lost
    assert list(reader.read(STREAM)) == []


def test_gap_beyond_a_message_loses_the_messages() -> None:
    reader = HandshakeReader(1000)
    list(reader.read(handshake(11, b"c" * 300)[:50]))
    reader.skip(300)
    assert reader.is_lost


def test_message_over_the_limit_is_not_buffered() -> None:
    reader = HandshakeReader(100)
    *fitting, large = reader.read(STREAM)
    assert fitting == MESSAGES[:2]
    assert large == (MESSAGES[2][0], None)
    assert reader.is_lost

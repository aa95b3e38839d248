"""Records of both sides, whole, missing, damaged and cut."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dissectors.anomalies import ANOMALIES
from dissectors.events import Side, TlsHandshakeSeen
from dissectors.limits import Limits
from tests.support.tls.handshakes import (
    CERTIFICATE,
    FULL_HANDSHAKE,
    FULL_HANDSHAKE_1_3,
    HELLO_DONE,
    play,
)
from tests.support.tls.wire import (
    APPLICATION_DATA,
    CLIENT_HELLO,
    CLIENT_HELLO_1_3,
    SERVER_HELLO,
    Connection,
    record,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


def test_heartbeats_are_passed_over() -> None:
    """RFC 6520."""
    heartbeat = record(24, b"\1\0\1x")
    connection = play([(side, data + heartbeat) for side, data in FULL_HANDSHAKE])
    assert connection.seen == play(FULL_HANDSHAKE).seen


def test_gap_inside_certificate_leaves_the_rest() -> None:
    first, second = SERVER_HELLO + CERTIFICATE[:100], CERTIFICATE[150:] + HELLO_DONE
    connection = play([FULL_HANDSHAKE[0], (Side.SERVER, first)])
    connection.gap(Side.SERVER, 50)
    connection.server(second)
    connection.client(FULL_HANDSHAKE[2][1])
    connection.server(FULL_HANDSHAKE[3][1])
    assert connection.is_opaque()
    assert connection.seen.established
    assert connection.seen.choice.version == "TLSv1.2"
    assert not connection.seen.chain
    assert connection.anomalies == []


def test_gap_inside_application_data_does_not_touch_the_handshake() -> None:
    connection = play([(Side.CLIENT, CLIENT_HELLO_1_3 + APPLICATION_DATA[:10])])
    connection.gap(Side.CLIENT, len(APPLICATION_DATA) - 10)
    connection.server(FULL_HANDSHAKE_1_3[3][1])
    connection.client(APPLICATION_DATA)
    assert connection.seen.established


def test_gap_over_record_boundaries_loses_that_side_only() -> None:
    connection = play(FULL_HANDSHAKE[:1])
    connection.gap(Side.CLIENT, 200)
    connection.client(b"what came after the gap")
    assert not connection.is_opaque()
    connection.server(FULL_HANDSHAKE[1][1] + FULL_HANDSHAKE[3][1])
    assert connection.is_opaque()
    assert connection.seen.chain
    assert not connection.seen.established
    assert connection.anomalies == []


def test_text_in_place_of_a_record() -> None:
    connection = Connection(offsets=(0, 50))
    connection.client(CLIENT_HELLO)
    connection.server(SERVER_HELLO + b"500 what?\r\n")
    [anomaly] = connection.anomalies
    assert anomaly.code == "tls_record_invalid"
    assert (anomaly.side, anomaly.offset) == (Side.SERVER, 50 + len(SERVER_HELLO))
    assert (anomaly.time_ns, anomaly.frame) == (2, 2)
    connection.client(b"garbage")
    assert connection.is_opaque()
    assert connection.seen.choice.version == "TLSv1.2"


def test_message_over_the_limit_is_skipped() -> None:
    connection = play(FULL_HANDSHAKE, Limits(handshake=200))
    assert [each.code for each in connection.anomalies] == ["tls_handshake_too_large"]
    assert connection.seen.established
    assert not connection.seen.chain


def split(
    dialogue: list[tuple[Side, bytes]], cuts: list[int]
) -> Iterable[tuple[Side, bytes]]:
    """Cut what is said at these places of the whole; each side keeps its turns."""
    start = 0
    for side, data in dialogue:
        end = start + len(data)
        inside = [cut for cut in sorted(set(cuts)) if start < cut < end]
        edges = [start, *inside, end]
        for first, last in itertools.pairwise(edges):
            yield side, data[first - start : last - start]
        start = end


DIALOGUES = st.sampled_from([FULL_HANDSHAKE, FULL_HANDSHAKE_1_3])


@given(DIALOGUES, st.lists(st.integers(0, 1500)))
@example(FULL_HANDSHAKE, list(range(1500)))
@example(FULL_HANDSHAKE_1_3, list(range(1500)))
@settings(max_examples=50, deadline=None)
def test_any_split_gives_the_same_events(
    dialogue: list[tuple[Side, bytes]], cuts: list[int]
) -> None:
    assert play(split(dialogue, cuts)).events == play(dialogue).events


@given(DIALOGUES, st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_handshake_gives_one_report_and_known_anomalies(
    dialogue: list[tuple[Side, bytes]], data: st.DataObject
) -> None:
    connection = Connection(Limits(handshake=1000))
    for side, sent in dialogue:
        damaged = bytearray(sent)
        for _ in range(data.draw(st.integers(0, 3))):
            place = data.draw(st.integers(0, len(damaged) - 1))
            damaged[place] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(damaged)))
        speak = connection.client if side is Side.CLIENT else connection.server
        speak(bytes(damaged[:cut]))
        if data.draw(st.booleans()):
            connection.gap(side, data.draw(st.integers(1, 100)))
        speak(bytes(damaged[cut:]))
    connection.eof()
    assert connection.is_opaque()
    assert isinstance(connection.seen, TlsHandshakeSeen)
    assert {each.code for each in connection.anomalies} <= ANOMALIES.keys()


@pytest.mark.parametrize("dialogue", [FULL_HANDSHAKE, FULL_HANDSHAKE_1_3])
def test_records_of_one_byte_give_the_same_handshake(
    dialogue: list[tuple[Side, bytes]],
) -> None:
    """RFC 8446 §5.1: handshake messages may be spread over records."""
    cut = [(side, in_records_of_one_byte(sent)) for side, sent in dialogue]
    seen, known = play(cut).seen, play(dialogue).seen
    assert seen == known
    assert play(cut).anomalies == play(dialogue).anomalies == []


def in_records_of_one_byte(sent: bytes) -> bytes:
    """The same with each byte of a handshake in a record of its own."""
    made, has_changed_cipher = b"", False
    while sent:
        content_type, end = sent[0], 5 + int.from_bytes(sent[3:5], "big")
        body = sent[5:end]
        has_changed_cipher |= content_type == 20
        if content_type == 22 and not has_changed_cipher:
            made += b"".join(record(22, body[at : at + 1]) for at in range(len(body)))
        else:
            made += sent[:end]
        sent = sent[end:]
    return made

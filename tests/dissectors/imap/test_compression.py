"""COMPRESS=DEFLATE (RFC 4978): the session goes on inside."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given

from dissectors.conversation.decoding import DecodingError
from dissectors.conversation.dissector import MailDissector
from dissectors.events import Anomaly, Exchange, ExchangeKind, ExtensionUsed, Side
from dissectors.imap import ImapDialogue
from dissectors.imap.compression import STATE_BYTES, Inflater
from dissectors.limits import DEFAULT_LIMITS, Limits
from tests.support.playbook import CLIENT, SERVER, Playbook, cuts, split_at


class Deflater:
    """Compresses what a side sends, a packet at a time."""

    def __init__(self, flush: int = zlib.Z_SYNC_FLUSH) -> None:
        self._stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._flush = flush

    def __call__(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(self._flush)


def greeted() -> Playbook:
    return Playbook(ImapDialogue).server(b"* OK ready\r\n")


def compressed() -> tuple[Playbook, Deflater, Deflater]:
    play = greeted().client(b"a COMPRESS DEFLATE\r\n").server(b"a OK active\r\n")
    return play, Deflater(), Deflater()


def answers(play: Playbook) -> list[tuple[str | None, str | None]]:
    exchanges = play.events_of(Exchange)
    commands = [each for each in exchanges if each.kind is ExchangeKind.COMMAND]
    return [(each.verb, each.status) for each in commands]


def codes(play: Playbook) -> list[tuple[str, Side]]:
    return [(each.code, each.side) for each in play.events_of(Anomaly)]


def conversation() -> Playbook:
    play, client, server = compressed()
    play.client(client(b"b LOGIN ann secret\r\n"))
    play.server(server(b"b OK in\r\n"))
    play.client(client(b"c SELECT INBOX\r\nd FETCH 1 BODY[]\r\n"))
    message = b"Subject: x\r\n\r\n" + b"word " * 500
    play.server(server(b"* 1 EXISTS\r\nc OK ok\r\n* 1 FETCH (BODY[] {%d}\r\n" % 2514))
    play.server(server(message + b")\r\nd OK ok\r\n"))
    return play.eof()


def test_session_goes_on_inside() -> None:
    play = conversation()
    assert answers(play)[1:] == [("LOGIN", "OK"), ("SELECT", "OK"), ("FETCH", "OK")]
    assert codes(play) == []
    assert ExtensionUsed("COMPRESS=DEFLATE") in play.run()


@given(cuts)
def test_any_split_gives_the_same_events(places: set[int]) -> None:
    conversation().expect_same(split_at(places))


def test_compressed_bytes_follow_the_answer_in_its_packet() -> None:
    server = Deflater()
    play = greeted().client(b"a COMPRESS DEFLATE\r\n")
    play.server(b"a OK active\r\n" + server(b"* 1 EXISTS\r\n* BYE bye\r\n"))
    assert [each.status for each in play.events_of(Exchange)][1:] == ["OK", "* BYE"]


def test_client_does_not_wait_for_the_answer() -> None:
    client, server = Deflater(), Deflater()
    play = greeted().client(b"a COMPRESS DEFLATE\r\n" + client(b"b NOOP\r\n"))
    play.server(b"a OK active\r\n" + server(b"b OK done\r\n"))
    assert answers(play)[1:] == [("NOOP", "OK")]


def test_each_packet_may_be_a_full_flush() -> None:
    play, _, _ = compressed()
    client = Deflater(zlib.Z_FULL_FLUSH)
    play.client(client(b"b NOOP\r\n")).client(client(b"c NOOP\r\n")).eof()
    assert answers(play)[1:] == [("NOOP", None), ("NOOP", None)]


@pytest.mark.parametrize("side", Side)
def test_gap_loses_one_side_and_not_the_other(side: Side) -> None:
    play, client, server = compressed()
    play.gap(side, 20)
    play.client(client(b"b NOOP\r\n")).server(server(b"* BYE bye\r\n")).eof()
    assert codes(play) == [("stream_gap", side), ("imap_compression_lost", side)]
    assert len(answers(play)) == (1 if side is CLIENT else 2)


def test_damage_is_reported_once_and_what_came_before_is_kept() -> None:
    play, client, _ = compressed()
    play.client(client(b"b NOOP\r\n")).client(b"\xff" * 40).client(b"\xff" * 40).eof()
    assert codes(play) == [("imap_compression_lost", CLIENT)]
    assert answers(play)[1:] == [("NOOP", None)]


def test_packet_of_the_answer_ends_in_damage() -> None:
    client, server = Deflater(), Deflater()
    play = greeted().client(b"a COMPRESS DEFLATE\r\n" + client(b"b NOOP\r\n") + b"\xff")
    play.server(b"a OK active\r\n" + server(b"b OK done\r\n") + b"\xff" * 9).eof()
    assert answers(play)[1:] == [("NOOP", "OK")]
    places = [(event.side, event.offset) for event in play.events_of(Anomaly)]
    clear = len(b"a COMPRESS DEFLATE\r\nb NOOP\r\n")
    assert (CLIENT, clear) in places


def test_session_is_opaque_once_both_sides_are_lost() -> None:
    dissector = MailDissector(ImapDialogue())
    dissector.receive_data(CLIENT, b"a COMPRESS DEFLATE\r\n", 1, 1)
    dissector.receive_data(SERVER, b"a OK active\r\n", 2, 2)
    assert not dissector.opaque
    for side in Side:
        dissector.receive_data(side, b"\xff" * 9, 3, 3)
    assert dissector.opaque


def test_windows_are_no_inflated_bytes() -> None:
    """Of what was inflated much more may be kept than there are bytes."""
    dissector = MailDissector(ImapDialogue())
    dissector.receive_data(CLIENT, b"a COMPRESS DEFLATE\r\n", 1, 1)
    dissector.receive_data(SERVER, b"a OK active\r\n", 2, 2)
    dissector.receive_data(CLIENT, Deflater()(b"b NOOP\r\n"), 3, 3)
    assert dissector.counts.inflated_bytes == len(b"b NOOP\r\n")
    assert dissector.counts.window_bytes == 2 * STATE_BYTES


def test_answer_is_lost() -> None:
    client = Deflater()
    play = greeted().client(b"a COMPRESS DEFLATE\r\n").gap(SERVER, 14)
    play.client(client(b"b NOOP\r\n")).eof()
    assert answers(play) == [("COMPRESS", None), ("NOOP", None)]
    assert ("imap_compression_lost", SERVER) in codes(play)


def test_stream_that_expands_too_much_is_left() -> None:
    play, _, server = compressed()
    play.server(server(b"* OK " + b"x" * 9_000_000 + b"\r\n"))
    # where it is left depends on how packets cut it
    events = play.eof().run()
    found = [event.code for event in events if isinstance(event, Anomaly)]
    assert found.count("imap_compression_bomb") == 1


def test_expansion_is_counted_over_the_whole_stream() -> None:
    limits = Limits(expansion=2)
    inflater = Inflater(limits, SERVER)
    bomb = Deflater()(bytes(2_000_000))
    given_out = 0
    with pytest.raises(DecodingError):  # noqa: PT012
        for piece in inflater.inflate(bomb):
            given_out += len(piece)
    assert given_out <= 1024 * 1024 + 2 * len(bomb) + 16 * 1024


def test_text_is_never_too_much() -> None:
    text = b"".join(b"line %d of some text\r\n" % number for number in range(50_000))
    packets = Deflater()(text)
    assert b"".join(Inflater(DEFAULT_LIMITS, SERVER).inflate(packets)) == text


def test_commands_that_few_bytes_stand_for_are_not_read() -> None:
    play, client, _ = compressed()
    play.client(client(b"b NOOP\r\n" * 30))
    play.client(client(b"c NOOP\r\n" * 100_000))
    # where it is left depends on how packets cut it
    events = play.eof().run()
    verbs = [event.verb for event in events if isinstance(event, Exchange)]
    assert verbs.count("NOOP") == 30
    found = [event.code for event in events if isinstance(event, Anomaly)]
    assert found.count("imap_compression_bomb") == 1


def test_clients_may_send_many_commands_one_at_a_time() -> None:
    play, client, server = compressed()
    for _ in range(1000):
        play.client(client(b"b NOOP\r\n")).server(server(b"b OK\r\n"))
    assert len(answers(play.eof())) == 1001
    assert not codes(play)


def test_listing_of_flags_is_never_too_much() -> None:
    lines = [b"* %d FETCH (FLAGS (\\Seen))\r\n" % number for number in range(50_000)]
    packets = Deflater()(b"".join(lines))
    inflated = Inflater(DEFAULT_LIMITS, SERVER).inflate(packets)
    assert b"".join(inflated) == b"".join(lines)


@pytest.mark.parametrize("size", [1, 100])
def test_stream_may_end_with_the_connection_only(size: int) -> None:
    """RFC 4978 §3 leaves it open; Dovecot ends it at logout."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    ended = stream.compress(b"x") + stream.flush()
    whole = Inflater(DEFAULT_LIMITS, SERVER)
    pieces = [ended[at : at + size] for at in range(0, len(ended), size)]
    assert b"".join(b"".join(whole.inflate(piece)) for piece in pieces) == b"x"
    with pytest.raises(DecodingError, match="imap_compression_lost"):
        list(whole.inflate(b"more"))
    with pytest.raises(DecodingError, match="imap_compression_lost"):
        list(Inflater(DEFAULT_LIMITS, SERVER).inflate(ended + b"more"))

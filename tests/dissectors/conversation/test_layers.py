"""Plaintext is told from TLS by the bytes of each side."""

from __future__ import annotations

from dissectors.events import ReplyReceived, TlsHandshakeSeen
from tests.support.echo_dialogue import (
    CLIENT_HELLO,
    RECORD,
    Listener,
    codes,
    playbook,
)
from tests.support.playbook import (
    CLIENT,
    SERVER,
    Playbook,
    anomaly,
    split_at,
    split_bytes,
)


def test_tls_begins_with_the_first_byte() -> None:
    play = playbook().client(CLIENT_HELLO).server(RECORD).eof()
    assert [type(event) for event in play.run()][-1] is TlsHandshakeSeen
    play.expect_same(split_bytes)


def test_server_answers_tls_in_plaintext() -> None:
    events = playbook().client(CLIENT_HELLO).server(b"220 hi\r\n").run()
    assert ReplyReceived(6) in events


def test_upgrade_is_followed_by_tls() -> None:
    play = playbook().client(b"STARTTLS\r\n" + CLIENT_HELLO).server(RECORD).eof()
    assert not [code for code in codes(play.run()) if not code.startswith("tls")]
    play.expect_same(split_bytes)


def test_upgrade_is_ignored_by_a_side() -> None:
    playbook().client(b"STARTTLS\r\nab\r\n\r\n").server(b"c\r\n").expect(
        ReplyReceived(8),
        anomaly("starttls_plaintext_after", CLIENT),
        ReplyReceived(2),
        ReplyReceived(0),
        anomaly("starttls_plaintext_after", SERVER),
        ReplyReceived(1),
    )


def test_tls_begins_behind_injected_lines() -> None:
    play = (
        playbook()
        .client(b"STARTTLS\r\nab\r\n" + CLIENT_HELLO)
        .server(b"c\r\n" + RECORD)
        .eof()
    )
    events = play.run()
    assert codes(events).count("starttls_plaintext_after") == 2
    assert ReplyReceived(2) in events
    assert ReplyReceived(1) in events
    play.expect_same(split_bytes)
    play.expect_same(split_at({8, 11}))


def test_interrupted_line_starts_tls() -> None:
    play = playbook().server(b"GO").client(CLIENT_HELLO).eof()
    assert isinstance(play.run()[-1], TlsHandshakeSeen)
    play.expect_same(split_bytes)


def test_few_bytes_that_are_no_tls_are_lines_at_the_end() -> None:
    playbook().client(b"\x16").eof().expect(ReplyReceived(-1))


def test_gap_swallows_the_handshake_behind_an_upgrade() -> None:
    events = (
        playbook()
        .client(b"STARTTLS\r\n")
        .gap(CLIENT, 500)
        .client(b"GET / looks like text\r\n")
        .eof()
        .run()
    )
    assert "starttls_plaintext_after" not in codes(events)


def test_handshake_follows_upgrade_in_a_packet_of_lines() -> None:
    play = Playbook(Listener).client(b"a\r\nSTARTTLS\r\n" + CLIENT_HELLO).eof()
    events = play.run()
    assert codes(events)[:2] == ["line", "line"]
    assert isinstance(events[-1], TlsHandshakeSeen)

"""Messages and listings behind a status line."""

from __future__ import annotations

import pytest

from dissectors.events import CapabilitiesAnnounced, Delivery
from dissectors.limits import Limits
from dissectors.pop3 import Pop3Dialogue
from tests.support.playbook import SERVER, Playbook, anomaly, exchange
from tests.support.pop3 import ERR, GREETED, OK, greeted, playbook, retrieved


def test_capabilities_with_a_gap_prove_no_absence() -> None:
    (
        greeted()
        .client(b"CAPA\r\n")
        .server(b"+OK\r\nTOP\r\n")
        .gap(SERVER, 6)
        .server(b"UIDL\r\n.\r\n")
        .expect(*GREETED, exchange("CAPA", reply=OK), anomaly("stream_gap", SERVER))
    )


def test_capability_list_is_bounded() -> None:
    limits = Limits(line=1000)
    play = Playbook(lambda: Pop3Dialogue(limits)).server(b"+OK\r\n")
    play.client(b"CAPA\r\n").server(b"+OK\r\n" + b"X\r\n" * 1000 + b".\r\n")
    (announced,) = [e for e in play.run() if isinstance(e, CapabilitiesAnnounced)]
    assert len(announced.capabilities) <= 334


@pytest.mark.parametrize("verb", ["LIST", "UIDL"])
def test_listing_is_multi_line_without_argument(verb: str) -> None:
    (
        greeted()
        .client(f"{verb}\r\n{verb} 1\r\nNOOP\r\n".encode())
        .server(b"+OK\r\n1 5\r\n+OK not a status\r\n.\r\n+OK 1 5\r\n+OK\r\n")
        .expect(
            *GREETED,
            exchange(verb, reply=OK),
            exchange(verb, "1", OK),
            exchange("NOOP", reply=OK),
        )
    )


def test_listing_ends_with_the_connection() -> None:
    (
        greeted()
        .client(b"LIST\r\n")
        .server(b"+OK\r\n1 5\r\n2 5\r\n")
        .eof()
        .expect(*GREETED, exchange("LIST", reply=OK))
    )


def test_message_is_retrieved_with_dots_unstuffed() -> None:
    (
        greeted()
        .client(b"RETR 1\r\n")
        .server(b"+OK 9 octets\r\n..x\r\n")
        .server(b"\r\n.y\r\n.\r\n")
        .expect(*GREETED, exchange("RETR", "1", OK), retrieved(9))
    )


def test_message_is_missing() -> None:
    greeted().client(b"RETR 1\r\n").server(b"-ERR\r\n").expect(
        *GREETED, exchange("RETR", "1", ERR)
    )


def test_top_is_no_message() -> None:
    greeted().client(b"TOP 1 0\r\n").server(b"+OK\r\nSubject: x\r\n\r\n.\r\n").expect(
        *GREETED, exchange("TOP", "1 0", OK)
    )


def test_message_is_cut_by_end_of_stream() -> None:
    greeted().client(b"RETR 1\r\n").server(b"+OK\r\nabc\r\n").eof().expect(
        *GREETED, exchange("RETR", "1", OK), retrieved(5, Delivery.CUT, cut=True)
    )


def test_message_goes_on_behind_gap() -> None:
    (
        greeted()
        .client(b"RETR 1\r\n")
        .server(b"+OK\r\nabc\r\n")
        .gap(SERVER, 100)
        .server(b"def\r\n.\r\n")
        .expect(
            *GREETED,
            exchange("RETR", "1", OK),
            anomaly("stream_gap", SERVER),
            retrieved(110, cut=True),
        )
    )


def test_status_line_shows_that_gap_held_end_of_message() -> None:
    (
        greeted()
        .client(b"RETR 1\r\n")
        .server(b"+OK\r\nabc\r\n")
        .gap(SERVER, 100)
        .client(b"NOOP\r\n")
        .server(b"+OK\r\n")
        .expect(
            *GREETED,
            exchange("RETR", "1", OK),
            anomaly("stream_gap", SERVER),
            retrieved(105, cut=True),
            exchange("NOOP", reply=OK),
        )
    )


def test_status_line_of_message_is_lost() -> None:
    (
        greeted()
        .client(b"RETR 1\r\n")
        .gap(SERVER, 5)
        .server(b"Subject: x\r\n\r\nbody\r\n.\r\n")
        .client(b"QUIT\r\n")
        .server(b"+OK\r\n")
        .expect(
            *GREETED,
            anomaly("stream_gap", SERVER),
            exchange("RETR", "1"),
            exchange("QUIT", reply=OK),
        )
    )


def test_server_uses_bare_lf_throughout() -> None:
    (
        playbook()
        .server(b"+OK Dovecot ready.\n")
        .client(b"RETR 1\nQUIT\n")
        .server(b"+OK\na\n..\n.\n+OK\n")
        .expect(
            *GREETED,
            exchange("RETR", "1", OK),
            anomaly("message_bare_lf", SERVER),
            retrieved(4),
            exchange("QUIT", reply=OK),
        )
    )

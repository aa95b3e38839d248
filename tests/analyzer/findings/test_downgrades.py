"""Clients that go on in plaintext, and those that only seem to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.findings import committed, found, judgements
from tests.support.starttls import LOGIN, agree, hello, log_in
from tests.support.tls.wire import (
    CLIENT_HELLO,
    alert,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.traffic import PacketScript


def fail(**told: Any) -> PacketScript:
    """An upgrade whose handshake the client breaks off."""
    return agree(**told).client(CLIENT_HELLO).server(alert(2, 40)).close()


def test_client_goes_on_in_plaintext_after_a_refusal(tmp_path: Path) -> None:
    dialogue = hello().client(b"STARTTLS\r\n").server(b"454 no\r\n").client(LOGIN)
    (finding,) = found(tmp_path, "starttls-abandoned", dialogue.server(b"235 ok\r\n"))

    assert judgements([finding]) == [("high", "proven")]
    assert finding["evidence"][0]["frame"] == 9


def test_client_leaves_after_a_refusal() -> None:
    assert not committed("smtp-starttls-refused", "starttls-abandoned")
    assert not committed("smtp-starttls-failed", "starttls-abandoned")


def test_client_goes_on_in_plaintext_instead_of_tls(tmp_path: Path) -> None:
    dialogue = agree().client(b"MAIL FROM:<ann@example.com>\r\n").server(b"250 ok\r\n")

    (finding,) = found(tmp_path, "starttls-abandoned", dialogue.close())

    assert judgements([finding]) == [("medium", "proven")]


def test_mail_server_connects_again_in_plaintext() -> None:
    (finding,) = committed("smtp-starttls-abandoned", "starttls-abandoned")

    assert judgements([finding]) == [("low", "likely")]
    assert finding["session_count"] == 2
    assert [each["frame"] for each in finding["evidence"]] == [24, 39]


def test_client_connects_again_in_plaintext(tmp_path: Path) -> None:
    again = log_in(start_ms=1000, client_port=40_001)

    (finding,) = found(tmp_path, "starttls-abandoned", fail(), again)

    assert judgements([finding]) == [("high", "likely")]
    assert finding["session_count"] == 2
    assert [each["seen"].split()[0].strip(",") for each in finding["evidence"]] == [
        *("AUTH", "STARTTLS"),
    ]


def test_plaintext_much_later_has_nothing_to_do_with_it(tmp_path: Path) -> None:
    again = log_in(start_ms=400_000, client_port=40_001)

    assert not found(tmp_path, "starttls-abandoned", fail(), again)


def test_another_client_of_that_address_uses_plaintext(tmp_path: Path) -> None:
    other = log_in(client=b"phone", start_ms=1000, client_port=40_001)

    assert not found(tmp_path, "starttls-abandoned", fail(), other)


def test_client_used_plaintext_before(tmp_path: Path) -> None:
    always = log_in(), log_in(start_ms=2000, client_port=40_001)
    failed = fail(start_ms=1000, client_port=40_002)

    assert not found(tmp_path, "starttls-abandoned", *always, failed)


def test_client_with_working_tls_abandons_nothing() -> None:
    assert not committed("smtp-submission-starttls-tls13", "starttls-abandoned")

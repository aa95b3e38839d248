"""Rows of `logins`, one for each attempt."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import analyzer
from tests.support.analyses import decrypted, rows
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path


def logins_of(dialogue: PacketScript, folder: Path) -> list[dict[str, Any]]:
    return rows(analyzer.analyze(write_pcap(folder / "a.pcap", dialogue)), "logins")


def pop3() -> PacketScript:
    return PacketScript(110).server(b"+OK hi\r\n")


def test_each_attempt_is_a_row_with_its_packets(tmp_path: Path) -> None:
    dialogue = pop3().client(b"USER ann\r\n").server(b"+OK\r\n")
    dialogue.client(b"PASS wrong\r\n").server(b"-ERR [AUTH] no\r\n")
    dialogue.client(b"USER bob\r\n").server(b"+OK\r\n")
    dialogue.client(b"PASS right\r\n").server(b"+OK in\r\n")

    first, second = logins_of(dialogue, tmp_path)

    kept = ("number", "mechanism", "user", "result", "reply", "exposure")
    assert [first[name] for name in kept] == [
        *(1, "USER", "ann", "failure"),
        *("-ERR [AUTH] no", "password"),
    ]
    assert [second[name] for name in kept] == [
        *(2, "USER", "bob", "success"),
        *("+OK in", "password"),
    ]
    assert second["time"] > first["time"]
    assert (first["request_frame"], first["reply_frame"]) == (7, 8)
    assert (second["request_frame"], second["reply_frame"]) == (11, 12)


def test_attempt_without_an_answer_has_no_reply(tmp_path: Path) -> None:
    dialogue = pop3().client(b"USER ann\r\n").server(b"+OK\r\n")
    dialogue.client(b"PASS secret\r\n")

    (login,) = logins_of(dialogue, tmp_path)

    assert (login["result"], login["reply"], login["reply_frame"]) == (
        *("unknown", None),
        None,
    )


def test_what_crosses_behind_a_refusal_belongs_to_the_attempt(tmp_path: Path) -> None:
    dialogue = PacketScript(25).server(b"220 mx\r\n")
    dialogue.client(b"AUTH PLAIN\r\n").server(b"538 use TLS\r\n")
    dialogue.client(base64.b64encode(b"\0ann\0secret") + b"\r\n").server(
        b"500 what\r\n"
    )

    (login,) = logins_of(dialogue, tmp_path)

    assert (login["user"], login["exposure"]) == ("ann", "password")
    assert (login["result"], login["reply"]) == ("failure", "538 use TLS")


def test_login_that_was_decrypted_is_encrypted() -> None:
    (login,) = rows(decrypted("pop3-implicit-tls"), "logins")

    assert (login["encrypted"], login["exposure"]) == (True, "nothing")
    assert login["user"] is not None


def test_what_follows_a_command_behind_an_ended_login_names_nobody(
    tmp_path: Path,
) -> None:
    dialogue = PacketScript(25).server(b"220 mx\r\n")
    dialogue.client(b"AUTH LOGIN\r\n").server(b"235 ok\r\n")
    dialogue.client(b"NOOP x\rYWxpY2U=\r\n").server(b"334 VXNlcm5hbWU6\r\n")
    dialogue.client(base64.b64encode(b"secret") + b"\n").server(b"503 no\r\n")

    (login,) = logins_of(dialogue, tmp_path)

    assert (login["user"], login["exposure"]) == (None, "password")

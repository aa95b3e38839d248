from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.abuse import OUTSIDE, Dialogue, found, login, mail
from tests.support.analyses import analysis_of
from tests.support.findings import findings_of, named

if TYPE_CHECKING:
    from pathlib import Path

RULE, FOREIGN = "unusual-port", "not-mail-on-mail-port"
RDP = b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0"


def test_mail_on_other_ports_is_told_by_server() -> None:
    findings = named(findings_of(analysis_of("unusual-port")), RULE)

    seen = {each["server_port"]: each["evidence"][0]["seen"] for each in findings}
    assert seen == {10025: "smtp on port 10025", 10143: "imap on port 10143"}


def test_mail_on_its_ports_is_silent(tmp_path: Path) -> None:
    dialogues = [mail(OUTSIDE, port=port) for port in (25, 587, 2525)]

    assert found(tmp_path, RULE, dialogues) == []


@pytest.mark.parametrize("name", ["lmtp-dovecot", "lmtp-aiosmtpd", "negative-ftp"])
def test_what_has_no_port_of_mail_is_silent(name: str) -> None:
    assert named(findings_of(analysis_of(name)), RULE) == []


def talk(port: int, greeting: bytes, said: bytes, answer: bytes) -> Dialogue:
    dialogue = Dialogue(OUTSIDE, port).server(greeting + b"\r\n")
    dialogue.client(said).server(answer + b"\r\n")
    return dialogue.close()


@pytest.mark.parametrize(
    ("dialogue", "seen", "frame"),
    [
        (
            talk(25, b"220 mx ESMTP", b"SSH-2.0-Go\r\n", b"500 5.5.2 What?"),
            "no command of mail: smtp_unknown_command",
            5,
        ),
        (
            talk(143, b"* OK ready", b"SSH-2.0-Go\r\n", b"* BAD What?"),
            "no command of mail: imap_invalid_command",
            5,
        ),
        (
            talk(110, b"+OK ready", b"*1\r\n$4\r\nPING\r\n", b"-ERR What?"),
            "no command of mail: pop3_unknown_command",
            5,
        ),
        (
            talk(25, b"220 mx ESMTP", RDP, b"500 5.5.2 What?"),
            "no line; the answer is 500",
            6,
        ),
    ],
)
def test_client_that_speaks_no_mail_is_told(
    dialogue: Dialogue, seen: str, frame: int, tmp_path: Path
) -> None:
    (finding,) = found(tmp_path, FOREIGN, [dialogue])

    assert finding["client_ip"] == OUTSIDE
    (evidence,) = finding["evidence"]
    assert (evidence["seen"], evidence["frame"]) == (seen, frame)


def test_clients_that_are_refused_what_they_ask_for_speak_mail(tmp_path: Path) -> None:
    refused = talk(25, b"220 mx ESMTP", b"HELO a\r\n", b"550 Go away")
    mistyped = talk(25, b"220 mx ESMTP", b"HELO a\r\n\xc3\r\n", b"250 mx\r\n500 What?")
    silent = talk(143, b"* OK ready", b"", b"* BYE Idle for too long")
    http = talk(25, b"220 mx ESMTP", b"GET / HTTP/1.1\r\n\r\n", b"500 What?")
    turned_away = talk(25, b"554 mx", b"EHLO a\r\n", b"503 Go away")

    for dialogue in (refused, mistyped, silent, http, turned_away, login(OUTSIDE, 0)):
        assert found(tmp_path, FOREIGN, [dialogue]) == []

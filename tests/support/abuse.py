"""Dialogues of clients that guess, relay and forge, for tests of findings."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import analyzer
from analyzer.findings.abuse import RULES
from analyzer.findings.engine import find
from analyzer.findings.settings import Settings
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

OUTSIDE, ELSEWHERE = "203.0.113.9", "198.51.100.77"
SERVER = "192.0.2.25"


class Dialogue(PacketScript):
    """A connection between any two hosts.

    Args:
        client_ip: who connects.
        port: the server's.
        seconds: when.
        server_ip: to whom.
        client_port: from where, to tell connections apart.
    """

    def __init__(
        self,
        client_ip: str,
        port: int,
        *,
        seconds: float = 0,
        server_ip: str = SERVER,
        client_port: int = 40_000,
    ) -> None:
        self.client_ip, self.server_ip = client_ip, server_ip
        super().__init__(port, start_ms=round(seconds * 1000), client_port=client_port)

    def ask(self, command: str, reply: str) -> Dialogue:
        """The client sends a line, and the server answers."""
        self.client(command.encode() + b"\r\n").server(reply.encode() + b"\r\n")
        return self


def login(
    client_ip: str,
    seconds: float,
    user: str = "ann@example.com",
    *,
    accepted: bool = False,
    reply: str = "-ERR [AUTH] Authentication failed.",
    server_ip: str = SERVER,
) -> Dialogue:
    """Somebody logs in, or tries to (POP3)."""
    port = 20_000 + round(seconds * 1000) % 40_000
    dialogue = Dialogue(
        client_ip, 110, seconds=seconds, server_ip=server_ip, client_port=port
    )
    dialogue.server(b"+OK ready\r\n")
    dialogue.ask(f"USER {user}", "+OK")
    dialogue.ask("PASS secret", "+OK Logged in." if accepted else reply)
    dialogue.close()
    return dialogue


def found(
    folder: Path,
    rule: str,
    dialogues: Iterable[PacketScript],
    settings: Settings | None = None,
) -> list[dict[str, Any]]:
    """What a rule finds in these connections, when no other one is asked."""
    said = settings or Settings()
    others = {
        each.id: replace(said.of(each.id), enabled=False)
        for each in RULES
        if each.id != rule
    }
    path = write_pcap(folder / "a.pcap", *dialogues)
    only = replace(said, rules={**said.rules, **others})
    return list(find(analyzer.analyze(path).tables, RULES, only).to_pylist())


def mail(
    client_ip: str,
    sender: str = "ines@example.net",
    recipients: Iterable[str] = ("ann@example.com",),
    *,
    seconds: float = 0,
    server_ip: str = SERVER,
    port: int = 25,
    user: str | None = None,
    replies: Iterable[str] = (),
    content: bytes = b"Subject: hi\r\n\r\nhi\r\n",
    answer: str = "250 2.0.0 Ok: queued",
) -> Dialogue:
    """Somebody hands over a message (SMTP).

    Args:
        client_ip: who.
        sender: of the envelope.
        recipients: of the envelope.
        seconds: when.
        server_ip: to whom.
        port: the server's.
        user: who logs in before.
        replies: what the server answers to recipients, if it does not take all.
        content: the message; none is sent if no recipient is taken.
        answer: to the message.
    """
    dialogue = Dialogue(
        client_ip,
        port,
        seconds=seconds,
        server_ip=server_ip,
        client_port=20_000 + round(seconds * 1000) % 40_000,
    )
    dialogue.server(b"220 mx.example.com ESMTP\r\n")
    dialogue.ask("EHLO client.example.net", "250-mx.example.com\r\n250 AUTH PLAIN")
    if user is not None:
        token = base64.b64encode(f"\0{user}\0secret".encode()).decode()
        dialogue.ask(f"AUTH PLAIN {token}", "235 2.7.0 Authentication successful")
    dialogue.ask(f"MAIL FROM:<{sender}>", "250 2.1.0 Ok")
    told = list(recipients)
    answers = list(replies) or ["250 2.1.5 Ok"] * len(told)
    for recipient, reply in zip(told, answers, strict=True):
        dialogue.ask(f"RCPT TO:<{recipient}>", reply)
    if any(reply.startswith("2") for reply in answers):
        dialogue.ask("DATA", "354 go on")
        dialogue.client(content + b".\r\n").server(answer.encode() + b"\r\n")
    dialogue.ask("QUIT", "221 2.0.0 Bye")
    dialogue.close()
    return dialogue

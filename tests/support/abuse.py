"""Dialogues of clients that guess, relay and forge, for tests of findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import analyzer
from tests.support.findings import findings_of, named
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from analyzer.findings.settings import Settings

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
    """What a rule finds in these connections."""
    path = write_pcap(folder / "a.pcap", *dialogues)
    return named(findings_of(analyzer.analyze(path), settings), rule)

"""Clients that send mail, and servers that answer as a test wants."""

from __future__ import annotations

from typing import Self

from tests.support.traffic import PacketScript

HOUR_MS = 3_600_000


class Delivery(PacketScript):
    """A client that sends a message to one recipient, step by step."""

    def __init__(
        self,
        number: int = 0,
        *,
        at_ms: int = 0,
        client: str = "192.0.2.101",
        banner_ms: int = 0,
    ) -> None:
        self.client_ip = client
        super().__init__(25, client_port=40_000 + number, start_ms=at_ms)
        self.wait(banner_ms).server(b"220 mx.example.com\r\n")
        self.client(b"EHLO mx.example.net\r\n").server(b"250 mx.example.com\r\n")

    def sender(self, reply: str = "250 2.1.0 Ok") -> Self:
        """Say who sends it."""
        return self._say("MAIL FROM:<ann@example.net> SIZE=1000", reply)

    def recipient(self, reply: str, name: str = "tom") -> Self:
        """Say to whom."""
        return self._say(f"RCPT TO:<{name}@example.com>", reply)

    def message(self, reply: str) -> Self:
        """Send it."""
        self._say("DATA", "354 go on")
        return self._say("Subject: a\r\n\r\na\r\n.", reply)

    def _say(self, line: str, reply: str) -> Self:
        self.client(f"{line}\r\n".encode()).server(f"{reply}\r\n".encode())
        return self

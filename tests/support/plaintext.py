"""Mail sessions between any two hosts, in plaintext or not, for reports about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import analyzer
from tests.support.tls.wire import (
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    CLIENT_HELLO,
    FINISHED,
    SERVER_HELLO,
)
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer import Analysis

SERVER = "198.51.100.25"
MAIL = b"From: a@example.com\r\nSubject: hi\r\n\r\nhello\r\n"


class Sessions:
    """Makes one session after the other, each with a port and a time of its own."""

    def __init__(self) -> None:
        self.made: list[PacketScript] = []

    def open(
        self,
        port: int,
        client: str = "192.0.2.1",
        server: str = SERVER,
        *,
        handshake: bool = True,
    ) -> PacketScript:
        """A connection without a word."""
        number = len(self.made)

        class Between(PacketScript):
            client_ip, server_ip = client, server

        dialogue = Between(
            port,
            client_port=40_000 + number,
            start_ms=1000 * number,
            handshake=handshake,
        )
        self.made.append(dialogue)
        return dialogue

    def pop3(
        self, client: str, user: bytes = b"tom", *, accepted: bool = True
    ) -> PacketScript:
        """A login with USER and PASS."""
        dialogue = self.open(110, client).server(b"+OK hi\r\n")
        dialogue.client(b"USER " + user + b"\r\n").server(b"+OK\r\n")
        dialogue.client(b"PASS hush-hush\r\n")
        return dialogue.server(b"+OK in\r\n" if accepted else b"-ERR no\r\n")

    def tls(self, port: int, client: str) -> PacketScript:
        """TLS from the first byte on."""
        return handshake(self.open(port, client))

    def smtp(
        self,
        port: int,
        client: str,
        extensions: bytes = b"250 STARTTLS\r\n",
        server: str = SERVER,
    ) -> PacketScript:
        """A greeting and what the server offers."""
        dialogue = self.open(port, client, server).server(b"220 mx ESMTP\r\n")
        return dialogue.client(b"EHLO me\r\n").server(b"250-mx\r\n" + extensions)

    def analyse(self, folder: Path) -> Analysis:
        """What mailtap finds in all of them."""
        return analyzer.analyze(write_pcap(folder / "a.pcap", *self.made))


def handshake(dialogue: PacketScript) -> PacketScript:
    """A TLS handshake, and some data."""
    dialogue.client(CLIENT_HELLO).server(SERVER_HELLO + CHANGE_CIPHER_SPEC + FINISHED)
    dialogue.client(CHANGE_CIPHER_SPEC + FINISHED + APPLICATION_DATA)
    return dialogue.server(APPLICATION_DATA)


def upgrade(dialogue: PacketScript) -> PacketScript:
    """STARTTLS, in SMTP."""
    return handshake(dialogue.client(b"STARTTLS\r\n").server(b"220 go\r\n"))


def send_mail(dialogue: PacketScript) -> PacketScript:
    """One message, in SMTP."""
    dialogue.client(b"MAIL FROM:<a@example.com>\r\n").server(b"250 ok\r\n")
    dialogue.client(b"RCPT TO:<b@example.com>\r\n").server(b"250 ok\r\n")
    dialogue.client(b"DATA\r\n").server(b"354 go\r\n")
    return dialogue.client(MAIL + b".\r\n").server(b"250 ok\r\n")

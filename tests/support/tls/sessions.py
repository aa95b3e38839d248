"""Connections with TLS whose choices, certificates and time a test decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.events import Side
from tests.support.captures import START_NS
from tests.support.chains.certificates import NOW
from tests.support.tls.wire import (
    CHANGE_CIPHER_SPEC,
    CLIENT_HELLO,
    FINISHED,
    SERVER_HELLO,
    certificate_message,
    handshake_record,
)
from tests.support.traffic import PacketScript

if TYPE_CHECKING:
    from collections.abc import Iterable

CLIENT, SERVER = Side

# the time at which chains are valid
_NOW_MS = (int(NOW.timestamp()) * 10**9 - START_NS) // 10**6
_HELLO_DONE = handshake_record(14, b"")
_KEY_EXCHANGE = handshake_record(16, b"\xa5" * 66)

# how SMTP comes to TLS
STARTTLS = (
    (SERVER, b"220 mail.example.com ESMTP\r\n"),
    (CLIENT, b"EHLO client.example.com\r\n"),
    (SERVER, b"250-mail.example.com\r\n250 STARTTLS\r\n"),
    (CLIENT, b"STARTTLS\r\n"),
    (SERVER, b"220 go\r\n"),
)
# of ports on which TLS comes at once
_BEFORE_TLS = {25: STARTTLS, 587: STARTTLS}


def handshake(
    *chain: bytes,
    client_hello: bytes = CLIENT_HELLO,
    server_hello: bytes = SERVER_HELLO,
    server_key_exchange: bytes = b"",
) -> list[tuple[Side, bytes]]:
    """A handshake up to TLS 1.2, the server's own certificate first."""
    shown = certificate_message(*chain) if chain else b""
    return [
        (CLIENT, client_hello),
        (SERVER, server_hello + shown + server_key_exchange + _HELLO_DONE),
        (CLIENT, _KEY_EXCHANGE + CHANGE_CIPHER_SPEC + FINISHED),
        (SERVER, CHANGE_CIPHER_SPEC + FINISHED),
    ]


def connection(
    steps: Iterable[tuple[Side, bytes]],
    port: int = 993,
    *,
    kind: type[PacketScript] = PacketScript,
    client_port: int = 40_000,
    start_ms: int = _NOW_MS,
) -> PacketScript:
    """A connection to a port on which what is said comes after STARTTLS, if need be."""
    script = kind(port, client_port=client_port, start_ms=start_ms)
    for side, data in (*_BEFORE_TLS.get(port, ()), *steps):
        script.send(side, data)
    return script.close()

"""Sessions in which a client asks for STARTTLS, or would like to."""

from __future__ import annotations

from typing import Any

from tests.support.tls.wire import (
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    CLIENT_HELLO_1_3,
    SERVER_HELLO_1_3,
)
from tests.support.traffic import PacketScript

LOGIN = b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n"
OFFER = b"250-mx\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"
NO_OFFER = b"250-mx\r\n250-SIZE 1000\r\n250 AUTH PLAIN\r\n"


def hello(offer: bytes = OFFER, client: bytes = b"desk", **told: Any) -> PacketScript:
    return greet(PacketScript(587, **told), offer, client)


def greet(
    dialogue: PacketScript, offer: bytes = OFFER, client: bytes = b"desk"
) -> PacketScript:
    dialogue.server(b"220 mx ESMTP\r\n").client(b"EHLO " + client + b"\r\n")
    return dialogue.server(offer)


def agree(offer: bytes = OFFER, client: bytes = b"desk", **told: Any) -> PacketScript:
    asked = hello(offer, client, **told).client(b"STARTTLS\r\n")
    return asked.server(b"220 go\r\n")


def upgrade(**told: Any) -> PacketScript:
    return begin_tls(agree(**told)).close()


def begin_tls(agreed: PacketScript) -> PacketScript:
    agreed.client(CLIENT_HELLO_1_3)
    agreed.server(SERVER_HELLO_1_3 + CHANGE_CIPHER_SPEC + APPLICATION_DATA)
    return agreed.client(CHANGE_CIPHER_SPEC + APPLICATION_DATA).server(APPLICATION_DATA)


def log_in(offer: bytes = OFFER, client: bytes = b"desk", **told: Any) -> PacketScript:
    asked = hello(offer, client, **told).client(LOGIN)
    return asked.server(b"235 ok\r\n").close()

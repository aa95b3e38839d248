from __future__ import annotations

import ssl

from dissectors.tls.registries.handshake_types import HandshakeType


def test_messages_are_those_of_openssl() -> None:
    known = ssl._TLSMessageType  # type: ignore[attr-defined]
    # OpenSSL's names for two of them
    other = {
        "NEW_SESSION_TICKET": "NEWSESSION_TICKET",
        "SERVER_HELLO_DONE": "SERVER_DONE",
    }

    for each in HandshakeType:
        assert known[other.get(each.name, each.name)] == each.value

"""Whole handshakes, as hellos and records by hand, and what is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.events import Side
from dissectors.limits import Limits
from tests.support.tls.certificates import make_certificate
from tests.support.tls.wire import (
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    CLIENT_HELLO,
    CLIENT_HELLO_1_3,
    FINISHED,
    HELLO_RETRY_REQUEST,
    SERVER_HELLO,
    SERVER_HELLO_1_3,
    Connection,
    certificate_message,
    handshake_record,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

CERTIFICATE = certificate_message(make_certificate(), make_certificate("ca"))

HELLO_DONE = handshake_record(14, b"")

KEY_EXCHANGE = handshake_record(16, b"\xa5" * 66)

FULL_HANDSHAKE = [
    (Side.CLIENT, CLIENT_HELLO),
    (Side.SERVER, SERVER_HELLO + CERTIFICATE + HELLO_DONE),
    (Side.CLIENT, KEY_EXCHANGE + CHANGE_CIPHER_SPEC + FINISHED),
    (Side.SERVER, CHANGE_CIPHER_SPEC + FINISHED),
]


FULL_HANDSHAKE_1_3 = [
    (Side.CLIENT, CLIENT_HELLO_1_3),
    (Side.SERVER, HELLO_RETRY_REQUEST + CHANGE_CIPHER_SPEC),
    (Side.CLIENT, CHANGE_CIPHER_SPEC + CLIENT_HELLO_1_3),
    (Side.SERVER, SERVER_HELLO_1_3 + APPLICATION_DATA),
    (Side.CLIENT, APPLICATION_DATA),
]


def play(
    dialogue: Iterable[tuple[Side, bytes]], limits: Limits | None = None
) -> Connection:
    connection = Connection(limits or Limits())
    for side, data in dialogue:
        connection.client(data) if side is Side.CLIENT else connection.server(data)
    return connection

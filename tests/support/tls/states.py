"""States of TLS, and everything that either side may send in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dissectors import KeyLog
from dissectors.events import Side
from dissectors.tls import TlsDissector
from tests.support.tls import sealing, wire

if TYPE_CHECKING:
    from dissectors.tls.output import TlsEvent

CLIENT, SERVER = Side
Steps = list[tuple[Side, bytes]]

FINISHED = b"\x14" + wire.vector(3, bytes(32))
EXTENSIONS = b"\x08" + wire.vector(3, wire.extensions_block([(42, b"")]))
HELLO_DONE = wire.handshake_record(14, b"")
EARLY, CLIENTS, SERVERS, CLIENT_DATA, SERVER_DATA = sealing.NAMES


def sealed(secret: str, *contents: tuple[int, bytes]) -> bytes:
    seal = sealing.Seal(sealing.SECRETS[secret])
    return b"".join([seal.record(*each) for each in contents])


OFFERED: Steps = [(CLIENT, wire.CLIENT_HELLO)]
CHOSEN = [*OFFERED, (SERVER, wire.SERVER_HELLO + HELLO_DONE)]
CHANGED = [*CHOSEN, (CLIENT, wire.CHANGE_CIPHER_SPEC)]
FINISHED_BY_CLIENT = [*CHANGED, (CLIENT, wire.FINISHED)]
ESTABLISHED = [*FINISHED_BY_CLIENT, (SERVER, wire.CHANGE_CIPHER_SPEC + wire.FINISHED)]
OFFERED_1_3: Steps = [(CLIENT, wire.CLIENT_HELLO_1_3)]
RETRIED = [*OFFERED_1_3, (SERVER, wire.HELLO_RETRY_REQUEST)]
CHOSEN_1_3 = [*OFFERED_1_3, (SERVER, wire.SERVER_HELLO_1_3)]
DARK_1_3 = [*CHOSEN_1_3, (SERVER, wire.APPLICATION_DATA)]
EARLY_OFFERED: Steps = [(CLIENT, wire.CLIENT_HELLO_0_RTT)]
EARLY_SENT = [*EARLY_OFFERED, (CLIENT, sealed(EARLY, (23, b"EHLO x\r\n")))]
OPENED = [
    *EARLY_SENT,
    (SERVER, wire.SERVER_HELLO_0_RTT),
    (SERVER, sealed(SERVERS, (22, EXTENSIONS), (22, FINISHED))),
]
DECRYPTED = [
    *EARLY_OFFERED,
    (SERVER, wire.SERVER_HELLO_0_RTT + sealed(SERVERS, (22, FINISHED))),
    (CLIENT, sealed(CLIENTS, (22, FINISHED))),
]
# by whether the secrets are known
STATES: dict[str, tuple[Steps, bool]] = {
    "start": ([], False),
    "offered": (OFFERED, False),
    "chosen": (CHOSEN, False),
    "cipher changed": (CHANGED, False),
    "client finished": (FINISHED_BY_CLIENT, False),
    "established": (ESTABLISHED, False),
    "aborted": ([*OFFERED, (SERVER, wire.alert(2, 40))], False),
    "offered (1.3)": (OFFERED_1_3, False),
    "asked again (1.3)": (RETRIED, False),
    "chosen (1.3)": (CHOSEN_1_3, False),
    "protected (1.3)": (DARK_1_3, False),
    "early data offered, with keys": (EARLY_OFFERED, True),
    "early data sent, with keys": (EARLY_SENT, True),
    "early data accepted, with keys": (OPENED, True),
    "established, with keys": (DECRYPTED, True),
    "begun before": ([(SERVER, wire.APPLICATION_DATA)], False),
    "no record": ([(CLIENT, wire.CLIENT_HELLO + b"\x16\x09\x09\0\1")], False),
}
THINGS: dict[str, bytes | int | None] = {
    "ClientHello": wire.CLIENT_HELLO,
    "ServerHello": wire.SERVER_HELLO,
    "ServerHello of TLS 1.3": wire.SERVER_HELLO_1_3,
    "ChangeCipherSpec": wire.CHANGE_CIPHER_SPEC,
    "handshake record": wire.FINISHED,
    "application data": wire.APPLICATION_DATA,
    "short application data": wire.record(23, b"\xa5" * 24),
    "next data, sealed": b"",
    "damaged message": wire.handshake_record(1, b"\x03"),
    "warning": wire.alert(1, 0),
    "fatal alert": wire.alert(2, 40),
    "hello of SSLv2": wire.sslv2_record(
        b"\1\0\2\0\3\0\0\0\x10\0\0\1" + b"\xa5" * 16,
    ),
    "text": b"QUIT\r\n",
    "record and gap": 0,
    "gap": 9,
    "end": None,
}
SEALED = {
    CLIENT: sealed(CLIENT_DATA, (23, b"NOOP\r\n")),
    SERVER: sealed(SERVER_DATA, (23, b"250 ok\r\n")),
}


class Played(NamedTuple):
    events: list[TlsEvent]
    unread: bytes
    states: str


def play(
    before: Steps, side: Side, thing: str, *, has_keys: bool, size: int = 1 << 14
) -> Played:
    """What one more thing, and then the end, lead to."""
    log = KeyLog()
    log.add(sealing.key_log() if has_keys else b"")
    tls = TlsDissector(key_log=log)
    events: list[TlsEvent] = []
    unread = b""

    def send(side: Side, data: bytes) -> bytes:
        rest = b""
        for begin in range(0, len(data), size):
            piece = data[begin : begin + size]
            if rest:
                rest += piece
                continue
            events.extend(tls.receive_data(side, piece, 1, 1))
            rest = tls.unread
        return rest

    for sender, data in before:
        send(sender, data)
    events.clear()
    content = THINGS[thing] if thing != "next data, sealed" else SEALED[side]
    if content is None:
        events += tls.receive_eof(side, 1, 1)
    elif content == 0:
        send(side, wire.APPLICATION_DATA[:20])
        events += tls.receive_gap(side, len(wire.APPLICATION_DATA) - 20, 1, 1)
    elif isinstance(content, int):
        events += tls.receive_gap(side, content, 1, 1)
    else:
        unread = send(side, content)
    client, server = tls._client.state, tls._server.state
    states = f"{client.name.lower()}, {server.name.lower()}"
    for each in Side:
        events += tls.receive_eof(each, 1, 1)
    return Played(events, unread, states)

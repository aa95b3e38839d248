"""Builds what TLS peers send, and feeds it to a dissector."""

from __future__ import annotations

from dissectors.events import Anomaly, Event, Side, TlsAlertSeen, TlsHandshakeSeen
from dissectors.limits import DEFAULT_LIMITS, Limits
from dissectors.tls import ApplicationData, ApplicationGap, TlsDissector
from dissectors.tls.registries.content_types import ContentType

SUITES = (0xC02F, 0x009C)
HELLO_RETRY_RANDOM = bytes.fromhex(
    "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
)


def vector(length_size: int, data: bytes) -> bytes:
    return len(data).to_bytes(length_size, "big") + data


def uint16s(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(2, "big") for number in numbers)


def record(content_type: int, body: bytes, version: int = 0x0301) -> bytes:
    return bytes((content_type,)) + uint16s(version) + vector(2, body)


def handshake(message_type: int, body: bytes) -> bytes:
    return bytes((message_type,)) + vector(3, body)


def handshake_record(message_type: int, body: bytes) -> bytes:
    return record(ContentType.HANDSHAKE, handshake(message_type, body))


def extensions_block(extensions: list[tuple[int, bytes]]) -> bytes:
    return vector(2, b"".join(uint16s(n) + vector(2, data) for n, data in extensions))


def client_hello_body(
    version: int = 0x0303,
    suites: tuple[int, ...] = SUITES,
    extensions: list[tuple[int, bytes]] | None = None,
) -> bytes:
    body = uint16s(version) + bytes(32) + vector(1, b"session")
    body += vector(2, uint16s(*suites)) + vector(1, b"\0")
    return body if extensions is None else body + extensions_block(extensions)


def server_hello_body(
    version: int = 0x0303,
    suite: int = 0xC02F,
    extensions: list[tuple[int, bytes]] | None = None,
    random: bytes = bytes(32),
) -> bytes:
    body = uint16s(version) + random + vector(1, b"") + uint16s(suite) + b"\0"
    return body if extensions is None else body + extensions_block(extensions)


def server_name(name: bytes) -> tuple[int, bytes]:
    return 0, vector(2, b"\0" + vector(2, name))


def alpn(*protocols: bytes) -> tuple[int, bytes]:
    return 16, vector(2, b"".join(vector(1, each) for each in protocols))


def supported_versions(*versions: int) -> tuple[int, bytes]:
    return 43, vector(1, uint16s(*versions))


def selected_version(version: int) -> tuple[int, bytes]:
    return 43, uint16s(version)


CLIENT_HELLO = handshake_record(
    1, client_hello_body(extensions=[server_name(b"mail.example.com")])
)
SERVER_HELLO = handshake_record(2, server_hello_body())
CLIENT_HELLO_1_3 = handshake_record(
    1,
    client_hello_body(
        suites=(0x1301, 0xC02F),
        extensions=[
            server_name(b"mail.example.com"),
            supported_versions(0x0A0A, 0x0304, 0x0303),
        ],
    ),
)
SERVER_HELLO_1_3 = handshake_record(
    2, server_hello_body(suite=0x1301, extensions=[selected_version(0x0304)])
)
HELLO_RETRY_REQUEST = handshake_record(
    2,
    server_hello_body(
        suite=0x1302,
        extensions=[selected_version(0x0304)],
        random=HELLO_RETRY_RANDOM,
    ),
)
# of a client that sends early data, and the answer to it; the random is all zeros
RANDOM = bytes(32)
CLIENT_HELLO_0_RTT = handshake_record(
    1,
    client_hello_body(
        suites=(0x1301,), extensions=[supported_versions(0x0304), (42, b"")]
    ),
)
SERVER_HELLO_0_RTT = handshake_record(
    2,
    server_hello_body(
        suite=0x1301,
        extensions=[selected_version(0x0304), (51, uint16s(29) + vector(2, bytes(32)))],
    ),
)
CHANGE_CIPHER_SPEC = record(ContentType.CHANGE_CIPHER_SPEC, b"\1")
FINISHED = record(ContentType.HANDSHAKE, b"\xa5" * 40)
APPLICATION_DATA = record(ContentType.APPLICATION_DATA, b"\xa5" * 60)


def sslv2_record(body: bytes) -> bytes:
    return uint16s(0x8000 | len(body)) + body


def records(data: bytes) -> list[bytes]:
    """Cut whole records apart."""
    found = []
    while data:
        end = 5 + int.from_bytes(data[3:5], "big")
        found.append(data[:end])
        data = data[end:]
    return found


def alert(level: int, description: int) -> bytes:
    return record(ContentType.ALERT, bytes((level, description)))


def certificate_message(*certificates: bytes) -> bytes:
    body = vector(3, b"".join(vector(3, each) for each in certificates))
    return handshake_record(11, body)


class Connection:
    """Plays what both sides send, and gathers what the dissector says to it."""

    def __init__(
        self, limits: Limits = DEFAULT_LIMITS, offsets: tuple[int, int] = (0, 0)
    ) -> None:
        self.dissector = TlsDissector(limits, offsets)
        self.events: list[Event | ApplicationData | ApplicationGap] = []

    def client(self, data: bytes) -> None:
        self.events += self.dissector.receive_data(Side.CLIENT, data, 1, 1)

    def server(self, data: bytes) -> None:
        self.events += self.dissector.receive_data(Side.SERVER, data, 2, 2)

    def gap(self, side: Side, length: int) -> None:
        self.events += self.dissector.receive_gap(side, length, 3, 3)

    def eof(self) -> None:
        for side in Side:
            self.events += self.dissector.receive_eof(side, 4, 4)

    def is_opaque(self) -> bool:
        return self.dissector.opaque

    @property
    def seen(self) -> TlsHandshakeSeen:
        [seen] = [each for each in self.events if isinstance(each, TlsHandshakeSeen)]
        return seen

    @property
    def alerts(self) -> list[TlsAlertSeen]:
        return [each for each in self.events if isinstance(each, TlsAlertSeen)]

    @property
    def anomalies(self) -> list[Anomaly]:
        return [each for each in self.events if isinstance(each, Anomaly)]

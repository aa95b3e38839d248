"""Mail dialogues, what OpenSSL makes of them, and what a dissector says of that."""

from __future__ import annotations

import warnings

from dissectors import KeyLog, new_dissector
from dissectors.events import (
    Anomaly,
    AuthAttempted,
    Event,
    Exchange,
    Exposure,
    LoginOffered,
    MessageTransferred,
    Side,
    StartTlsAdvanced,
    TlsAlertSeen,
    TlsDecrypted,
    TlsHandshakeSeen,
)
from dissectors.services import Protocol
from tests.support.tls.openssl import Settings, Stack, Wire

CLIENT, SERVER = Side

Turns = list[tuple[Side, bytes]]

BODY = b"Subject: x\r\n\r\n" + b"".join(b"line %d\r\n" % n for n in range(5000))

SMTP: Turns = [
    (SERVER, b"220 mail.example.com ESMTP\r\n"),
    (CLIENT, b"EHLO client\r\n"),
    (SERVER, b"250-mail.example.com\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n"),
    (CLIENT, b"AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=\r\n"),
    (SERVER, b"235 2.7.0 ok\r\n"),
    (CLIENT, b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"),
    (SERVER, b"250 ok\r\n250 ok\r\n354 go\r\n"),
    (CLIENT, BODY + b".\r\n"),
    (SERVER, b"250 2.0.0 queued\r\n"),
    (CLIENT, b"QUIT\r\n"),
    (SERVER, b"221 bye\r\n"),
]

IMAP: Turns = [
    (SERVER, b"* OK ready\r\n"),
    (CLIENT, b"a LOGIN user password\r\n"),
    (SERVER, b"a OK done\r\n"),
    (CLIENT, b"b SELECT INBOX\r\n"),
    (SERVER, b"* 1 EXISTS\r\nb OK done\r\n"),
    (CLIENT, b"c FETCH 1 BODY[]\r\n"),
    (SERVER, b"* 1 FETCH (BODY[] {%d}\r\n%b)\r\nc OK done\r\n" % (len(BODY), BODY)),
    (CLIENT, b"d LOGOUT\r\n"),
    (SERVER, b"* BYE bye\r\nd OK done\r\n"),
]


POP3: Turns = [
    (SERVER, b"+OK ready\r\n"),
    (CLIENT, b"USER user\r\n"),
    (SERVER, b"+OK\r\n"),
    (CLIENT, b"PASS password\r\n"),
    (SERVER, b"+OK\r\n"),
    (CLIENT, b"RETR 1\r\n"),
    (SERVER, b"+OK\r\n" + BODY + b".\r\n"),
    (CLIENT, b"QUIT\r\n"),
    (SERVER, b"+OK\r\n"),
]

IN_CLEAR = {
    Protocol.SMTP: (SMTP, 25, SMTP[:3], b"STARTTLS\r\n", b"220 go\r\n"),
    Protocol.IMAP: (IMAP, 143, IMAP[:1], b"x STARTTLS\r\n", b"x OK go\r\n"),
    Protocol.POP3: (POP3, 110, POP3[:1], b"STLS\r\n", b"+OK go\r\n"),
}


def read(
    protocol: Protocol, steps: Turns, key_log: bytes = b"", port: int = 1
) -> list[Event]:
    """What a dissector says of a dialogue, each step of which is a packet."""
    log = KeyLog()
    log.add(key_log)
    return read_with(log, steps, protocol, port)


def read_with(
    log: KeyLog, steps: Turns, protocol: Protocol = Protocol.SMTP, port: int = 1
) -> list[Event]:
    """The same, with secrets that are kept for further connections."""
    dissector = new_dissector(protocol, port, log)
    events: list[Event] = []
    for side, data in steps:
        events += dissector.receive_data(side, data, 1, 1)
    for side in Side:
        events += dissector.receive_eof(side, 1, 1)
    return events


_OF_ENCRYPTION = (TlsHandshakeSeen, TlsDecrypted, LoginOffered, StartTlsAdvanced)


def comparable(events: list[Event]) -> list[Event]:
    """What a session says whether it is encrypted or not."""
    kept: list[Event] = []
    for event in events:
        if isinstance(event, _OF_ENCRYPTION):
            continue
        if isinstance(event, AuthAttempted):
            event.exposure, event.secured = Exposure.NOTHING, False
        if isinstance(event, MessageTransferred):
            event.secured = False
        kept.append(event)
    return kept


def handshake(events: list[Event]) -> TlsHandshakeSeen:
    (seen,) = [event for event in events if isinstance(event, TlsHandshakeSeen)]
    return seen


def is_decrypted(events: list[Event]) -> bool:
    return any(isinstance(event, TlsDecrypted) for event in events)


def alert_names(events: list[Event]) -> list[str]:
    return [event.name for event in events if isinstance(event, TlsAlertSeen)]


def play(settings: Settings, dialogue: Turns = SMTP) -> Wire:
    with warnings.catch_warnings():
        # old versions are what is tested
        warnings.simplefilter("ignore", DeprecationWarning)
        return Stack(settings).play(dialogue)


def codes(events: list[Event]) -> list[str]:
    return [event.code for event in events if isinstance(event, Anomaly)]


def logins(events: list[Event]) -> list[tuple[Exposure, bool]]:
    return [
        (event.exposure, event.secured)
        for event in events
        if isinstance(event, AuthAttempted)
    ]


def verbs(events: list[Event]) -> list[str | None]:
    return [event.verb for event in events if isinstance(event, Exchange)]


def in_pieces(steps: Turns, size: int) -> Turns:
    return [
        (side, data[at : at + size])
        for side, data in steps
        for at in range(0, len(data), size)
    ]

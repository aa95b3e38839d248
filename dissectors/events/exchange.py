"""What both sides say and are: exchanges, greetings, capabilities, software."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class Side(enum.IntEnum):
    """Who sent something: the client opened the connection."""

    CLIENT = 0
    SERVER = 1


class ExchangeKind(enum.StrEnum):
    """What an exchange is about."""

    GREETING = "greeting"
    COMMAND = "command"
    # SMTP: the reply to the end of the mail data, not to a command
    MESSAGE = "message"
    # a reply that answers nothing, such as 421 or an untagged BYE
    UNSOLICITED = "unsolicited"


@dataclass(slots=True)
class Exchange:
    """One command and its answer, reported when the answer is complete.

    Also reported when it is certain that no answer will be seen; the reply
    fields are then `None`.

    Attributes:
        number: place among the connection's exchanges in the order of requests.
        verb: command name in upper case (`UID FETCH` with its prefix); of the one that
            carried the message, if that is answered; `None` where no command was sent.
        argument: the rest of the command line, secrets replaced by `***`.
        reply_code: SMTP reply code.
        status: POP3 `+OK`/`-ERR`, IMAP tagged `OK`/`NO`/`BAD`; untagged ones
            (greetings, BYE) are written with their asterisk: `* OK`.
        enhanced_status_code: SMTP (RFC 3463), such as `5.7.8`.
        response_code: IMAP and POP3 (RFC 9051 §7.1, RFC 2449 §8): what stands in
            brackets, in upper case and without arguments.
    """

    number: int
    kind: ExchangeKind
    verb: str | None = None
    argument: str | None = None
    request_time_ns: int | None = None
    request_frame: int | None = None
    reply_code: int | None = None
    status: str | None = None
    reply_text: str | None = None
    reply_time_ns: int | None = None
    reply_frame: int | None = None
    enhanced_status_code: str | None = None
    response_code: str | None = None


@dataclass(slots=True)
class GreetingReceived:
    """The server's first words, without code or status word.

    `software` is the server's product where the greeting (or a later banner)
    names one.
    """

    text: str
    software: str | None = None


@dataclass(slots=True)
class ReplyReceived:
    """An SMTP reply, also those that answer no command and the 334s of AUTH."""

    code: int


@dataclass(slots=True)
class CapabilitiesAnnounced:
    """A full capability list, as announced: EHLO keywords, CAPABILITY, CAPA."""

    capabilities: list[str]


@dataclass(slots=True)
class ClientNamed:
    """The argument of HELO, EHLO or LHLO."""

    name: str


@dataclass(slots=True)
class ClientForwarded:
    """What a proxy tells of the client, as `NAME=value`.

    By XCLIENT or XFORWARD, in IMAP by ID, or in the header of the PROXY protocol.
    """

    attributes: list[str]


@dataclass(slots=True)
class SoftwareIdentified:
    """A side told what software it is (IMAP ID, POP3 IMPLEMENTATION, ...).

    `fields` are those of IMAP's ID (RFC 2971 §3.3), as `name=value`.
    """

    side: Side
    name: str | None
    fields: list[str] = field(default_factory=list)


@dataclass(slots=True)
class ExtensionUsed:
    """An extension was not only announced, but used; by the name it announces."""

    name: str


@dataclass(slots=True)
class Anomaly:
    """Something odd, by a stable code of `dissectors.anomalies`.

    Attributes:
        offset: where in that side's stream, in bytes; -1 if it has no place.
        detail: a few printable words; never a secret.
    """

    code: str
    side: Side
    offset: int
    time_ns: int
    frame: int
    detail: str = ""

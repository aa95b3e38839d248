"""What dissectors report: facts, in the past tense, in the order they happened.

Times are nanoseconds since the Unix epoch, frames are the capture's frame
numbers; both are those of the packet that completed the fact. No event ever
carries a secret.
"""

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


class Outcome(enum.StrEnum):
    """How an authentication ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    UNKNOWN = "unknown"


class Exposure(enum.StrEnum):
    """What an eavesdropper gains from a clear-text authentication."""

    NOTHING = "nothing"
    PASSWORD = "password"  # noqa: S105
    TOKEN = "token"  # noqa: S105
    OFFLINE = "offline"  # a challenge and response to attack offline


class Direction(enum.StrEnum):
    """Why a message crossed the wire."""

    SUBMITTED = "submitted"
    RELAYED = "relayed"
    RETRIEVED = "retrieved"
    APPENDED = "appended"


class Delivery(enum.StrEnum):
    """What became of a message."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    COMPLETE = "complete"
    CUT = "cut"
    UNKNOWN = "unknown"


class StartTls(enum.IntEnum):
    """How far an upgrade to TLS came; the furthest step counts."""

    NOT_OFFERED = 0
    OFFERED = 1
    REQUESTED = 2
    REFUSED = 3
    ACCEPTED = 4


@dataclass(slots=True)
class Exchange:
    """One command and its answer, reported when the answer is complete.

    Also reported when it is certain that no answer will be seen; the reply
    fields are then `None`.

    Attributes:
        number: place among the connection's exchanges in the order of requests.
        verb: command name in upper case (`UID FETCH` with its prefix); `None`
            where no command was sent.
        argument: the rest of the command line, secrets replaced by `***`.
        reply_code: SMTP reply code.
        status: POP3 `+OK`/`-ERR`, IMAP tagged `OK`/`NO`/`BAD`; untagged ones
            (greetings, BYE) are written with their asterisk: `* OK`.
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
class SoftwareIdentified:
    """A side told what software it is (IMAP ID, POP3 IMPLEMENTATION, ...)."""

    side: Side
    name: str


@dataclass(slots=True)
class StartTlsAdvanced:
    """The upgrade to TLS came one step further."""

    step: StartTls


@dataclass(slots=True)
class AuthAttempted:
    """One authentication, reported when its outcome is known or never will be.

    Attributes:
        mechanism: SASL mechanism; `USER` for POP3 USER and PASS, `APOP`, `LOGIN`
            for the IMAP command.
        user: the identity, where the mechanism shows it.
        exposure: what was sent in clear.
    """

    mechanism: str
    user: str | None
    result: Outcome
    exposure: Exposure


@dataclass(slots=True)
class SenderGiven:
    """MAIL: the reverse path without brackets, empty for the null sender."""

    address: str
    accepted: bool | None


@dataclass(slots=True)
class RecipientGiven:
    """RCPT: a forward path without brackets."""

    address: str
    accepted: bool | None


@dataclass(slots=True)
class Attachment:
    """A MIME part that is a file.

    Attributes:
        name: decoded file name (RFC 2231, RFC 2047).
        content_type: declared type, in lower case.
        size_bytes: size after the transfer encoding was undone.
        sha256: of the decoded content in hex; `None` if some of it is missing.
    """

    name: str | None
    content_type: str
    size_bytes: int
    sha256: str | None


@dataclass(slots=True)
class MessageFacts:
    """What is known of a message; bodies are never kept.

    Header fields are decoded (RFC 2047) and unfolded; `None` if absent.
    """

    size_bytes: int = 0
    message_id: str | None = None
    subject: str | None = None
    from_: str | None = None
    to: list[str] = field(default_factory=list)
    date: str | None = None
    mailer: str | None = None
    attachments: list[Attachment] = field(default_factory=list)
    # some of the message was not captured, or the transfer broke off
    cut: bool = False
    # header section was seen to its end
    header_complete: bool = False


@dataclass(slots=True)
class MessageTransferred:
    """A message crossed the wire.

    The envelope fields are those of the mail transaction (SMTP only).
    `mailbox` is where it was appended to or fetched from (IMAP only).
    """

    direction: Direction
    outcome: Delivery
    facts: MessageFacts
    time_ns: int
    frame: int
    sender: str | None = None
    recipients: list[str] = field(default_factory=list)
    mailbox: str | None = None


@dataclass(slots=True)
class MailboxSelected:
    """SELECT or EXAMINE succeeded; the name is decoded."""

    name: str


@dataclass(slots=True)
class MessagesDeleted:
    """POP3: deletions that QUIT committed; IMAP: expunged messages."""

    count: int


@dataclass(slots=True)
class Certificate:
    """The server's end-entity certificate; names as in RFC 4514."""

    subject: str
    issuer: str
    names: list[str]
    not_before_ns: int
    not_after_ns: int


@dataclass(slots=True)
class TlsHandshakeSeen:
    """All that a TLS handshake showed, reported once: when it went dark or ended.

    Attributes:
        version: negotiated, as `TLSv1.3`, `TLSv1.2`, `SSLv3`; `None` without a
            ServerHello.
        offered_version: highest that the client offered.
        cipher: IANA name of the suite, `0xABCD` if unknown.
        established: encrypted application data or Finished was seen both ways.
        alert: description of a fatal alert in clear.
    """

    version: str | None = None
    offered_version: str | None = None
    cipher: str | None = None
    sni: str | None = None
    alpn: str | None = None
    ja3: str | None = None
    ja3s: str | None = None
    ja4: str | None = None
    established: bool = False
    alert: str | None = None
    certificate: Certificate | None = None


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


Event = (
    Exchange
    | GreetingReceived
    | ReplyReceived
    | CapabilitiesAnnounced
    | ClientNamed
    | SoftwareIdentified
    | StartTlsAdvanced
    | AuthAttempted
    | SenderGiven
    | RecipientGiven
    | MessageTransferred
    | MailboxSelected
    | MessagesDeleted
    | TlsHandshakeSeen
    | Anomaly
)

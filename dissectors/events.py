"""What dissectors report: facts, in the past tense, in the order they happened.

Times are nanoseconds since the Unix epoch, frames are the capture's frame
numbers; both are those of the packet that completed the fact. No event ever
carries a secret.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    # only its header section, or some of its parts, was asked for
    PARTIAL = "partial"
    CUT = "cut"
    UNKNOWN = "unknown"


class State(enum.StrEnum):
    """The states of IMAP (RFC 9051 §3) and POP3 (RFC 1939 §3)."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"
    AUTHORIZATION = "authorization"
    TRANSACTION = "transaction"
    UPDATE = "update"


class Use(enum.StrEnum):
    """What a client does with a mailbox, and how often is counted."""

    HEADERS_FETCHED = "headers_fetched"  # without the body: ENVELOPE, TOP, ...
    PARTS_FETCHED = "parts_fetched"  # single MIME parts, without the rest
    FLAGS_CHANGED = "flags_changed"
    MESSAGES_COPIED = "messages_copied"
    MESSAGES_MOVED = "messages_moved"
    MAILBOXES_LISTED = "mailboxes_listed"
    MAILBOXES_CHANGED = "mailboxes_changed"  # created, deleted, renamed, subscribed


class Synchronisation(enum.StrEnum):
    """What a client learned of a mailbox, compared with what is in it."""

    NONE = "none"
    NEW = "new"  # some of the messages: new ones, or those that changed
    COMPLETE = "complete"  # something of every message


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
class LoginOffered:
    """Mechanisms by which the server lets clients log in here and now.

    SASL names; `USER` and `APOP` (POP3) and `LOGIN` (IMAP) for the commands.
    """

    mechanisms: list[str]


@dataclass(slots=True)
class ClientForwarded:
    """What a proxy tells of the client, as `NAME=value`.

    By XCLIENT or XFORWARD, in IMAP by ID, or in the header of the PROXY protocol.
    """

    attributes: list[str]


@dataclass(slots=True)
class StateChanged:
    """An IMAP or POP3 session came into another state."""

    state: State


@dataclass(slots=True)
class StartTlsAdvanced:
    """The upgrade to TLS came one step further.

    `is_inferred` if TLS shows it, and the command for it was not captured.
    """

    step: StartTls
    is_inferred: bool = False


@dataclass(slots=True)
class AuthAttempted:
    """One authentication, reported when its outcome is known or never will be.

    The exchange whose reply decided it is reported just before.

    Attributes:
        mechanism: SASL mechanism; `USER` for POP3 USER and PASS, `APOP`, `LOGIN`
            for the IMAP command.
        user: the authentication identity, where the mechanism shows it.
        exposure: what was sent in clear.
        authzid: the identity to act as (RFC 4422 §2), if it was given.
        secured: by TLS, which was decrypted.
    """

    mechanism: str
    user: str | None
    result: Outcome
    exposure: Exposure
    authzid: str | None = None
    secured: bool = False


@dataclass(slots=True)
class CredentialsCrossed:
    """What crossed of an authentication that had ended, by its refusal most often.

    The attempt was reported before, without it; the attributes are those of
    `AuthAttempted`.
    """

    user: str | None
    exposure: Exposure
    authzid: str | None = None
    secured: bool = False


@dataclass(slots=True)
class SenderGiven:
    """MAIL: the reverse path without brackets, empty for the null sender.

    `parameters` are those behind it (RFC 5321 §4.1.2), as `KEYWORD=value`.
    """

    address: str
    accepted: bool | None
    parameters: list[str] = field(default_factory=list)


@dataclass(slots=True)
class RecipientGiven:
    """RCPT: a forward path without brackets, and the parameters behind it."""

    address: str
    accepted: bool | None
    parameters: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Attachment:
    """A MIME part that is a file.

    Attributes:
        name: decoded file name (RFC 2231, RFC 2047).
        content_type: declared type, in lower case.
        size_bytes: size after the transfer encoding was undone.
        sha256: of the decoded content in hex; `None` if some of it is missing.
        detected_type: type that the content's first bytes tell, if they do.
        part: its place in the message, numbered as in RFC 9051 §6.4.5.
    """

    name: str | None
    content_type: str
    size_bytes: int
    sha256: str | None
    detected_type: str | None = None
    part: str | None = None


@dataclass(slots=True)
class MessageFacts:
    """What is known of a message; bodies are never kept.

    Header fields are decoded (RFC 2047) and unfolded; `None` if absent.

    Attributes:
        received: the Received fields (RFC 5321 §4.4), newest first.
        originating_ip: where it was written, as its header section tells.
        dkim: `selector._domainkey.domain` of each DKIM-Signature (RFC 6376 §3.5).
        authentication_results: the fields of that name (RFC 8601).
        part_count: MIME entities that are no multipart.
        attachments: those of messages within this one, too.
        overruns: codes of the anomalies that its size or structure is.
        cut: some of it was not captured, or the transfer broke off.
        header_complete: its header section was seen to its end.
    """

    size_bytes: int = 0
    message_id: str | None = None
    subject: str | None = None
    from_: str | None = None
    to: list[str] = field(default_factory=list)
    date: str | None = None
    mailer: str | None = None
    reply_to: str | None = None
    in_reply_to: str | None = None
    received: list[str] = field(default_factory=list)
    originating_ip: str | None = None
    list_id: str | None = None
    dkim: list[str] = field(default_factory=list)
    authentication_results: list[str] = field(default_factory=list)
    content_type: str | None = None
    part_count: int = 0
    attachments: list[Attachment] = field(default_factory=list)
    overruns: list[str] = field(default_factory=list)
    cut: bool = False
    header_complete: bool = False


@dataclass(slots=True)
class MessageTransferred:
    """A message crossed the wire.

    The envelope fields are those of the mail transaction (SMTP only).
    `mailbox` is where it was appended to or fetched from (IMAP only).

    Attributes:
        time_ns: when its last byte was seen, in which `frame`, and before which
            `offset` of the side's stream; -1 if that is not known.
        verb: the command that carried it, in upper case.
        begin_ns: when its first byte was seen.
        parameters: those of MAIL and RCPT, each once.
        secured: by TLS, which was decrypted.
    """

    direction: Direction
    outcome: Delivery
    facts: MessageFacts
    time_ns: int
    frame: int
    sender: str | None = None
    recipients: list[str] = field(default_factory=list)
    mailbox: str | None = None
    verb: str | None = None
    begin_ns: int | None = None
    parameters: list[str] = field(default_factory=list)
    secured: bool = False
    offset: int = -1


@dataclass(slots=True)
class MailboxSelected:
    """SELECT or EXAMINE succeeded; the name is decoded."""

    name: str


@dataclass(slots=True)
class MailboxSynchronised:
    """IMAP: a mailbox was left, or the session ended; what the client had learned."""

    name: str
    synchronisation: Synchronisation


@dataclass(slots=True)
class MessagesAvailable:
    """How many messages a mailbox or maildrop holds: EXISTS, STAT, LIST, UIDL.

    `size_bytes` is what STAT or LIST say.
    """

    count: int
    size_bytes: int | None = None


@dataclass(slots=True)
class MessagesDeleted:
    """POP3: deletions that QUIT committed; IMAP: expunged messages.

    POP3: `retrieved` of them the client had got; `kept` others that it got stay.
    """

    count: int
    retrieved: int = 0
    kept: int = 0


@dataclass(slots=True)
class UseCounted:
    """A client used a mailbox in some way, `count` times."""

    use: Use
    count: int


@dataclass(slots=True)
class Certificate:
    """A certificate that was shown; `None` is what could not be read of it.

    Attributes:
        der: as it was sent.
        sha256: its fingerprint, in hexadecimal.
        subject: as in RFC 4514; so is `issuer`.
        serial: in hexadecimal, without leading zeros.
        names: the subject alternative name: hosts, mail addresses, services, IP.
        hosts: those of them that are DNS names (RFC 9525 §6.3: DNS-ID).
        addresses: those that are IP addresses.
        key_type: such as `RSA`, or `EC secp256r1`.
        signature_algorithm: such as `sha256WithRSAEncryption`.
        self_signed: it is its own issuer, and signed by its own key.
        is_ca: it may sign others (RFC 5280 §4.2.1.9).
    """

    der: bytes
    sha256: str
    subject: str | None = None
    issuer: str | None = None
    serial: str | None = None
    names: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    not_before_ns: int | None = None
    not_after_ns: int | None = None
    key_type: str | None = None
    key_bits: int | None = None
    signature_algorithm: str | None = None
    self_signed: bool | None = None
    is_ca: bool | None = None


class Resumption(enum.StrEnum):
    """How a TLS session goes on with the keys of an earlier one."""

    NONE = "none"
    SESSION_ID = "session-id"
    TICKET = "ticket"
    PSK = "psk"


class EarlyData(enum.StrEnum):
    """What became of a client's wish to send data before the handshake is over."""

    OFFERED = "offered"
    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class ClientCertificate(enum.StrEnum):
    """Whether the client had to show a certificate."""

    NOT_REQUESTED = "not-requested"
    REQUESTED = "requested"
    GIVEN = "given"
    REFUSED = "refused"


@dataclass(slots=True)
class TlsHandshakeSeen:
    """All that a TLS handshake showed, reported once: when it went dark or ended.

    Lists are shared among connections and must not be changed. `None` is what was
    not seen, or what encryption hides.

    Attributes:
        version: negotiated, as `TLSv1.3`, `TLSv1.2`, `SSLv3`; `None` without a
            ServerHello.
        offered_versions: by the client; so are all `offered_*`, without GREASE.
        cipher: IANA name of the suite, `0xABCD` if unknown.
        further: certificates of renegotiations, by who showed them.
        after_gap: bytes are missing of what was said before it.
        weak_choices: what is wrong with version and suite, in words (RFC 9325).
        weak_exchange: likewise with the key exchange, its group and signature.
        group: of the key exchange; `DH 2048` for a group without a name.
        signature: scheme of the server's signature.
        retried: the server asked for another hello (HelloRetryRequest).
        grease: the client sent reserved values (RFC 8701).
        ech: the client sent an Encrypted Client Hello, or one for show.
        secure_renegotiation: both sides have it (RFC 5746); `None` in TLS 1.3.
        renegotiations: further handshakes, as far as they were decrypted.
        established: encrypted application data or Finished was seen both ways; or
            application data, if the handshake was not captured.
        failed_after: last step of a handshake that came to nothing.
        alert: description of the first fatal alert that could be read.
        alerts: all of them, with side, level and meaning.
        begin_ns: when the first hello was seen.
        end_ns: when the handshake was over, if that was seen.
        chain: the server's certificates, its own first.
        client_chain: those of the client.
        decrypted: data was decrypted, with secrets from a key log.
    """

    version: str | None = None
    offered_versions: Sequence[str] = ()
    offered_ciphers: Sequence[str] = ()
    offered_groups: Sequence[str] = ()
    offered_signatures: Sequence[str] = ()
    offered_alpn: Sequence[str] = ()
    cipher: str | None = None
    further: list[tuple[Side, Certificate]] = field(default_factory=list)
    after_gap: bool = False
    weak_choices: list[str] = field(default_factory=list)
    weak_exchange: list[str] = field(default_factory=list)
    group: str | None = None
    post_quantum: bool | None = None
    forward_secret: bool | None = None
    signature: str | None = None
    sni: str | None = None
    alpn: str | None = None
    resumption: Resumption | None = None
    early_data: EarlyData | None = None
    retried: bool | None = None
    grease: bool | None = None
    ech: bool | None = None
    secure_renegotiation: bool | None = None
    renegotiations: int = 0
    client_certificate: ClientCertificate | None = None
    ja3: str | None = None
    ja3s: str | None = None
    ja4: str | None = None
    established: bool = False
    failed_after: str | None = None
    alert: str | None = None
    alerts: list[str] = field(default_factory=list)
    begin_ns: int | None = None
    end_ns: int | None = None
    chain: list[Certificate] = field(default_factory=list)
    client_chain: list[Certificate] = field(default_factory=list)
    decrypted: bool = False

    @property
    def certificate(self) -> Certificate | None:
        """The server's own certificate."""
        return self.chain[0] if self.chain else None


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
    | ClientForwarded
    | SoftwareIdentified
    | ExtensionUsed
    | LoginOffered
    | StateChanged
    | StartTlsAdvanced
    | AuthAttempted
    | CredentialsCrossed
    | SenderGiven
    | RecipientGiven
    | MessageTransferred
    | MailboxSelected
    | MailboxSynchronised
    | MessagesAvailable
    | MessagesDeleted
    | UseCounted
    | TlsHandshakeSeen
    | Anomaly
)

"""Messages that crossed the wire, and their envelopes."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


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


# what events of plug-ins hold is checked
@runtime_checkable
class Copy(Protocol):
    """Takes the bytes of a message, or of a file in one, as they come.

    Nobody keeps them unless a copy is asked for (`Reporter.copies`).
    """

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""

    def forget(self) -> object:
        """Learn that nobody will ask for it, as it is no file after all."""


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
        copy: took the decoded content, if a copy was asked for.
    """

    name: str | None
    content_type: str
    size_bytes: int
    sha256: str | None
    detected_type: str | None = None
    part: str | None = None
    copy: Copy | None = field(default=None, repr=False, compare=False)


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
        exceeded_limits: codes of the anomalies that its size or structure is.
        cut: some of it was not captured, or the transfer broke off.
        header_complete: its header section was seen to its end.
        copy: took its bytes, if a copy was asked for.
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
    exceeded_limits: list[str] = field(default_factory=list)
    cut: bool = False
    header_complete: bool = False
    copy: Copy | None = field(default=None, repr=False, compare=False)


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

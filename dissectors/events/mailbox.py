"""What clients do with mailboxes, and the states of IMAP and POP3."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class State(enum.StrEnum):
    """The states of IMAP (RFC 9051 §3) and POP3 (RFC 1939 §3)."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"
    AUTHORIZATION = "authorization"
    TRANSACTION = "transaction"
    UPDATE = "update"


@dataclass(slots=True)
class StateChanged:
    """An IMAP or POP3 session came into another state."""

    state: State


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

"""What a server refused a client, and did not grant it later.

A refusal counts until the client gets the same after all: a login with another
password, a mailbox that it creates, a sender whom the server takes once TLS is on. A
recipient who is refused counts if no other one of his transaction is accepted.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from analyzer.sessions.failures import Failure
from dissectors.events import ExchangeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dissectors.events import Exchange

UPGRADES = ("STARTTLS", "STLS", "X-ANONYMOUSTLS")
"""The commands that lead to TLS, Exchange's among them."""

# what it means if these are refused; others, such as VRFY or CAPA, are questions
_REFUSALS = {
    **dict.fromkeys(("EHLO", "HELO", "LHLO"), Failure.HELLO_REFUSED),
    **dict.fromkeys(UPGRADES, Failure.STARTTLS_REFUSED),
    **dict.fromkeys(("AUTH", "X-EXPS", "AUTHENTICATE"), Failure.LOGIN_FAILED),
    **dict.fromkeys(("LOGIN", "USER", "PASS", "APOP"), Failure.LOGIN_FAILED),
    **dict.fromkeys(("MAIL", "SEND", "SOML", "SAML"), Failure.SENDER_REFUSED),
    "RCPT": Failure.RECIPIENTS_REFUSED,
    **dict.fromkeys(("DATA", "BDAT", "BURL"), Failure.MESSAGE_REFUSED),
    **dict.fromkeys(("APPEND", "REPLACE", "UID REPLACE"), Failure.MESSAGE_REFUSED),
    **dict.fromkeys(("SELECT", "EXAMINE"), Failure.MAILBOX_REFUSED),
    **dict.fromkeys(("RETR", "FETCH", "UID FETCH"), Failure.RETRIEVAL_REFUSED),
    **dict.fromkeys(("DELE", "EXPUNGE", "UID EXPUNGE"), Failure.CHANGE_REFUSED),
    **dict.fromkeys(("STORE", "UID STORE"), Failure.CHANGE_REFUSED),
    **dict.fromkeys(("COPY", "UID COPY", "MOVE", "UID MOVE"), Failure.CHANGE_REFUSED),
}
# a client wants these but once, by whatever command and argument
_ONCE = (Failure.HELLO_REFUSED, Failure.STARTTLS_REFUSED, Failure.LOGIN_FAILED)
_SENT_IN_TRANSACTION = ("DATA", "BDAT", "BURL")
LEAVING = ("QUIT", "LOGOUT")

# RFC 5321 §3.8: the server closes the connection
CLOSING_CODE = 421
_NEGATIVE_STATUS = frozenset(("-ERR", "NO", "BAD", "* BAD", "* BYE"))
# Servers send away who is idle: after five minutes (RFC 5321 §4.5.3.2.7), ten (RFC
# 1939 §3) or thirty (RFC 9051 §5.4), and earlier before a login.
_IDLE_NS = 60_000_000_000
# distinct refusals that are remembered of a session
_MAX_REFUSALS = 100


class Refusals:
    """What was refused in a session, and not granted later.

    Args:
        exchanges: those of the session, in the order of answers.
        earlier: what was refused in the exchanges before them; it does not change.

    Attributes:
        goodbye: the last refusal that answers nothing, such as BYE, or 421.
        is_goodbye_due: the client had been idle by then.
    """

    def __init__(
        self, exchanges: Iterable[Exchange], earlier: Refusals | None = None
    ) -> None:
        self.goodbye: Exchange | None = None
        self.is_goodbye_due = False
        self._open: dict[object, tuple[Failure, Exchange]] = {}
        self._granted: set[Failure] = set()
        # SMTP: the transaction, and what was refused in it
        self._transaction = 0
        self._has_transaction = self._has_recipient = False
        self._recipients: list[object] = []
        self._last_ns = 0
        if earlier is not None:
            self.__dict__.update(deepcopy(earlier.__dict__))
        for exchange in exchanges:
            if exchange.reply_time_ns is not None:
                self._take(exchange)
                self._last_ns = exchange.reply_time_ns

    def __iter__(self) -> Iterator[tuple[Failure, Exchange]]:
        """Go through what was refused, each with what was said then."""
        return iter(self._open.values())

    def _take(self, exchange: Exchange) -> None:
        kind, is_refused = exchange.kind, is_negative(exchange)
        if kind is ExchangeKind.MESSAGE:
            self._has_transaction = False
            if is_refused:
                # RFC 2033 §4.2: each reply is about a delivery of its own
                self._add(exchange.number, Failure.MESSAGE_REFUSED, exchange)
        elif kind is ExchangeKind.COMMAND:
            failure = _REFUSALS.get(exchange.verb or "")
            if exchange.verb == "QUIT" and exchange.status == "-ERR":
                # RFC 1939 §6: what was to be deleted is still there
                failure = Failure.CHANGE_REFUSED
            if not is_refused:
                self._grant(failure, exchange)
            elif failure is not None:
                self._refuse(failure, exchange)
            elif exchange.reply_code == CLOSING_CODE and exchange.verb not in LEAVING:
                self._say_goodbye(exchange)
        elif is_refused and kind is ExchangeKind.GREETING:
            self._add(kind, Failure.TURNED_AWAY, exchange)
        elif is_refused:
            self._say_goodbye(exchange)

    def _refuse(self, failure: Failure, exchange: Exchange) -> None:
        key = self._key(failure, exchange)
        if failure in self._granted:
            return
        if failure is Failure.RECIPIENTS_REFUSED:
            if self._has_recipient:
                return
            self._recipients.append(key)
        # without a sender or a recipient: that one was refused, and is the cause
        is_consequence = self._open and not self._has_recipient
        if exchange.verb in _SENT_IN_TRANSACTION and is_consequence:
            return
        self._add(key, failure, exchange)

    def _grant(self, failure: Failure | None, exchange: Exchange) -> None:
        verb = exchange.verb
        if failure is Failure.SENDER_REFUSED:
            self._transaction += 1
            self._has_transaction, self._has_recipient = True, False
            self._recipients.clear()
        elif failure is Failure.RECIPIENTS_REFUSED:
            self._has_recipient = True
            for key in self._recipients:
                self._open.pop(key, None)
            self._recipients.clear()
        elif failure is Failure.HELLO_REFUSED or verb == "RSET":
            self._has_transaction = False
        # that there is such a user is not enough
        if failure is not None and verb != "USER":
            self._open.pop(self._key(failure, exchange), None)
            if failure in _ONCE:
                self._granted.add(failure)

    def _key(self, failure: Failure, exchange: Exchange) -> object:
        """Return what is the same if the client asks for the same again."""
        if failure in _ONCE:
            return failure
        if exchange.verb in _SENT_IN_TRANSACTION:
            return failure, self._transaction
        argument = exchange.argument or ""
        if failure in (Failure.SENDER_REFUSED, Failure.RECIPIENTS_REFUSED):
            # without parameters
            argument = argument.partition(">")[0].lower()
        return exchange.verb, argument

    def _add(self, key: object, failure: Failure, exchange: Exchange) -> None:
        # the last login tells most; what follows a refused chunk, least
        is_new = key not in self._open and len(self._open) < _MAX_REFUSALS
        if is_new or (key in self._open and failure in _ONCE):
            self._open[key] = failure, exchange

    def _say_goodbye(self, exchange: Exchange) -> None:
        silence_ns = (exchange.reply_time_ns or 0) - self._last_ns
        self.goodbye = exchange
        self.is_goodbye_due = silence_ns >= _IDLE_NS and not self._has_transaction


def is_negative(exchange: Exchange) -> bool:
    """Return whether the server refused something."""
    code = exchange.reply_code
    # RFC 5321 §4.2.1: 4yz and 5yz
    return (code is not None and code >= 400) or exchange.status in _NEGATIVE_STATUS


def reply_line(exchange: Exchange) -> str:
    """Return a reply in a line: its code or status, and its text."""
    code = exchange.reply_code if exchange.reply_code is not None else exchange.status
    return f"{code} {exchange.reply_text or ''}".rstrip()


def unanswered(exchanges: Iterable[Exchange]) -> Exchange | None:
    """Return the last command if it was not answered; goodbyes need no answer.

    Args:
        exchanges: those of the session, the last first.
    """
    for exchange in exchanges:
        if exchange.reply_time_ns is not None:
            return None
        if exchange.verb not in LEAVING and exchange.verb != "IDLE":
            return exchange
    return None

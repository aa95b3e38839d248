"""What a session keeps of its messages, exchanges, logins and anomalies."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from analyzer.sessions.refusals import Refusals, is_negative, reply_line
from analyzer.sessions.wrong_clock import exchange_latency_ns
from dissectors.events import Anomaly, Exchange, ExchangeKind, Side

if TYPE_CHECKING:
    from collections.abc import Iterable

    from captures import Connection
    from dissectors.events import (
        AuthAttempted,
        CredentialsCrossed,
        Exposure,
        MessageTransferred,
    )

_COMMAND = ExchangeKind.COMMAND
# of one session, in another table
_MAX_ROWS = 1_000_000
# RFC 2177 §3: IDLE is answered when the client ends it
_WITHOUT_LATENCY = frozenset({None, "IDLE"})


class Login(NamedTuple):
    """One attempt to log in.

    Attributes:
        number: within its session, from 1.
        attempt: what was seen of it.
        exchange: the command, and the reply that decided it; `None` if there is none.
    """

    number: int
    attempt: AuthAttempted
    exchange: Exchange | None


class Details(NamedTuple):
    """What becomes rows of other tables than `sessions`.

    Attributes:
        messages: in the order in which they ended.
        exchanges: in the order of their commands; answers come in another one.
        logins: in the order in which they were decided.
        anomalies: in the order in which they were seen.
    """

    messages: list[MessageTransferred]
    exchanges: list[Exchange]
    logins: list[Login]
    anomalies: list[Anomaly]


class SessionDetails:
    """The details of a session, which may leave before its end.

    What its own row says of them is kept.
    """

    __slots__ = (
        "_exchange_count",
        "_full",
        "_last_exchange",
        "_message_count",
        "_refusals",
        "_slowest",
        "anomalies",
        "exchanges",
        "last_error",
        "logins",
        "messages",
        "oddities",
    )

    def __init__(self) -> None:
        self.messages: list[MessageTransferred] = []
        self.exchanges: list[Exchange] = []
        self.logins: list[Login] = []
        self.anomalies: list[Anomaly] = []
        self.last_error: str | None = None
        # codes of all anomalies, each once
        self.oddities: dict[str, None] = {}
        self._message_count = 0
        self._exchange_count = 0
        self._last_exchange: Exchange | None = None
        # of the exchanges that have left
        self._refusals: Refusals | None = None
        self._slowest: tuple[int, str | None] = (-1, None)
        self._full: dict[str, None] = {}

    @property
    def detail_count(self) -> int:
        """How many details there are now."""
        return (
            len(self.exchanges)
            + len(self.messages)
            + len(self.logins)
            + len(self.anomalies)
        )

    def take_details(self, connection: Connection, *, kept: int) -> Details:
        """Take details that won't change, and forget them.

        Args:
            connection: the session's.
            kept: so many of the last exchanges stay: those that began before them may
                still come to an end, and how a session ends says why.
        """
        numbers = sorted(exchange.number for exchange in self.exchanges)
        first_kept = numbers[-kept] if len(numbers) >= kept else 0
        left = [exchange for exchange in self.exchanges if exchange.number < first_kept]
        if left and (kept > 1 or self.last_error):
            self._refusals = self.refusals(left)
            self._slowest = self.slowest(connection)
        ordered = sorted(left, key=attrgetter("number"))
        # what crosses behind the end of the last login still belongs to it
        last = self.logins[-1:] if kept > 1 else []
        logins = self.logins[: len(self.logins) - len(last)]
        details = Details(self.messages, ordered, logins, self.anomalies)
        self.exchanges = [
            exchange for exchange in self.exchanges if exchange.number >= first_kept
        ]
        self.messages, self.logins, self.anomalies = [], last, []
        return details

    def refusals(self, exchanges: Iterable[Exchange]) -> Refusals:
        """Return what was refused in exchanges that have left, and then in these."""
        return Refusals(exchanges, self._refusals)

    def slowest(self, connection: Connection) -> tuple[int, str | None]:
        """Return the slowest answer's latency, and its command; -1 without any."""
        slowest = self._slowest
        for exchange in self.exchanges:
            latency_ns = exchange_latency_ns(exchange, connection)
            if (
                latency_ns is not None
                and latency_ns > slowest[0]
                and exchange.verb not in _WITHOUT_LATENCY
            ):
                slowest = latency_ns, exchange.verb
        return slowest

    def add_exchange(self, exchange: Exchange) -> None:
        """Add one, in the order of answers."""
        self._last_exchange = exchange
        if self._exchange_count < _MAX_ROWS:
            self._exchange_count += 1
            self.exchanges.append(exchange)
        else:
            self._leave_out("exchanges")
        if is_negative(exchange):
            self.last_error = reply_line(exchange)

    def add_login(self, attempt: AuthAttempted, number: int) -> None:
        """Add one that has ended, by the last exchange."""
        if number <= _MAX_ROWS:
            self.logins.append(Login(number, attempt, self._last_exchange))
        else:
            self._leave_out("logins")

    def amend_login(self, crossed: CredentialsCrossed, worst: Exposure) -> None:
        """Learn what crossed behind the end of the last login.

        Args:
            crossed: what it was.
            worst: what an eavesdropper learned of that login in all.
        """
        if self.logins:
            number, attempt, exchange = self.logins[-1]
            attempt = replace(
                attempt,
                user=attempt.user or crossed.user,
                authzid=attempt.authzid or crossed.authzid,
                exposure=worst,
            )
            self.logins[-1] = Login(number, attempt, exchange)

    def add_message(self, message: MessageTransferred) -> None:
        """Add one that has ended."""
        if self._message_count < _MAX_ROWS:
            self._message_count += 1
            self.messages.append(message)
        else:
            self._leave_out("messages")

    def add_anomaly(self, anomaly: Anomaly) -> None:
        """Add one."""
        self.oddities[anomaly.code] = None
        self.anomalies.append(anomaly)

    def _leave_out(self, items: str, side: Side = Side.CLIENT) -> None:
        """Say, once, that a list of the row is full."""
        if items in self._full:
            return
        self._full[items] = None
        last = self.exchanges[-1] if self.exchanges else Exchange(0, _COMMAND)
        time_ns = last.reply_time_ns or last.request_time_ns or 0
        frame = last.reply_frame or last.request_frame or 0
        self.add_anomaly(Anomaly("list_too_long", side, -1, time_ns, frame, items))

"""For plug-ins: protocols of text lines with literals, answered in order.

`TextProtocolDissector` is what the dissector of another protocol derives from. It tells
lines from TLS, finds literals (`{5}` or `{5+}` at the end of a line, RFC 9051 §4.3),
pairs answers with commands, and copes with gaps, with sides that were not captured and
with limits. What the lines mean is the protocol's: it implements the methods that say
so. All names without an underscore are the interface, and stay.

Memory per connection is bounded by `Limits`: a line with its literals for each side,
the commands without answer, and the client's bytes that wait for an answer. The cost is
linear in the bytes.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

from dissectors.conversation.dissector import MailDissector
from dissectors.conversation.lines import decode_text
from dissectors.conversation.literals import FragmentReader, find_literal
from dissectors.conversation.text_line import Assembly, TextLine
from dissectors.credentials.sasl import SaslExchange
from dissectors.events import Event, Exchange, ExchangeKind, Side
from dissectors.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from dissectors.conversation.lines import LineBuffer, Place
    from dissectors.limits import Limits

__all__ = ["TextLine", "TextProtocolDissector"]

# a member of an enum costs more to look up
_CLIENT, _SERVER = Side
# pieces of a line that are looked for in what the server says
_MOST_PARTS = 8


class TextProtocolDissector(MailDissector):
    """Dissects a protocol of text: subclass it, and say what the lines mean.

    Attributes:
        awaiting: the commands that wait for their answers, the oldest first.
        client_seen: whether the client has said anything that was captured.
    """

    __slots__ = (
        "_assemblies",
        "_begins",
        "_fragments",
        "_is_lost",
        "_is_stray",
        "_lost_after",
        "_waits_for",
        "awaiting",
        "client_seen",
    )

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(limits)
        self.awaiting: list[Exchange] = []
        self.client_seen = False
        client, server = self._input
        self._fragments = (FragmentReader(client), FragmentReader(server))
        self._assemblies = [Assembly(limits.line), Assembly(limits.line)]
        # where the last lines began, if they had literals
        self._begins: list[Place | None] = [None, None]
        # behind a gap, until a line surely is a command or a response
        self._is_lost = [False, False]
        # commands were lost behind this one, so that answers may be theirs
        self._lost_after: int | None = None
        # answers may be to commands that were given up, as some are in a gap
        self._is_stray = False
        self._waits_for: Exchange | None = None

    # what a protocol implements

    @abc.abstractmethod
    def anew(self, *, greeted: bool) -> TextProtocolDissector:
        """Return a dissector for what is said inside TLS.

        Args:
            greeted: the server has greeted already, as the upgrade came later.
        """

    @abc.abstractmethod
    def receive_client_line(self, line: TextLine) -> None:
        """Act on what the client sent: a command, or part of a login."""

    @abc.abstractmethod
    def receive_server_line(self, line: TextLine) -> None:
        """Act on what the server sent: (part of) a greeting or an answer."""

    @abc.abstractmethod
    def is_certain(self, side: Side, text: bytes) -> bool:
        """Return whether a line can be nothing but a command, or a response.

        Behind a gap, lines may be of a literal: all are passed over, and what the
        client said is withheld, until one is certain.
        """

    def lose_track(self, side: Side) -> None:
        """Learn that some of what a side sent is missing here. For you to override."""

    def conclude(self) -> None:
        """Learn that nothing follows; it may be said again. For you to override."""

    # what a protocol calls

    def send(
        self,
        verb: str,
        argument: str | None = None,
        *,
        holds_client: bool = False,
    ) -> Exchange:
        """Begin an exchange: a command of the client.

        Args:
            verb: its name, in upper case; `***` if it is not known to be harmless.
            argument: what of its arguments may be shown.
            holds_client: what the client sends next is not read before the answer,
                as that says what it is (TLS, for example).
        """
        self.counts.exchanges = number = self.counts.exchanges + 1
        exchange = Exchange(
            number, ExchangeKind.COMMAND, verb, argument, self._time_ns, self._frame
        )
        self.awaiting.append(exchange)
        self._is_stray = False
        if len(self.awaiting) > self.limits.pending_commands:
            self.report_anomaly("too_many_pending_commands", _CLIENT)
            self._give_up(1)
        if holds_client:
            self._waits_for = exchange
        return exchange

    def answer(
        self, status: str, text: str | None = None, response_code: str | None = None
    ) -> Exchange | None:
        """Complete the oldest exchange, and report it.

        Returns:
            The exchange; `None` if the answer is to nothing that was captured.
        """
        if self._is_to_lost_command():
            self._give_up(len(self.awaiting))
            return None
        if not self.awaiting:
            if not self._is_stray:
                self.unprompted(ExchangeKind.UNSOLICITED, status, text, response_code)
            return None
        exchange = self.awaiting.pop(0)
        self._complete(exchange, status, text, response_code)
        return exchange

    def unprompted(
        self,
        kind: ExchangeKind,
        status: str,
        text: str | None = None,
        response_code: str | None = None,
    ) -> None:
        """Report a greeting, or what answers nothing."""
        self.counts.exchanges = number = self.counts.exchanges + 1
        self._complete(Exchange(number, kind), status, text, response_code)

    def report(self, *events: Event) -> None:
        """Report what happened; in what the server said, nothing withheld is shown."""
        self._report(*events)

    def report_anomaly(self, code: str, side: Side, detail: str = "") -> None:
        """Report something odd about the last line of a side.

        Args:
            code: of `dissectors.anomalies`, or one of the protocol's own.
            side: whose line.
            detail: a few words; what is withheld is not shown in them either.
        """
        self._withhold_unread()
        detail = self._withheld.mask(detail)
        self._anomaly(code, side, detail, at=self._begins[side])

    def use_extension(self, name: str) -> None:
        """Report, once, that something the server announced was used."""
        self._use_extension(name)

    def withhold(self, secret: bytes, shown: Iterable[str | None] = ()) -> None:
        """Show a secret nowhere, also where the server repeats it, in any spelling.

        Args:
            secret: as the client sent it.
            shown: names in it that may be shown.
        """
        self._withheld.add_login(secret, shown)

    def withhold_all(self) -> None:
        """Show nothing more of what the server says: part of a secret is missing.

        What is repeated of it could not be told from other words.
        """
        self._withheld.withhold_all()

    def begin_login(self, mechanism: bytes, offered: Container[str]) -> SaslExchange:
        """Return what reads a login by SASL, and withholds all that is secret in it.

        Args:
            mechanism: as the client named it.
            offered: the mechanisms that the server offers; others must be well known
                to be shown.
        """
        return SaslExchange(mechanism, self._withheld, offered)

    def withhold_line(self, line: TextLine) -> None:
        """Withhold what is not understood, as it may be anything."""
        if not line.is_whole:
            self._withheld.withhold_all()
        self._withheld.add_line(line.text)
        for literal in line.literals:
            if literal is None:
                self._withheld.withhold_all()
            else:
                self._withheld.add_line(literal)

    def start_tls(self) -> None:
        """Learn that both sides speak TLS from here on."""
        self._start_tls()

    def decode(self, raw: bytes) -> str:
        r"""Decode what a peer wrote, cut to its limit: UTF-8, other bytes as `\xNN`."""
        return decode_text(raw, self.limits.kept_text)

    # what it is built on

    def _withhold_unread(self) -> None:
        super()._withhold_unread()
        if self._speaker is not _SERVER and not self._have_both_ended():
            return
        parts = self._assemblies[_CLIENT].parts(_MOST_PARTS)
        if parts is None:
            self._withheld.withhold_all()
        else:
            for part in parts:
                self._withheld.add_line(part)

    def _anew(self, *, greeted: bool) -> MailDissector:
        return self.anew(greeted=greeted)

    def _line_reader(self, side: Side) -> Callable[[bytes], object] | None:
        if self._fragments[side].literal is not None or self._is_held(side):
            return None
        return self._receive_server if side else self._receive_client

    def _receive_client(self, fragment: bytes) -> None:
        self._receive(_CLIENT, fragment)

    def _receive_server(self, fragment: bytes) -> None:
        self._receive(_SERVER, fragment)

    def _is_held(self, side: Side) -> bool:
        """Whether the client's bytes wait for an answer that may still come."""
        if side is _SERVER or self._waits_for is None:
            return False
        client, server = self._input
        if server.has_ended or len(client) > self.limits.held:
            self._waits_for = None
        return self._waits_for is not None

    def _read(self, side: Side) -> None:
        unread, fragments = self._input[side], self._fragments[side]
        waited = self._waits_for
        while unread.data and not self._is_held(side):
            if fragments.literal is None and self._is_record_next(side):
                return
            fragment = fragments.take_fragment()
            if fragment is None:
                return
            if side is _CLIENT:
                self._note_place()
            if unread.overlong:
                self._cut_line(side, unread, fragment)
            else:
                self._receive(side, fragment)
            if waited is not None and self._waits_for is None:
                # what was held comes first
                return

    def _cut_line(self, side: Side, unread: LineBuffer, start: bytes) -> None:
        """A line is over the limit; a literal may be announced at its end."""
        unread.overlong = 0
        self._anomaly("line_too_long", side)
        self._assemblies[side].add(start)
        self._lose(side)

    def _receive(self, side: Side, fragment: bytes) -> None:
        """Take the next piece of a line."""
        assembly = self._assemblies[side]
        literal = find_literal(fragment)
        assembly.add(fragment)
        if literal is not None:
            assembly.begin = assembly.begin or self._last_line(side)
            sink = assembly.open_literal(literal.size)
            self._fragments[side].expect_literal(literal, sink)
            return
        self._assemblies[side] = Assembly(self.limits.line)
        self._take(side, assembly)

    def _take(self, side: Side, assembly: Assembly) -> None:
        line, self._begins[side] = assembly.line, assembly.begin
        if self._is_lost[side]:
            if not self.is_certain(side, line.text):
                if side is _CLIENT:
                    self.withhold_line(line)
                return
            self._is_lost[side] = False
        if side is _CLIENT:
            self.client_seen = True
            self.receive_client_line(line)
        else:
            self.receive_server_line(line)

    def _skip_gap(self, side: Side, length: int) -> None:
        if side is _SERVER:
            self._waits_for = None
            self._give_up(len(self.awaiting))
            self._is_stray = True
        elif self._waits_for is not None:
            self._waits_for = None
            self._read(_CLIENT)
        if not self._fragments[side].skip_gap(length):
            self._lose(side)

    def _lose(self, side: Side) -> None:
        """Where the next line of a side begins is not known."""
        assembly = self._assemblies[side]
        assembly.end_literal()
        self._assemblies[side] = Assembly(self.limits.line)
        if side is _CLIENT:
            self.withhold_line(assembly.line)
            if self._lost_after is None:
                self._lost_after = self.counts.exchanges
        self._is_lost[side] = True
        self.lose_track(side)

    def _is_to_lost_command(self) -> bool:
        """Whether an answer is to a command in a gap; nobody knows to how many."""
        if self._lost_after is None:
            return False
        if self.awaiting and self.awaiting[0].number <= self._lost_after:
            return False
        self._lost_after = None
        return True

    def _complete(
        self,
        exchange: Exchange,
        status: str,
        text: str | None,
        response_code: str | None,
    ) -> None:
        exchange.status, exchange.reply_text = status, text
        exchange.response_code = response_code
        exchange.reply_time_ns, exchange.reply_frame = self._time_ns, self._frame
        self._report(exchange)
        if exchange is self._waits_for:
            self._waits_for = None

    def _give_up(self, count: int) -> None:
        """No answer will be seen to the oldest commands."""
        for exchange in self.awaiting[:count]:
            self._report(exchange)
        del self.awaiting[:count]

    def _finish(self) -> None:
        self._waits_for = None
        for side in Side:
            self._read(side)
            unread, fragments = self._input[side], self._fragments[side]
            rest = b"" if fragments.in_literal else unread.take_unfinished_line()
            fragments.abandon()
            assembly = self._assemblies[side]
            self._assemblies[side] = Assembly(self.limits.line)
            assembly.add(rest)
            if assembly.line.text:
                assembly.line.is_whole = False
                self._take(side, assembly)
        self.conclude()
        self._give_up(len(self.awaiting))

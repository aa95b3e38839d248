"""For plug-ins: protocols of text lines with literals, answered in order.

`TextDialogue` is what the dialogue of another protocol derives from. It finds literals
(`{5}` or `{5+}` at the end of a line, RFC 9051 §4.3), pairs answers with commands, and
copes with gaps, with sides that were not captured and with limits. What the lines mean
is the protocol's: it implements the methods that say so. All names that it defines
without an underscore are the interface, and stay; what it implements and inherits of
`Dialogue` is between it and the connection, which tells lines from TLS.

Memory per connection is bounded by `Limits`: a line with its literals for each side,
the commands without answer, and the client's bytes that wait for an answer. The cost is
linear in the bytes.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

from dissectors.conversation.dialogue import Dialogue
from dissectors.conversation.lines import decode_text
from dissectors.conversation.literals import FragmentReader, find_literal
from dissectors.conversation.text_line import Assembly, AssemblyReporter, TextLine
from dissectors.credentials.sasl import SaslExchange
from dissectors.events import Event, Exchange, ExchangeKind, Side
from dissectors.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from dissectors.conversation.lines import LineBuffer, Place
    from dissectors.limits import Limits

__all__ = ["TextDialogue", "TextLine"]

# a member of an enum costs more to look up
_CLIENT, _SERVER = Side


class TextDialogue(Dialogue):
    """Reads a protocol of text: subclass it, and say what the lines mean.

    A protocol implements `new_inside` of `Dialogue`, and what is abstract here.

    Attributes:
        awaiting: the commands that wait for their answers, the oldest first.
        client_seen: whether the client has said anything that was captured.
    """

    __slots__ = (
        "_assemblies",
        "_begins",
        "_fragments",
        "_is_stray",
        "_lost_after",
        "_waits_for",
        "awaiting",
        "client_seen",
    )

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        reporter = AssemblyReporter(limits)
        super().__init__(reporter)
        self.awaiting: list[Exchange] = []
        self.client_seen = False
        client, server = self.streams
        self._fragments = (FragmentReader(client), FragmentReader(server))
        self._assemblies = reporter.assemblies
        # where the last lines began, if they had literals
        self._begins: list[Place | None] = [None, None]
        # commands were lost behind this one, so that answers may be theirs
        self._lost_after: int | None = None
        # answers may be to commands that were given up, as some are in a gap
        self._is_stray = False
        self._waits_for: Exchange | None = None

    # what a protocol implements

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
        number = self.reporter.next_number()
        exchange = Exchange(
            number,
            ExchangeKind.COMMAND,
            verb,
            argument,
            self.reporter.time_ns,
            self.reporter.frame,
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
        number = self.reporter.next_number()
        self._complete(Exchange(number, kind), status, text, response_code)

    def report(self, *events: Event) -> None:
        """Report what happened; in what the server said, nothing withheld is shown."""
        self.reporter.report(*events)

    def report_anomaly(self, code: str, side: Side, detail: str = "") -> None:
        """Report something odd about the last line of a side.

        Args:
            code: of `dissectors.anomalies`, or one of the protocol's own.
            side: whose line.
            detail: a few words; what is withheld is not shown in them either.
        """
        self.reporter.withhold_unread()
        detail = self.reporter.withheld.mask(detail)
        self.reporter.anomaly(code, side, detail, at=self._begins[side])

    def use_extension(self, name: str) -> None:
        """Report, once, that something the server announced was used."""
        self.reporter.use_extension(name)

    def withhold(self, secret: bytes, shown: Iterable[str | None] = ()) -> None:
        """Show a secret nowhere, also where the server repeats it, in any spelling.

        Args:
            secret: as the client sent it.
            shown: names in it that may be shown.
        """
        self.reporter.withheld.add_login(secret, shown)

    def withhold_all(self) -> None:
        """Show nothing more of what the server says: part of a secret is missing.

        What is repeated of it could not be told from other words.
        """
        self.reporter.withheld.withhold_all()

    def begin_login(self, mechanism: bytes, offered: Container[str]) -> SaslExchange:
        """Return what reads a login by SASL, and withholds all that is secret in it.

        Args:
            mechanism: as the client named it.
            offered: the mechanisms that the server offers; others must be well known
                to be shown.
        """
        return SaslExchange(mechanism, self.reporter.withheld, offered)

    def withhold_line(self, line: TextLine) -> None:
        """Withhold what is not understood, as it may be anything."""
        if not line.is_whole:
            self.reporter.withheld.withhold_all()
        self.reporter.withheld.add_line(line.text)
        for literal in line.literals:
            if literal is None:
                self.reporter.withheld.withhold_all()
            else:
                self.reporter.withheld.add_line(literal)

    def start_tls(self) -> None:
        """Learn that both sides speak TLS from here on."""
        self.plaintext.start_tls()

    def decode(self, raw: bytes) -> str:
        r"""Decode what a peer wrote, cut to its limit: UTF-8, other bytes as `\xNN`."""
        return decode_text(raw, self.limits.kept_text)

    # what a connection calls

    def line_reader(self, side: Side) -> Callable[[bytes], object] | None:
        """Return what takes the next line, unless it is behind a literal, or waits."""
        if self._fragments[side].literal is not None or self._is_held(side):
            return None
        return self._receive_server if side else self._receive_client

    def is_behind_literal(self, side: Side) -> bool:
        """Return whether the next line of a side goes on behind a literal."""
        return self._fragments[side].literal is not None

    def _receive_client(self, fragment: bytes) -> None:
        self._receive(_CLIENT, fragment)

    def _receive_server(self, fragment: bytes) -> None:
        self._receive(_SERVER, fragment)

    def _is_held(self, side: Side) -> bool:
        """Return whether the client's bytes wait for an answer that may still come."""
        if side is _SERVER or self._waits_for is None:
            return False
        client, server = self.streams
        if server.has_ended or len(client) > self.limits.held:
            self._waits_for = None
        return self._waits_for is not None

    def read(self, side: Side) -> None:
        """Read what can be read of a side's lines and literals."""
        unread, fragments = self.streams[side], self._fragments[side]
        waited = self._waits_for
        while unread.data and not self._is_held(side):
            if fragments.literal is None and self.plaintext.is_record_next(side):
                return
            fragment = fragments.take_fragment()
            if fragment is None:
                return
            if side is _CLIENT:
                self.plaintext.note_place()
            if unread.overlong:
                self._cut_line(side, unread, fragment)
            else:
                self._receive(side, fragment)
            if waited is not None and self._waits_for is None:
                # what was held comes first
                return

    def _cut_line(self, side: Side, unread: LineBuffer, start: bytes) -> None:
        """Cut a line over the limit; a literal may be announced at its end."""
        unread.overlong = 0
        self.reporter.anomaly("line_too_long", side)
        self._assemblies[side].add(start)
        self._lose(side)

    def _receive(self, side: Side, fragment: bytes) -> None:
        """Take the next piece of a line."""
        assembly = self._assemblies[side]
        literal = find_literal(fragment)
        assembly.add(fragment)
        if literal is not None:
            assembly.begin = assembly.begin or self.reporter.last_line(side)
            sink = assembly.open_literal(literal.size)
            self._fragments[side].expect_literal(literal, sink)
            return
        self._assemblies[side] = Assembly(self.limits.line)
        self._take(side, assembly)

    def _take(self, side: Side, assembly: Assembly) -> None:
        line, self._begins[side] = assembly.line, assembly.begin
        if self.streams[side].is_lost:
            if not self.is_certain(side, line.text):
                if side is _CLIENT:
                    self.withhold_line(line)
                return
            self.streams[side].is_lost = False
        if side is _CLIENT:
            self.client_seen = True
            self.receive_client_line(line)
        else:
            self.receive_server_line(line)

    def skip_gap(self, side: Side, length: int) -> None:
        """Deal with a gap: only inside a literal is it known what is missing."""
        if side is _SERVER:
            self._waits_for = None
            self._give_up(len(self.awaiting))
            self._is_stray = True
        elif self._waits_for is not None:
            self._waits_for = None
            self.read(_CLIENT)
        if not self._fragments[side].skip_gap(length):
            self._lose(side)

    def _lose(self, side: Side) -> None:
        """Wait for what surely is a line of a side."""
        assembly = self._assemblies[side]
        assembly.end_literal()
        self._assemblies[side] = Assembly(self.limits.line)
        if side is _CLIENT:
            self.withhold_line(assembly.line)
            if self._lost_after is None:
                self._lost_after = self.reporter.counts.exchanges
        self.streams[side].is_lost = True
        self.lose_track(side)

    def _is_to_lost_command(self) -> bool:
        """Return whether an answer is to a lost command; nobody knows how many."""
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
        exchange.reply_time_ns, exchange.reply_frame = (
            self.reporter.time_ns,
            self.reporter.frame,
        )
        self.reporter.report(exchange)
        if exchange is self._waits_for:
            self._waits_for = None

    def _give_up(self, count: int) -> None:
        """Report the oldest commands, to which no answer will be seen."""
        for exchange in self.awaiting[:count]:
            self.reporter.report(exchange)
        del self.awaiting[:count]

    def finish(self) -> None:
        """Learn that nothing follows: take what there is of the last lines."""
        self._waits_for = None
        for side in Side:
            self.read(side)
            unread, fragments = self.streams[side], self._fragments[side]
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

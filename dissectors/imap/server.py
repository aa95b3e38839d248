"""The server's side of IMAP: greeting, responses, and the literals in them.

A tagged response completes its command; untagged ones tell what commands do, and what
the mailbox holds. After a gap, responses are taken up again with the first line that
can't be anything else.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from dissectors.conversation.lines import decode_text
from dissectors.conversation.literals import FragmentReader, find_literal
from dissectors.events import Exchange, ExchangeKind, Side, State
from dissectors.imap import grammar
from dissectors.imap.commands import Leave, Response
from dissectors.imap.outcomes import describe_greeting, describe_software
from dissectors.imap.partial_fetches import is_piece
from dissectors.imap.retrieval import may_hold_message
from dissectors.imap.states import FETCHING, MAX_DIGITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.imap.client import ClientReader
    from dissectors.imap.commands import ImapReporter
    from dissectors.imap.states import SessionState

# a member of an enum costs more to look up
_SERVER = Side.SERVER

_STATUSES = {b"OK": "OK", b"NO": "NO", b"BAD": "BAD"}
_UNTAGGED_STATUSES = frozenset({*_STATUSES, b"BYE", b"PREAUTH"})

_LISTING = ("LIST", "LSUB", "XLIST")
_GREETED_STATES = {
    b"OK": State.NOT_AUTHENTICATED,
    b"PREAUTH": State.AUTHENTICATED,
}


class OpenResponse(enum.Enum):
    """What a response is of which there is more behind a literal."""

    FETCH = enum.auto()
    # nothing of it is read
    SKIPPED = enum.auto()


class ServerReader:
    """Reads what the server sends.

    Args:
        reporter: takes what happens.
        session: learns what responses tell of it.
        client: has the commands that they complete.

    Attributes:
        fragments: takes the server's lines and literals apart.
        expects_greeting: what comes next may be the greeting.
    """

    __slots__ = (
        "_client",
        "_client_stream",
        "_commands",
        "_limits",
        "_listed",
        "_open_response",
        "_reporter",
        "_server",
        "_session",
        "expects_greeting",
        "fragments",
    )

    def __init__(
        self, reporter: ImapReporter, session: SessionState, client: ClientReader
    ) -> None:
        self._reporter = reporter
        self._commands = reporter.commands
        self._limits = reporter.limits
        self._client_stream, self._server = reporter.streams
        self._session = session
        self._client = client
        self.fragments = FragmentReader(self._server)
        self.expects_greeting = True
        # the response that goes on behind a literal
        self._open_response: OpenResponse | None = None
        # the names of mailboxes that were listed, by their hashes
        self._listed: dict[int, None] = {}

    def lose_track(self) -> None:
        """Learn that it is not known where the next response begins."""
        self._server.is_lost = True
        self._open_response = None

    def receive(self, fragment: bytes) -> None:
        """Take a response, or the next piece of one."""
        open_response = self._open_response
        if open_response is OpenResponse.FETCH:
            self._continue_fetch(fragment)
        elif open_response is OpenResponse.SKIPPED:
            self._skip_literals(fragment)
        elif self._server.is_lost and not self._is_surely_response(fragment):
            return
        elif fragment.startswith(b"* "):
            self._receive_untagged(fragment)
        elif fragment.startswith(b"+"):
            self._receive_continuation_request(fragment)
        elif fragment:
            self._receive_tagged(fragment)

    def _is_surely_response(self, line: bytes) -> bool:
        """Return whether a line behind a gap is a response, not part of a message."""
        is_sure = grammar.begins_response(line)
        if not is_sure and grammar.begins_tagged_response(line):
            is_any_tag = self._client_stream.gap_count or not self._client.has_spoken
            is_sure = bool(is_any_tag) or line.partition(b" ")[0] in self._commands
        self._server.is_lost = not is_sure
        return is_sure

    def _receive_untagged(self, line: bytes) -> None:
        words = line.split(b" ", 3)
        name = words[1].upper()
        if name.isdigit() and len(words) > 2:
            number, name = name, words[2].upper()
            if name == b"FETCH":
                self._receive_fetch(number, line)
                return
            if name == b"EXPUNGE":
                self._session.expunge(number)
            elif name == b"EXISTS":
                self._session.count_existing(number)
        elif name in _UNTAGGED_STATUSES:
            self._receive_status(name, line[3 + len(name) :])
            return
        else:
            on_data = _ON_DATA.get(name)
            if on_data is not None:
                on_data(self, line[3 + len(name) :])
        self.expects_greeting = False
        if line.endswith(b"}"):
            self._skip_literals(line)

    def _receive_capability_data(self, data: bytes) -> None:
        self._session.receive_capability_data(data)

    def _receive_id(self, params: bytes) -> None:
        self._reporter.report(*describe_software(_SERVER, params, self._limits))

    def _receive_enabled(self, capability_data: bytes) -> None:
        for word in capability_data.split():
            self._reporter.use_extension(decode_text(word, 64).upper())

    def _receive_vanished(self, data: bytes) -> None:
        """Act on VANISHED (RFC 7162 §3.2.10), perhaps of former sessions."""
        self._reporter.use_extension("QRESYNC")
        if data[:9].upper() == b"(EARLIER)":
            self._session.mailbox.learn_of_changes()
        else:
            self._session.count_expunged(grammar.count_uids(data))

    def _receive_listed(self, data: bytes) -> None:
        """Count a mailbox, once; RFC 9051 §6.3.9: an empty name is that of none."""
        command = self._commands.first(*_LISTING)
        name = grammar.parse_listed(data)
        if command is None or name == b"":
            return
        known = self._listed
        if name is None or len(known) >= self._limits.list_items:
            command.affected += 1
        elif (key := hash(name)) not in known:
            known[key] = None
            command.affected += 1

    def _skip_literals(self, fragment: bytes) -> None:
        """Pass over a response, or the rest of one, that needs no reading."""
        self._open_response = None
        literal = find_literal(fragment)
        if literal is not None:
            self._open_response = OpenResponse.SKIPPED
            self.fragments.expect_literal(literal, None)

    def _receive_fetch(self, number: bytes, line: bytes) -> None:
        if len(number) <= MAX_DIGITS:
            self._session.see_message(int(number), line)
        if line.endswith(b"}") or may_hold_message(line) or is_piece(line):
            self._session.fetches.open_response(number)
            self._continue_fetch(line)

    def _continue_fetch(self, fragment: bytes) -> None:
        literal = find_literal(fragment)
        sink = self._session.fetches.read_fragment(fragment, literal)
        if literal is not None:
            self._open_response = OpenResponse.FETCH
            self.fragments.expect_literal(literal, sink)
            return
        self._open_response = None
        command = self._commands.first(*FETCHING)
        asked = None if command is None else command.asked_chunk
        self._session.fetches.close_response(asked)

    def _receive_status(self, status: bytes, text: bytes) -> None:
        is_bye = status == b"BYE"
        is_leaving = is_bye and self._commands.first("LOGOUT") is not None
        if self.expects_greeting and not is_leaving and grammar.may_greet(text):
            self._reporter.report(describe_greeting(text, self._limits))
            self._report_untagged(ExchangeKind.GREETING, status, text)
            if status in _GREETED_STATES:
                self._session.enter(_GREETED_STATES[status])
        elif is_bye and not is_leaving:
            self._report_untagged(ExchangeKind.UNSOLICITED, status, text)
        elif status == b"BAD":
            self._receive_untagged_bad(text)
        if is_bye:
            self._session.enter(State.LOGOUT)
        self.expects_greeting = False
        self._read_code(grammar.parse_response_code(text), text, is_untagged=True)

    def _receive_untagged_bad(self, text: bytes) -> None:
        """Act on the error of a command that isn't named (RFC 9051 §7.1.3)."""
        if not self._commands:
            return
        oldest = self._commands.oldest()
        if oldest.is_untidy and oldest is not self._commands.open:
            self._client.end_command(oldest, self._response("* BAD", text))

    def _receive_continuation_request(self, line: bytes) -> None:
        authenticate = self._commands.first("AUTHENTICATE")
        if authenticate is not None and authenticate.sasl is not None:
            authenticate.sasl.receive_challenge(line[2:])
            self._client.logins.is_challenged = True
        command = self._commands.open
        if command is not None and command.literal is not None:
            # the client may send its literal now
            command.literal.leave = Leave.GIVEN
            command.literal.since_ns = self._reporter.time_ns

    def _receive_tagged(self, line: bytes) -> None:
        self.expects_greeting = False
        tag, _, rest = line.partition(b" ")
        word, _, text = rest.partition(b" ")
        status = _STATUSES.get(word.upper())
        if status is None:
            self._reporter.anomaly("imap_invalid_response", _SERVER)
            return
        response = self._response(status, text)
        command = self._commands.oldest_of_tag(tag)
        if command is None:
            if self._client.has_spoken and not self._client_stream.gap_count:
                self._reporter.anomaly("imap_unknown_tag", _SERVER)
            self._report_response(ExchangeKind.COMMAND, response)
        else:
            # RFC 9051 §4.3: the client doesn't send a literal that is refused
            is_open = command is self._commands.open
            is_refused = is_open and status != "OK" and command.awaits_leave
            if is_refused and self._client.withhold_literal(command):
                self._client.close_command(command)
            self._client.end_command(command, response)
        self._read_code(response.code, text)

    def _read_code(
        self, code: str | None, text: bytes, *, is_untagged: bool = False
    ) -> None:
        if code == "CAPABILITY":
            self._session.receive_capabilities(text[12:].partition(b"]")[0])
        elif code == "COPYUID":
            self._reporter.use_extension("UIDPLUS")
            # RFC 6851 §4.3: of MOVE, it comes with an untagged OK
            move = self._commands.first("MOVE", "UID MOVE")
            if move is not None and is_untagged:
                move.copied += grammar.count_copied(text)
        elif code == "APPENDUID":
            self._reporter.use_extension("UIDPLUS")

    # reports

    def _response(self, status: str, text: bytes) -> Response:
        code, reporter = grammar.parse_response_code(text), self._reporter
        return Response(status, text, code, reporter.time_ns, reporter.frame)

    def _report_untagged(self, kind: ExchangeKind, status: bytes, text: bytes) -> None:
        response = self._response(f"* {status.decode()}", text)
        self._report_response(kind, response)

    def _report_response(self, kind: ExchangeKind, response: Response) -> None:
        exchange = Exchange(self._reporter.next_number(), kind)
        response.describe(exchange, self._limits.kept_text)
        self._reporter.report(exchange)


_ON_DATA: dict[bytes, Callable[[ServerReader, bytes], None]] = {
    b"CAPABILITY": ServerReader._receive_capability_data,
    b"ENABLED": ServerReader._receive_enabled,
    b"ID": ServerReader._receive_id,
    b"LIST": ServerReader._receive_listed,
    b"LSUB": ServerReader._receive_listed,
    b"VANISHED": ServerReader._receive_vanished,
    b"XLIST": ServerReader._receive_listed,
}

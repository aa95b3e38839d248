"""The IMAP session machine (RFC 9051, RFC 3501): the server's side, and the whole.

Handled: greeting, capabilities, STARTTLS, LOGIN, AUTHENTICATE with SASL-IR
(RFC 4959), ID (RFC 2971), IDLE (RFC 2177), mailbox selection, messages that
APPEND (RFC 3502 and 4469 too) and REPLACE (RFC 8508) carry, messages and pieces of
them that FETCH carries, flags, copies, moves (RFC 6851) and expunges (also RFC 7162
VANISHED), literals anywhere (RFC 7888), COMPRESS (RFC 4978). Every other command is
framed, paired with its tagged response and reported. Left out: the results of SEARCH,
SORT and THREAD, quotas, rights, annotations and the data of STATUS.

The two sides are read on their own; what joins them is the tag of a command.
After a gap in its stream, a side is taken up again with the first line that
can't be anything but a command or a response. A tag or a message that lost some
of its bytes is never completed from the other side of the gap.

Memory per connection: the commands in progress, the text of one response, one
message in each direction, the previews of `pieces`, all within `Limits`. The cost is
linear in the bytes.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from dissectors.conversation.dialogue import Dialogue
from dissectors.conversation.lines import decode_text
from dissectors.conversation.literals import FragmentReader, find_literal
from dissectors.conversation.logins import Logins
from dissectors.events import (
    Exchange,
    ExchangeKind,
    Side,
    State,
)
from dissectors.imap import grammar
from dissectors.imap.client import ClientReader
from dissectors.imap.commands import ImapReporter, Leave, Response
from dissectors.imap.outcomes import (
    describe_greeting,
    describe_software,
    set_response,
)
from dissectors.imap.partial_fetches import is_piece
from dissectors.imap.retrieval import may_hold_message
from dissectors.imap.states import FETCHING, MAX_DIGITS, SessionState
from dissectors.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.limits import Limits

# a member of an enum costs more to look up
_CLIENT, _SERVER = Side

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


class ImapDialogue(Dialogue):
    """Reads one IMAP session."""

    __slots__ = (
        "_client",
        "_commands",
        "_expects_greeting",
        "_fragments",
        "_listed",
        "_open_response",
        "_session",
    )

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        reporter = ImapReporter(limits)
        super().__init__(reporter)
        logins = Logins()
        self._commands = reporter.commands
        self._session = SessionState(reporter, logins)
        self._client = ClientReader(reporter, self.plaintext, self._session, logins)
        server = FragmentReader(self.streams[_SERVER])
        self._fragments = (self._client.fragments, server)
        self._expects_greeting = True
        # the response that goes on behind a literal
        self._open_response: OpenResponse | None = None
        # the names of mailboxes that were listed, by their hashes
        self._listed: dict[int, None] = {}

    def new_inside(self, *, greeted: bool) -> ImapDialogue:
        """Return what reads the session inside TLS."""
        inside = ImapDialogue(self.limits)
        inside._expects_greeting = not greeted
        return inside

    def line_reader(self, side: Side) -> Callable[[bytes], object] | None:
        """Return what acts on the next line of a side, unless it must be looked at."""
        if self.plaintext.hands_over or self._fragments[side].literal is not None:
            return None
        if side is _SERVER:
            return self._receive_response
        return None if self._client.may_switch else self._client.receive

    def read(self, side: Side) -> None:
        """Read what can be read of a side's lines and literals."""
        client, plaintext = self._client, self.plaintext
        client.is_paused = side is _CLIENT and client.waits_for_switch()
        unread, fragments = self.streams[side], self._fragments[side]
        receive = self._receive_response if side else client.receive
        while unread.data and not (client.is_paused or plaintext.hands_over):
            if fragments.literal is None and plaintext.is_record_next(side):
                return
            fragment = fragments.take_fragment()
            if fragment is None:
                if not unread.has_ended or fragments.in_literal:
                    return
                fragment = unread.take_unfinished_line()
                client.logins.is_cut = side is _CLIENT
            if side is _CLIENT:
                plaintext.note_place()
            receive(fragment)
            if unread.overlong:
                unread.overlong = 0
                self.reporter.anomaly("line_too_long", side)
                # the rest of the line is skipped, and a literal's size with it
                self._lose_track(side)

    def skip_gap(self, side: Side, length: int) -> None:
        """Deal with a gap: only inside a literal is it known what is missing."""
        self.streams[side].gap_count += 1
        if side is _SERVER:
            self._expects_greeting = False
        if self.plaintext.decoder is not None:
            # how much is missing of what was compressed, nobody knows
            self._fragments[side].abandon()
            self.streams[side].drop()
            self._lose_track(side)
            self.plaintext.lose_decoder(side, "imap_compression_lost")
        elif not self._fragments[side].skip_gap(length):
            self._lose_track(side)

    def finish(self) -> None:
        """Learn that nothing follows: report all that is in progress."""
        client, commands = self._client, self._commands
        if commands.open is not None:
            client.withhold_literal(commands.open)
        for fragments in self._fragments:
            fragments.abandon()
        for command in commands:
            client.end_command(command, None)
        if commands.open is not None:
            client.close_command(commands.open)
        self._session.leave_mailbox()

    def _lose_track(self, side: Side) -> None:
        """Wait for what surely is a command or response."""
        if side is _SERVER:
            self.streams[_SERVER].is_lost = True
            self._open_response = None
        else:
            self._client.lose_track()

    # The server's side

    def _receive_response(self, fragment: bytes) -> None:
        open_response = self._open_response
        if open_response is OpenResponse.FETCH:
            self._continue_fetch(fragment)
        elif open_response is OpenResponse.SKIPPED:
            self._skip_literals(fragment)
        elif self.streams[1].is_lost and not self._is_surely_response(fragment):
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
            is_any_tag = self.streams[0].gap_count or not self._client.has_spoken
            is_sure = bool(is_any_tag) or line.partition(b" ")[0] in self._commands
        self.streams[1].is_lost = not is_sure
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
        self._expects_greeting = False
        if line.endswith(b"}"):
            self._skip_literals(line)

    def _receive_capability_data(self, data: bytes) -> None:
        self._session.receive_capability_data(data)

    def _receive_id(self, params: bytes) -> None:
        self.reporter.report(*describe_software(_SERVER, params, self.limits))

    def _receive_enabled(self, capability_data: bytes) -> None:
        for word in capability_data.split():
            self.reporter.use_extension(decode_text(word, 64).upper())

    def _receive_vanished(self, data: bytes) -> None:
        """Act on VANISHED (RFC 7162 §3.2.10), perhaps of former sessions."""
        self.reporter.use_extension("QRESYNC")
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
        if name is None or len(known) >= self.limits.list_items:
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
            self._fragments[_SERVER].expect_literal(literal, None)

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
            self._fragments[1].expect_literal(literal, sink)
            return
        self._open_response = None
        command = self._commands.first(*FETCHING)
        asked = None if command is None else command.asked_chunk
        self._session.fetches.close_response(asked)

    def _receive_status(self, status: bytes, text: bytes) -> None:
        is_bye = status == b"BYE"
        is_leaving = is_bye and self._commands.first("LOGOUT") is not None
        if self._expects_greeting and not is_leaving and grammar.may_greet(text):
            self.reporter.report(describe_greeting(text, self.limits))
            self._report_untagged(ExchangeKind.GREETING, status, text)
            if status in _GREETED_STATES:
                self._session.enter(_GREETED_STATES[status])
        elif is_bye and not is_leaving:
            self._report_untagged(ExchangeKind.UNSOLICITED, status, text)
        elif status == b"BAD":
            self._receive_untagged_bad(text)
        if is_bye:
            self._session.enter(State.LOGOUT)
        self._expects_greeting = False
        self._read_code(grammar.parse_response_code(text), text, is_untagged=True)

    def _receive_untagged_bad(self, text: bytes) -> None:
        """Act on the error of a command that isn't named (RFC 9051 §7.1.3)."""
        if not self._commands:
            return
        oldest = self._commands.oldest()
        if oldest.is_untidy and oldest is not self._commands.open:
            code = grammar.parse_response_code(text)
            at = self.reporter.time_ns, self.reporter.frame
            self._client.end_command(oldest, Response("* BAD", text, code, *at))

    def _receive_continuation_request(self, line: bytes) -> None:
        authenticate = self._commands.first("AUTHENTICATE")
        if authenticate is not None and authenticate.sasl is not None:
            authenticate.sasl.receive_challenge(line[2:])
            self._client.logins.is_challenged = True
        command = self._commands.open
        if command is not None and command.literal is not None:
            # the client may send its literal now
            command.literal.leave = Leave.GIVEN
            command.literal.since_ns = self.reporter.time_ns

    def _receive_tagged(self, line: bytes) -> None:
        self._expects_greeting = False
        tag, _, rest = line.partition(b" ")
        word, _, text = rest.partition(b" ")
        status = _STATUSES.get(word.upper())
        if status is None:
            self.reporter.anomaly("imap_invalid_response", _SERVER)
            return
        code = grammar.parse_response_code(text)
        response = Response(
            status, text, code, self.reporter.time_ns, self.reporter.frame
        )
        command = self._commands.oldest_of_tag(tag)
        if command is None:
            if self._client.has_spoken and not self.streams[0].gap_count:
                self.reporter.anomaly("imap_unknown_tag", _SERVER)
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
            self.reporter.use_extension("UIDPLUS")
            # RFC 6851 §4.3: of MOVE, it comes with an untagged OK
            move = self._commands.first("MOVE", "UID MOVE")
            if move is not None and is_untagged:
                move.copied += grammar.count_copied(text)
        elif code == "APPENDUID":
            self.reporter.use_extension("UIDPLUS")

    # Reports

    def _report_untagged(self, kind: ExchangeKind, status: bytes, text: bytes) -> None:
        status_shown = f"* {status.decode()}"
        code = grammar.parse_response_code(text)
        response = Response(
            status_shown, text, code, self.reporter.time_ns, self.reporter.frame
        )
        self._report_response(kind, response)

    def _report_response(self, kind: ExchangeKind, response: Response) -> None:
        exchange = Exchange(self.reporter.next_number(), kind)
        set_response(exchange, response, self.limits)
        self.reporter.report(exchange)


_ON_DATA: dict[bytes, Callable[[ImapDialogue, bytes], None]] = {
    b"CAPABILITY": ImapDialogue._receive_capability_data,
    b"ENABLED": ImapDialogue._receive_enabled,
    b"ID": ImapDialogue._receive_id,
    b"LIST": ImapDialogue._receive_listed,
    b"LSUB": ImapDialogue._receive_listed,
    b"VANISHED": ImapDialogue._receive_vanished,
    b"XLIST": ImapDialogue._receive_listed,
}

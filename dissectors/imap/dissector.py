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

from typing import TYPE_CHECKING

from dissectors.conversation.lines import decode_text
from dissectors.conversation.literals import find_literal
from dissectors.events import (
    Exchange,
    ExchangeKind,
    Side,
    State,
)
from dissectors.imap import grammar
from dissectors.imap.commands import Response
from dissectors.imap.fetch import may_hold_message
from dissectors.imap.outcomes import (
    describe_greeting,
    describe_software,
    set_response,
)
from dissectors.imap.pieces import is_piece
from dissectors.imap.states import FETCHING, MAX_DIGITS, StateReader
from dissectors.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.imap.commands import ImapCommand
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


class ImapDissector(StateReader):
    """A sans-IO machine for one IMAP connection."""

    __slots__ = (
        "_continuation",
        "_expects_greeting",
        "_listed",
    )

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(limits)
        self._expects_greeting = True
        # what reads the fragment behind a literal in a response
        self._continuation: Callable[[bytes], None] | None = None
        # the names of mailboxes that were listed, by their hashes
        self._listed: dict[int, None] = {}

    def _anew(self, *, greeted: bool) -> ImapDissector:
        other = ImapDissector(self.limits)
        other._expects_greeting = not greeted
        return other

    def _line_reader(self, side: Side) -> Callable[[bytes], object] | None:
        if self._hands_over or self._fragments[side].literal is not None:
            return None
        if side is _SERVER:
            return self._receive_response
        return self._receive_command if self._switch is None else None

    def _read(self, side: Side) -> None:
        self._paused = side is Side.CLIENT and self._waits_for_switch()
        unread, fragments = self._input[side], self._fragments[side]
        receive = self._receive_response if side else self._receive_command
        while unread.data and not (self._paused or self._hands_over):
            if fragments.literal is None and self._is_record_next(side):
                return
            fragment = fragments.take_fragment()
            if fragment is None:
                if not unread.has_ended or fragments.in_literal:
                    return
                fragment = unread.take_unfinished_line()
                self._input[0].is_cut = side is _CLIENT
            if side is _CLIENT:
                self._note_place()
            receive(fragment)
            if unread.overlong:
                unread.overlong = 0
                self._anomaly("line_too_long", side)
                # the rest of the line is skipped, and a literal's size with it
                self._lose_track(side)

    def _skip_gap(self, side: Side, length: int) -> None:
        self._input[side].gaps += 1
        if side is Side.SERVER:
            self._expects_greeting = False
        if self._inflaters is not None:
            # how much is missing of what was compressed, nobody knows
            self._fragments[side].abandon()
            self._input[side].drop()
            self._lose_track(side)
            self._lose_stream(side, "imap_compression_lost")
        elif not self._fragments[side].skip_gap(length):
            self._lose_track(side)

    def _finish(self) -> None:
        if self._open is not None:
            self._withhold_literal(self._open)
        for fragments in self._fragments:
            fragments.abandon()
        for command in self._in_progress:
            self._end_command(command, None)
        if self._open is not None:
            self._close_command(self._open)
        self._leave()

    def _release(self) -> None:
        self._fetches.release()

    def _lose_track(self, side: Side) -> None:
        """Where the next command or response begins is not known."""
        if side is Side.SERVER:
            self._input[1].is_lost = True
            self._continuation = None
        else:
            authenticate = self._in_progress.first("AUTHENTICATE")
            in_progress = authenticate.sasl if authenticate is not None else None
            for sasl in (in_progress, self._logins.unfinished):
                if sasl is not None:
                    sasl.receive_gap()
            self._input[0].is_lost = True
            if self._open is not None:
                self._close_command(self._open)

    # The server's side

    def _receive_response(self, fragment: bytes) -> None:
        if self._continuation is not None:
            self._continuation(fragment)
        elif self._input[1].is_lost and not self._is_surely_response(fragment):
            return
        elif fragment.startswith(b"* "):
            self._receive_untagged(fragment)
        elif fragment.startswith(b"+"):
            self._receive_continuation_request(fragment)
        elif fragment:
            self._receive_tagged(fragment)

    def _is_surely_response(self, line: bytes) -> bool:
        """Whether a line behind a gap is a response and not part of a message."""
        is_sure = grammar.begins_response(line)
        if not is_sure and grammar.begins_tagged_response(line):
            is_any_tag = self._input[0].gaps or not self._command_seen
            is_sure = bool(is_any_tag) or line.partition(b" ")[0] in self._in_progress
        self._input[1].is_lost = not is_sure
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
                if self._stay.flags is not None and len(number) <= MAX_DIGITS:
                    self._stay.flags.expunge(int(number))
                self._count_expunged(1)
            elif name == b"EXISTS":
                self._count_existing(number)
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

    def _receive_id(self, params: bytes) -> None:
        self._report(*describe_software(Side.SERVER, params, self.limits))

    def _receive_enabled(self, capability_data: bytes) -> None:
        for word in capability_data.split():
            self._use_extension(decode_text(word, 64).upper())

    def _receive_vanished(self, data: bytes) -> None:
        """RFC 7162 §3.2.10: like EXPUNGE, or what was expunged in former sessions."""
        self._use_extension("QRESYNC")
        if data[:9].upper() == b"(EARLIER)":
            self._stay.asked_for_changes = True
        else:
            self._count_expunged(grammar.count_uids(data))

    def _receive_listed(self, data: bytes) -> None:
        """Count a mailbox, once; RFC 9051 §6.3.9: an empty name is that of none."""
        command = self._in_progress.first(*_LISTING)
        name = grammar.parse_listed(data)
        if command is None or name == b"":
            return
        known = self._listed
        if name is None or len(known) >= self.limits.list_items:
            command.listed += 1
        elif (key := hash(name)) not in known:
            known[key] = None
            command.listed += 1

    def _skip_literals(self, fragment: bytes) -> None:
        """Pass over a response, or the rest of one, that needs no reading."""
        self._continuation = None
        literal = find_literal(fragment)
        if literal is not None:
            self._continuation = self._skip_literals
            self._fragments[Side.SERVER].expect_literal(literal, None)

    def _receive_fetch(self, number: bytes, line: bytes) -> None:
        if len(number) <= MAX_DIGITS:
            if b"FLAGS" in line:
                self._see_flags(int(number), line)
            if self._in_progress.first(*FETCHING) is not None:
                self._stay.see_message(int(number))
        if line.endswith(b"}") or may_hold_message(line) or is_piece(line):
            self._fetches.open_response(number)
            self._continue_fetch(line)

    def _continue_fetch(self, fragment: bytes) -> None:
        literal = find_literal(fragment)
        sink = self._fetches.read_fragment(fragment, literal, self._time_ns)
        if literal is not None:
            self._continuation = self._continue_fetch
            self._fragments[1].expect_literal(literal, sink)
            return
        self._continuation = None
        command = self._in_progress.first(*FETCHING)
        asked = None if command is None else command.asked_chunk
        at = (self._time_ns, self._frame)
        for preview in self._fetches.close_response(asked, *at):
            self._report_preview(preview)

    def _receive_status(self, status: bytes, text: bytes) -> None:
        is_bye = status == b"BYE"
        is_leaving = is_bye and self._in_progress.first("LOGOUT") is not None
        if self._expects_greeting and not is_leaving and grammar.may_greet(text):
            self._report(describe_greeting(text, self.limits))
            self._report_untagged(ExchangeKind.GREETING, status, text)
            if status in _GREETED_STATES:
                self._enter(_GREETED_STATES[status])
        elif is_bye and not is_leaving:
            self._report_untagged(ExchangeKind.UNSOLICITED, status, text)
        elif status == b"BAD":
            self._receive_untagged_bad(text)
        if is_bye:
            self._enter(State.LOGOUT)
        self._expects_greeting = False
        self._read_code(grammar.parse_response_code(text), text, is_untagged=True)

    def _receive_untagged_bad(self, text: bytes) -> None:
        """RFC 9051 §7.1.3: an error, if the server can't tell of which command."""
        if not self._in_progress:
            return
        oldest = self._in_progress.oldest()
        if oldest.is_untidy and not oldest.is_open:
            code = grammar.parse_response_code(text)
            at = self._time_ns, self._frame
            self._end_command(oldest, Response("* BAD", text, code, *at))

    def _receive_continuation_request(self, line: bytes) -> None:
        authenticate = self._in_progress.first("AUTHENTICATE")
        if authenticate is not None and authenticate.sasl is not None:
            authenticate.sasl.receive_challenge(line[2:])
            self._logins.is_challenged = True
        if self._open is not None:
            # the client may send its literal now
            self._open.awaits_leave = False
            self._open.literal_ns = self._time_ns

    def _receive_tagged(self, line: bytes) -> None:
        self._expects_greeting = False
        tag, _, rest = line.partition(b" ")
        word, _, text = rest.partition(b" ")
        status = _STATUSES.get(word.upper())
        if status is None:
            self._anomaly("imap_invalid_response", Side.SERVER)
            return
        code = grammar.parse_response_code(text)
        response = Response(status, text, code, self._time_ns, self._frame)
        command = self._in_progress.oldest_of_tag(tag)
        if command is None:
            if self._command_seen and not self._input[0].gaps:
                self._anomaly("imap_unknown_tag", Side.SERVER)
            self._report_response(ExchangeKind.COMMAND, response)
        else:
            # RFC 9051 §4.3: the client doesn't send a literal that is refused
            is_refused = status != "OK" and command.awaits_leave
            if command.is_open and is_refused and self._withhold_literal(command):
                self._close_command(command)
            self._end_command(command, response)
        self._read_code(response.code, text)

    def _withhold_literal(self, command: ImapCommand) -> bool:
        """Note that a literal was announced and not sent, if that is so."""
        fragments = self._fragments[Side.CLIENT]
        command.literal_withheld = fragments.is_untouched
        if command.literal_withheld:
            fragments.withdraw_literal()
        return command.literal_withheld

    def _read_code(
        self, code: str | None, text: bytes, *, is_untagged: bool = False
    ) -> None:
        if code == "CAPABILITY":
            self._receive_capabilities(text[12:].partition(b"]")[0])
        elif code == "COPYUID":
            self._use_extension("UIDPLUS")
            # RFC 6851 §4.3: of MOVE, it comes with an untagged OK
            move = self._in_progress.first("MOVE", "UID MOVE")
            if move is not None and is_untagged:
                move.copied += grammar.count_copied(text)
        elif code == "APPENDUID":
            self._use_extension("UIDPLUS")

    # Reports

    def _report_untagged(self, kind: ExchangeKind, status: bytes, text: bytes) -> None:
        status_shown = f"* {status.decode()}"
        code = grammar.parse_response_code(text)
        response = Response(status_shown, text, code, self._time_ns, self._frame)
        self._report_response(kind, response)

    def _report_response(self, kind: ExchangeKind, response: Response) -> None:
        exchange = Exchange(self._next_number(), kind)
        set_response(exchange, response, self.limits)
        self._report(exchange)


_ON_DATA: dict[bytes, Callable[[ImapDissector, bytes], None]] = {
    b"CAPABILITY": StateReader.receive_capability_data,
    b"ENABLED": ImapDissector._receive_enabled,
    b"ID": ImapDissector._receive_id,
    b"LIST": ImapDissector._receive_listed,
    b"LSUB": ImapDissector._receive_listed,
    b"VANISHED": ImapDissector._receive_vanished,
    b"XLIST": ImapDissector._receive_listed,
}

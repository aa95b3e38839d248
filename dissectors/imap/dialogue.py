"""The dialogue of IMAP (RFC 9051, RFC 3501): both sides together.

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
message in each direction, the previews of messages that are fetched in part, all within
`Limits`. The cost is linear in the bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.conversation.dialogue import Dialogue
from dissectors.conversation.lines import decode_text
from dissectors.conversation.logins import Logins
from dissectors.credentials.names import MASK
from dissectors.events import Side
from dissectors.imap import showing
from dissectors.imap.client import ClientReader
from dissectors.imap.commands import ImapReporter
from dissectors.imap.server import ServerReader
from dissectors.imap.states import SessionState
from dissectors.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.limits import Limits

# a member of an enum costs more to look up
_CLIENT, _SERVER = Side


class ImapDialogue(Dialogue):
    """Reads one IMAP session."""

    __slots__ = ("_client", "_commands", "_server", "_session")

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        reporter = ImapReporter(limits)
        super().__init__(reporter)
        logins = Logins()
        self._commands = reporter.commands
        self._session = SessionState(reporter, logins)
        self._client = ClientReader(reporter, self.plaintext, self._session, logins)
        self._server = ServerReader(reporter, self._session, self._client)

    def new_inside(self, *, greeted: bool) -> ImapDialogue:
        """Return what reads the session inside TLS."""
        inside = ImapDialogue(self.limits)
        inside._server.expects_greeting = not greeted
        return inside

    def line_reader(self, side: Side) -> Callable[[bytes], object] | None:
        """Return what acts on the next line of a side, unless it must be looked at."""
        reader = self._server if side else self._client
        if self.plaintext.hands_over or reader.fragments.literal is not None:
            return None
        if side is _CLIENT and self._client.may_switch:
            return None
        return reader.receive

    def read(self, side: Side) -> None:
        """Read what can be read of a side's lines and literals."""
        client, plaintext = self._client, self.plaintext
        client.is_paused = side is _CLIENT and client.waits_for_switch()
        reader = self._server if side else client
        unread, fragments = self.streams[side], reader.fragments
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
            reader.receive(fragment)
            if unread.overlong:
                unread.overlong = 0
                self.reporter.anomaly("line_too_long", side)
                # the rest of the line is skipped, and a literal's size with it
                reader.lose_track()

    def show_line(self, side: Side, line: bytes) -> str:
        """Show a line that is no command, as far as its grammar is harmless."""
        if side is _CLIENT:
            # RFC 2177 §3, RFC 9051 §6.2.2
            return line.decode() if line.upper() in (b"DONE", b"*", b"") else MASK
        if self.streams[_SERVER].is_lost or not line:
            return MASK if line else ""
        is_challenge = self._commands.first("AUTHENTICATE") is not None
        shown = showing.show_response(line, is_challenge=is_challenge)
        return decode_text(shown, self.limits.kept_text)

    def tag_of(self, command: bytes) -> str:
        """Return the tag of a command, unless it may be part of a login."""
        login = self._commands.first("AUTHENTICATE")
        is_other = login is not None and not command.startswith(login.tag + b" ")
        if is_other or self._client.logins.unfinished is not None:
            return MASK
        return showing.show_tag(command)

    def is_behind_literal(self, side: Side) -> bool:
        """Return whether the next line of a side goes on behind a literal."""
        reader = self._server if side else self._client
        return reader.fragments.literal is not None

    def skip_gap(self, side: Side, length: int) -> None:
        """Deal with a gap: only inside a literal is it known what is missing."""
        reader = self._server if side else self._client
        self.streams[side].gap_count += 1
        if side is _SERVER:
            self._server.expects_greeting = False
        if self.plaintext.decoder is not None:
            # how much is missing of what was compressed, nobody knows
            reader.fragments.abandon()
            self.streams[side].drop()
            reader.lose_track()
            self.plaintext.lose_decoder(side, "imap_compression_lost")
        elif not reader.fragments.skip_gap(length):
            reader.lose_track()

    def finish(self) -> None:
        """Learn that nothing follows: report all that is in progress."""
        client, commands = self._client, self._commands
        if commands.open is not None:
            client.withhold_literal(commands.open)
        client.fragments.abandon()
        self._server.fragments.abandon()
        for command in commands:
            client.end_command(command, None)
        if commands.open is not None:
            client.close_command(commands.open)
        self._session.leave_mailbox()

"""States, mailboxes, and what of messages a client sees in them (RFC 9051 §3).

The state follows from the greeting and from commands that succeed. A stay in a mailbox
ends with the next SELECT, with CLOSE and the like, and with the session; then it is
told what the client learned, and the messages of which it fetched pieces only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.events import (
    Delivery,
    Direction,
    MessagesDeleted,
    MessageTransferred,
    Side,
    State,
    StateChanged,
    Use,
    UseCounted,
)
from dissectors.imap import grammar
from dissectors.imap.client import ClientReader
from dissectors.imap.fetches import Fetches
from dissectors.imap.flags import DELETED
from dissectors.imap.outcomes import (
    describe_capabilities,
    describe_login_offer,
    named_mailbox,
)
from dissectors.imap.stay import Stay
from dissectors.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from dissectors.events import MessageFacts
    from dissectors.imap.commands import ImapCommand, Response
    from dissectors.imap.pieces import Preview
    from dissectors.limits import Limits

_EXPUNGING = (
    "CLOSE",
    "EXPUNGE",
    "UID EXPUNGE",
    "MOVE",
    "UID MOVE",
    "REPLACE",
    "UID REPLACE",
)
_SELECTING = ("SELECT", "EXAMINE")
_DESELECTING = frozenset({"CLOSE", "UNSELECT", "UNAUTHENTICATE"})
_LOGINS = ("LOGIN", "AUTHENTICATE")
CHANGING_FLAGS = ("STORE", "UID STORE")
FETCHING = ("FETCH", "UID FETCH")
# digits of a message sequence number, which is below 2**32
MAX_DIGITS = 10


class StateReader(ClientReader):
    """The part of an IMAP dissector that knows where the session stands."""

    __slots__ = (
        "_fetches",
        "_held_capabilities",
        "_opening_exists",
        "_state",
        "_stay",
    )

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(limits)
        self._state: State | None = None
        self._stay = Stay()
        # EXISTS of the mailbox that is being selected
        self._opening_exists: int | None = None
        # those that were announced while a login was in progress: if it succeeds,
        # they are those behind it, though they come before its response
        self._held_capabilities: bytes | None = None
        self._fetches = Fetches(limits, self._report_retrieved)

    def _enter(self, state: State) -> None:
        if state is not self._state:
            self._state = state
            self._events.append(StateChanged(state))

    def _act_on(self, command: ImapCommand, response: Response | None) -> None:
        verb = command.verb
        is_done = response is not None and response.status == "OK"
        if verb in _SELECTING:
            self._end_select(command, response, is_done=is_done)
        elif verb in _LOGINS:
            self._end_login(is_done=is_done)
        elif not is_done:
            return
        elif verb in CHANGING_FLAGS:
            self._end_store(command)
        elif verb in ("EXPUNGE", "UID EXPUNGE"):
            self._end_expunge(command)
        elif verb in _DESELECTING:
            if verb == "CLOSE":
                self._expunge_silently()
            self._leave()
            is_out = verb == "UNAUTHENTICATE"
            self._enter(State.NOT_AUTHENTICATED if is_out else State.AUTHENTICATED)
        elif verb == "LOGOUT":
            self._enter(State.LOGOUT)
        elif verb in FETCHING and b"CHANGEDSINCE" in command.argument.upper():
            self._stay.asked_for_changes = True

    def _end_store(self, command: ImapCommand) -> None:
        """RFC 9051 §6.4.6: with .SILENT nothing tells which flags were changed."""
        argument = command.argument
        if b".SILENT" in argument.upper() and not command.flagged:
            flags, largest = self._stay.open_flags(), self._stay.exists or 1
            by_uid = command.verb.startswith("UID")
            count = flags.store_silently(argument, largest, by_uid=by_uid)
            if count:
                self._events.append(UseCounted(Use.FLAGS_CHANGED, count))

    def _end_expunge(self, command: ImapCommand) -> None:
        flags = self._stay.flags
        if flags is not None and command.verb == "EXPUNGE":
            flags.deleted.clear()
        elif flags is not None:
            flags.expunge_uids(command.argument)

    def _expunge_silently(self) -> None:
        """RFC 9051 §6.4.1: CLOSE removes what is flagged so, and does not tell."""
        flags = self._stay.flags
        if flags is not None and flags.deleted and not self._stay.is_read_only:
            self._events.append(MessagesDeleted(len(flags.deleted)))

    def _end_select(
        self, command: ImapCommand, response: Response | None, *, is_done: bool
    ) -> None:
        # RFC 9051 §6.3.2: a SELECT that fails leaves no mailbox selected
        self._leave()
        if is_done:
            mailbox = named_mailbox(command, self.limits)
            self._stay = Stay(mailbox, self._opening_exists)
            self._stay.asked_for_changes = b"QRESYNC" in command.argument.upper()
            is_read_only = response is not None and response.code == "READ-ONLY"
            self._stay.is_read_only = is_read_only or command.verb == "EXAMINE"
            self._enter(State.SELECTED)
        elif self._state is State.SELECTED:
            self._enter(State.AUTHENTICATED)
        self._opening_exists = None

    def _end_login(self, *, is_done: bool) -> None:
        if is_done:
            self._enter(State.AUTHENTICATED)
        held, self._held_capabilities = self._held_capabilities, None
        if held is not None:
            self._receive_capabilities(held)

    def _leave(self) -> None:
        """The stay in a mailbox is over, if there was one."""
        self._report_previews()
        self._events += self._stay.leave()
        self._stay = Stay()

    def receive_capability_data(self, data: bytes) -> None:
        """Act on an untagged CAPABILITY."""
        if self._in_progress.first(*_LOGINS) is None:
            self._receive_capabilities(data)
        else:
            self._held_capabilities = data

    def _receive_capabilities(self, capability_data: bytes) -> None:
        self._report(*describe_capabilities(capability_data, self.limits))
        self._logins.announced, self._logins.offered = grammar.parse_announced(
            capability_data
        )
        if self._state in (None, State.NOT_AUTHENTICATED):
            self._report(describe_login_offer(capability_data, self.limits))

    def _see_flags(self, number: int, line: bytes) -> None:
        """Learn flags, and credit the command that changes them."""
        command = self._in_progress.first(*CHANGING_FLAGS)
        if command is None and self._stay.flags is None and DELETED not in line.lower():
            return
        flags = self._stay.open_flags()
        flags.see(number, line)
        if (
            command is not None
            and command.names_message(number, line, self._stay.exists or 1)
            and flags.change(number)
        ):
            command.flagged += 1

    def _count_expunged(self, count: int) -> None:
        """Credit the command that expunges; others report what others expunged."""
        self._report_previews()
        self._stay.expunge(count)
        command = self._in_progress.first(*_EXPUNGING)
        if command is not None:
            command.expunged += count

    def _count_existing(self, number: bytes) -> None:
        if len(number) > MAX_DIGITS:
            return
        if self._in_progress.first(*_SELECTING) is not None:
            self._opening_exists = int(number)
        else:
            self._stay.exists = int(number)

    def _report_retrieved(self, facts: MessageFacts, *, complete: bool) -> None:
        if complete:
            self._fetches.forget_pieces()
        outcome = Delivery.COMPLETE if complete else Delivery.CUT
        place = (self._time_ns, self._frame, self._fetches.begin_ns)
        offset = self._input[Side.SERVER].offset
        self._report_fetched(facts, outcome, *place, offset)

    def _report_previews(self) -> None:
        """Report the messages of which only pieces were fetched."""
        for preview in self._fetches.take_previews():
            self._report_preview(preview)

    def _report_preview(self, preview: Preview) -> None:
        facts = preview.finish()
        if not (preview.has_header or preview.parts_seen or preview.structure):
            return
        outcome = Delivery.CUT if facts.cut else Delivery.PARTIAL
        place = (preview.time_ns, preview.frame, preview.begin_ns)
        self._report_fetched(facts, outcome, *place)
        if preview.has_header:
            self._events.append(UseCounted(Use.HEADERS_FETCHED, 1))
        if preview.parts_seen:
            count = len(preview.parts_seen)
            self._events.append(UseCounted(Use.PARTS_FETCHED, count))

    def _report_fetched(
        self,
        facts: MessageFacts,
        outcome: Delivery,
        time_ns: int,
        frame: int,
        begin_ns: int | None,
        offset: int = -1,
    ) -> None:
        message = MessageTransferred(
            Direction.RETRIEVED,
            outcome,
            facts,
            time_ns,
            frame,
            mailbox=self._stay.mailbox,
            verb="FETCH",
            begin_ns=begin_ns,
            offset=offset,
        )
        self._report_message(message, Side.SERVER)

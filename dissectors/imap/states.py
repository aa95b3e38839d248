"""States and mailboxes of a session, and what commands change of them (RFC 9051 §3).

The state follows from the greeting and from commands that succeed. A stay in a mailbox
ends with the next SELECT, with CLOSE and the like, and with the session; then it is
told what the client learned, and the messages of which it fetched pieces only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.events import MessagesDeleted, State, StateChanged, Use, UseCounted
from dissectors.imap import grammar
from dissectors.imap.fetches import Fetches
from dissectors.imap.flags import DELETED
from dissectors.imap.outcomes import (
    describe_capabilities,
    describe_login_offer,
    named_mailbox,
)
from dissectors.imap.selected_mailbox import SelectedMailbox

if TYPE_CHECKING:
    from dissectors.conversation.logins import Logins
    from dissectors.imap.commands import ImapCommand, ImapReporter

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
_CHANGING_FLAGS = ("STORE", "UID STORE")
FETCHING = ("FETCH", "UID FETCH")
# digits of a message sequence number, which is below 2**32
MAX_DIGITS = 10


class SessionState:
    """Knows where a session stands.

    Attributes:
        mailbox: the mailbox that is selected.
        fetches: what is fetched from it.
    """

    __slots__ = (
        "_commands",
        "_held_capabilities",
        "_logins",
        "_opening_exists",
        "_reporter",
        "_state",
        "fetches",
        "mailbox",
    )

    def __init__(self, reporter: ImapReporter, logins: Logins) -> None:
        self._reporter = reporter
        self._commands = reporter.commands
        self._logins = logins
        self._state: State | None = None
        self.mailbox = SelectedMailbox()
        self.fetches = Fetches(reporter)
        # EXISTS of the mailbox that is being selected
        self._opening_exists: int | None = None
        # those that were announced while a login was in progress: if it succeeds,
        # they are those behind it, though they come before its response
        self._held_capabilities: bytes | None = None

    def enter(self, state: State) -> None:
        """Change the state, and report it."""
        if state is not self._state:
            self._state = state
            self._reporter.events.append(StateChanged(state))

    def leave_mailbox(self) -> None:
        """End the stay in a mailbox, if there was one."""
        self.fetches.report_previews()
        self._reporter.events += self.mailbox.leave()
        self._enter_mailbox(SelectedMailbox())

    def _enter_mailbox(self, mailbox: SelectedMailbox) -> None:
        self.mailbox = mailbox
        self.fetches.enter_mailbox(mailbox.mailbox)

    # commands that were completed

    def act_on(self, command: ImapCommand) -> None:
        """Note what a command changed that was completed."""
        verb = command.verb
        if verb in _SELECTING:
            self._end_select(command)
        elif verb in _LOGINS:
            self._end_login(command)
        elif not command.succeeded:
            return
        elif verb in _CHANGING_FLAGS:
            self._end_store(command)
        elif verb in ("EXPUNGE", "UID EXPUNGE"):
            self._end_expunge(command)
        elif verb in _DESELECTING:
            if verb == "CLOSE":
                self._expunge_silently()
            self.leave_mailbox()
            is_out = verb == "UNAUTHENTICATE"
            self.enter(State.NOT_AUTHENTICATED if is_out else State.AUTHENTICATED)
        elif verb == "LOGOUT":
            self.enter(State.LOGOUT)
        elif verb in FETCHING and b"CHANGEDSINCE" in command.argument.upper():
            # RFC 7162 §3.1.4
            self.mailbox.learn_of_changes()

    def _end_store(self, command: ImapCommand) -> None:
        """Count the flags that .SILENT changed and nothing tells (RFC 9051 §6.4.6)."""
        argument = command.argument
        if b".SILENT" in argument.upper() and not command.affected:
            flags, largest = self.mailbox.open_flags(), self.mailbox.exists or 1
            by_uid = command.verb.startswith("UID")
            count = flags.store_silently(argument, largest, by_uid=by_uid)
            if count:
                self._reporter.events.append(UseCounted(Use.FLAGS_CHANGED, count))

    def _end_expunge(self, command: ImapCommand) -> None:
        flags = self.mailbox.flags
        if flags is not None and command.verb == "EXPUNGE":
            flags.deleted.clear()
        elif flags is not None:
            flags.expunge_uids(command.argument)

    def _expunge_silently(self) -> None:
        """Count what CLOSE removes, of which nothing tells (RFC 9051 §6.4.1)."""
        flags = self.mailbox.flags
        if flags is not None and flags.deleted and not self.mailbox.is_read_only:
            self._reporter.events.append(MessagesDeleted(len(flags.deleted)))

    def _end_select(self, command: ImapCommand) -> None:
        # RFC 9051 §6.3.2: a SELECT that fails leaves no mailbox selected
        self.leave_mailbox()
        response = command.response
        if response is not None and response.is_positive:
            name = named_mailbox(command, self._reporter.limits)
            is_told = response.code == "READ-ONLY"
            is_read_only = is_told or command.verb == "EXAMINE"
            mailbox = SelectedMailbox(
                name, self._opening_exists, is_read_only=is_read_only
            )
            if b"QRESYNC" in command.argument.upper():
                mailbox.learn_of_changes()
            self._enter_mailbox(mailbox)
            self.enter(State.SELECTED)
        elif self._state is State.SELECTED:
            self.enter(State.AUTHENTICATED)
        self._opening_exists = None

    def _end_login(self, command: ImapCommand) -> None:
        if command.succeeded:
            self.enter(State.AUTHENTICATED)
        held, self._held_capabilities = self._held_capabilities, None
        if held is not None:
            self.receive_capabilities(held)

    # what the server says

    def receive_capability_data(self, data: bytes) -> None:
        """Act on an untagged CAPABILITY."""
        if self._commands.first(*_LOGINS) is None:
            self.receive_capabilities(data)
        else:
            self._held_capabilities = data

    def receive_capabilities(self, capability_data: bytes) -> None:
        """Act on capabilities that hold from now on."""
        reporter, logins = self._reporter, self._logins
        reporter.report(*describe_capabilities(capability_data, reporter.limits))
        logins.announced, logins.offered = grammar.parse_announced(capability_data)
        if self._state in (None, State.NOT_AUTHENTICATED):
            reporter.report(describe_login_offer(capability_data, reporter.limits))

    def see_message(self, number: int, line: bytes) -> None:
        """Learn that a FETCH response is about a message."""
        if b"FLAGS" in line:
            self._see_flags(number, line)
        if self._commands.first(*FETCHING) is not None:
            self.mailbox.see_message(number)

    def _see_flags(self, number: int, line: bytes) -> None:
        """Learn flags, and credit the command that changes them."""
        command = self._commands.first(*_CHANGING_FLAGS)
        mailbox = self.mailbox
        if command is None and mailbox.flags is None and DELETED not in line.lower():
            return
        flags = mailbox.open_flags()
        flags.see(number, line)
        if (
            command is not None
            and command.names_message(number, line, mailbox.exists or 1)
            and flags.change(number)
        ):
            command.affected += 1

    def expunge(self, number: bytes) -> None:
        """Learn that the message with a sequence number is gone."""
        if self.mailbox.flags is not None and len(number) <= MAX_DIGITS:
            self.mailbox.flags.expunge(int(number))
        self.count_expunged(1)

    def count_expunged(self, count: int) -> None:
        """Credit the command that expunges; others report what others expunged."""
        self.fetches.report_previews()
        self.mailbox.expunge(count)
        command = self._commands.first(*_EXPUNGING)
        if command is not None:
            command.affected += count

    def count_existing(self, number: bytes) -> None:
        """Learn how many messages a mailbox holds: that which is being selected."""
        if len(number) > MAX_DIGITS:
            return
        if self._commands.first(*_SELECTING) is not None:
            self._opening_exists = int(number)
        else:
            self.mailbox.exists = int(number)

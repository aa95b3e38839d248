"""What a connection knows of its logins, apart from the one that is in progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.credentials.strays import StrayLogin, StrayLogins
from dissectors.events import CredentialsCrossed

if TYPE_CHECKING:
    from dissectors.credentials.sasl import SaslExchange
    from dissectors.credentials.withheld import Withheld


# what clients of HTTP, and of one mail protocol say to the port of another
_OF_OTHERS = """
    CAPA CAPABILITY CONNECT DATA DELETE EHLO GET HEAD HELO LIST LOGOUT MAIL NOOP OPTIONS
    POST PUT QUIT RCPT RSET SELECT STARTTLS STAT STLS TRACE UIDL
"""
_FOREIGN_VERBS = frozenset(_OF_OTHERS.split())
# even an empty set takes 216 bytes
_NOTHING: frozenset[str] = frozenset()


class Logins:
    """Recognises logins that are no commands, and what comes behind a refused one.

    Attributes:
        offered: the mechanisms that the server offers.
        announced: what else it announces as verbs.
        is_challenged: the server asked for the client's next line, which is a secret.
        is_cut: the line that is read has no end: a name at its end may go on.
        unfinished: ended before all of it had crossed: some clients send the rest all
            the same.
        sent_before_end: where in the client's stream they could know of that end.
    """

    __slots__ = (
        "_strays",
        "announced",
        "is_challenged",
        "is_cut",
        "offered",
        "sent_before_end",
        "unfinished",
    )

    def __init__(self) -> None:
        self.offered = self.announced = _NOTHING
        self.is_challenged = self.is_cut = False
        self.unfinished: SaslExchange | None = None
        self.sent_before_end = 0
        self._strays = StrayLogins()

    def read_stray(self, line: bytes, withheld: Withheld) -> StrayLogin | None:
        """Read a line that is no command as a login, or part of one, if it is that.

        Args:
            line: without its end.
            withheld: learns what of it is secret.
        """
        return self._strays.read(line, withheld, self.offered, is_cut=self.is_cut)

    def read_foreign(self, line: bytes) -> str | None:
        """Return the verb of a line if the server announced it, or others have it."""
        word = line.split(b" ", 1)[0].upper().decode("ascii", "replace")
        return word if word in self.announced or word in _FOREIGN_VERBS else None

    def receive_late_response(
        self, sasl: SaslExchange, line: bytes
    ) -> CredentialsCrossed:
        """State what crossed in a line that belongs to an authentication that ended."""
        if self.is_cut:
            sasl.receive_gap()
        sasl.receive_response(line)
        if sasl.is_complete:
            self.unfinished = None
        return CredentialsCrossed(sasl.user, sasl.exposure, sasl.authzid)

    def receive_gap(self) -> None:
        """Learn that some of what the client sent is missing."""
        if self.unfinished is not None:
            self.unfinished.receive_gap()

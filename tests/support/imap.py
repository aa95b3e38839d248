"""IMAP sessions for tests: a command, what is answered, and what that proves."""

from __future__ import annotations

from dissectors.events import ExtensionUsed, Use, UseCounted
from dissectors.imap import ImapDialogue
from dissectors.limits import Limits
from tests.support.playbook import Playbook

OK, PREAUTH = b"* OK ready", b"* PREAUTH welcome"


def lines(*each: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in each)


def greeted(greeting: bytes = OK, limits: Limits | None = None) -> Playbook:
    play = Playbook(lambda: ImapDialogue(limits or Limits()))
    return play.server(lines(greeting))


def talk(
    play: Playbook, command: bytes, *responses: bytes, text: bytes = b"ok"
) -> None:
    """A command with the tag `a`, what is answered, and an OK."""
    play.client(lines(b"a " + command)).server(lines(*responses, b"a OK " + text))


def selected(exists: int = 2, **limits: int) -> Playbook:
    play = greeted(limits=Limits(**limits))
    talk(play, b"LOGIN ann pw")
    talk(play, b"SELECT INBOX", b"* %d EXISTS" % exists)
    return play


def uses(play: Playbook) -> dict[Use, int]:
    counts: dict[Use, int] = {}
    for counted in play.events_of(UseCounted):
        counts[counted.use] = counts.get(counted.use, 0) + counted.count
    return counts


def extensions(play: Playbook) -> set[str]:
    return {used.name for used in play.events_of(ExtensionUsed)}

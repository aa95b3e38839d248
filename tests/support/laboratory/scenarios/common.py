"""What scenarios share: ways to the server, and ordinary mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.laboratory.clients.access import Access
from tests.support.laboratory.clients.smtp import Letter, letter

if TYPE_CHECKING:
    from tests.support.laboratory.messages import File
    from tests.support.laboratory.office import Office
    from tests.support.laboratory.people import Person
    from tests.support.laboratory.tape import Tape

SERVER = "mail.example.com"

MUTT = ("User-Agent", "Mutt/2.2.12 (2023-09-09)")
THUNDERBIRD = ("User-Agent", "Mozilla Thunderbird")


def to_server(
    office: Office,
    tape: Tape,
    port: int,
    tls: str = "none",
    person: Person | None = None,
) -> Access:
    """Return the way to the office's server; TLS secrets are left on the tape."""
    key_log = tape.key_log if tls != "none" else None
    return Access(SERVER, port, tls, person, trusted=office.trusted, key_log=key_log)


def incoming(
    name: str, *recipients: Person, subject: str, files: tuple[File, ...] = ()
) -> Letter:
    """Compose a letter from outside to people of the office."""
    return letter(
        f"{name}@mx.example.net",
        "Marta Keller <marta@example.net>",
        [person.address for person in recipients],
        subject,
        files=files,
        mailer=MUTT,
    )


def outgoing(
    name: str, person: Person, subject: str, files: tuple[File, ...] = ()
) -> Letter:
    """Compose a letter from somebody in the office to a customer."""
    return letter(
        f"{name}@desk.example.com",
        f"{person.name} <{person.address}>",
        ["marta@example.net"],
        subject,
        files=files,
        mailer=THUNDERBIRD,
    )


def fill_inbox(office: Office, person: Person, *letters: Letter) -> None:
    """Put letters into somebody's empty mailbox."""
    office.dovecot.fill(person, *(each.message.as_bytes() for each in letters))

"""Maildrops read by POP3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.laboratory.clients import pop3
from tests.support.laboratory.clients.fetchers import Fetchmail
from tests.support.laboratory.messages import archive, table
from tests.support.laboratory.people import GUESSES, INES, RAVI, TOM, ZOE, Person
from tests.support.laboratory.scenarios.common import fill_inbox, incoming, to_server
from tests.support.laboratory.tape import scenario

if TYPE_CHECKING:
    from tests.support.laboratory.clients.access import Access
    from tests.support.laboratory.office import Office
    from tests.support.laboratory.tape import Tape


def collect(office: Office, tape: Tape, access: Access, *delete: int) -> None:
    """Record a session of a poplib client."""
    with tape.recording():
        tape.add(office.laptop.call(pop3.session, access, delete))


def fill(office: Office, person: Person) -> None:
    """Put three messages into somebody's maildrop."""
    fill_inbox(
        office,
        person,
        incoming("drop-1", person, subject="First", files=(archive("files.zip"),)),
        incoming("drop-2", person, subject="Zweite für dich"),
        incoming("drop-3", person, subject="Third", files=(table("list.csv"),)),
    )


@scenario(
    "pop3-user-pass",
    "poplib logs in to Dovecot without TLS, lists, retrieves three messages, deletes"
    " two and quits",
    "python3",
    "dovecot-core",
)
def user_pass(office: Office, tape: Tape) -> None:
    fill(office, TOM)
    collect(office, tape, to_server(office, tape, 110, person=TOM), 1, 3)


@scenario(
    "pop3-apop",
    "poplib logs in to Dovecot by APOP",
    "python3",
    "dovecot-core",
)
def apop(office: Office, tape: Tape) -> None:
    fill(office, RAVI)
    access = to_server(office, tape, 110, person=RAVI).at(mechanism="APOP")
    collect(office, tape, access)


@scenario(
    "pop3-auth-plain",
    "A POP3 client authenticates by AUTH PLAIN with an initial response (RFC 5034),"
    " no TLS",
    "python3",
    "dovecot-core",
)
def auth_plain(office: Office, tape: Tape) -> None:
    fill(office, INES)
    access = to_server(office, tape, 110, person=INES).at(mechanism="PLAIN")
    collect(office, tape, access)


@scenario(
    "pop3-stls",
    "poplib collects mail from Dovecot after STLS with TLS 1.3",
    "python3",
    "dovecot-core",
)
def stls(office: Office, tape: Tape) -> None:
    fill(office, ZOE)
    collect(office, tape, to_server(office, tape, 110, "starttls", ZOE), 2)


@scenario(
    "pop3-implicit-tls",
    "poplib collects mail from Dovecot on port 995",
    "python3",
    "dovecot-core",
)
def implicit_tls(office: Office, tape: Tape) -> None:
    fill(office, ZOE)
    collect(office, tape, to_server(office, tape, 995, "implicit", ZOE))


@scenario(
    "pop3-failed-login",
    "poplib tries a wrong password without TLS",
    "python3",
    "dovecot-core",
)
def failed_login(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 110, person=TOM).at(password=GUESSES[3])
    collect(office, tape, access)


@scenario(
    "pop3-leave-on-server",
    "fetchmail --keep collects mail from Dovecot without TLS and leaves it there",
    "fetchmail",
    "dovecot-core",
)
def leave_on_server(office: Office, tape: Tape) -> None:
    fill(office, TOM)
    access = to_server(office, tape, 110, person=TOM)
    with tape.recording():
        tape.add(Fetchmail(access).collect(office.laptop, "--keep", "--all"))

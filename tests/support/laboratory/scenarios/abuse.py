"""People who try to get into accounts, and servers that let them send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.laboratory.clients import imap, smtp
from tests.support.laboratory.clients.access import Access
from tests.support.laboratory.clients.smtp import Letter, letter
from tests.support.laboratory.people import (
    DOMAIN,
    GUESSES,
    INES,
    PEOPLE,
    Person,
)
from tests.support.laboratory.postfix import Postfix
from tests.support.laboratory.scenarios.common import to_server
from tests.support.laboratory.tape import scenario

if TYPE_CHECKING:
    from tests.support.laboratory.office import Office
    from tests.support.laboratory.tape import Tape

_INVENTED = ("admin", "info", "test", "support", "backup", "office")


@scenario(
    "smtp-password-guessing",
    "A stranger tries passwords of an account of Postfix and Dovecot until he gets in;"
    " meanwhile its owner reads her mail",
    "python3",
    "postfix",
    "dovecot-core",
)
def guessing(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 587, person=INES)
    guesses = [*GUESSES, *GUESSES, *GUESSES, INES.password]
    with tape.recording():
        for number, guess in enumerate(guesses):
            tape.add(office.stranger.call(smtp.send, access.at(password=guess)))
            if number == len(GUESSES):
                own = to_server(office, tape, 143, person=INES)
                tape.add(office.desk.call(imap.session, own))


@scenario(
    "imap-password-spraying",
    "A stranger tries one password on many accounts of Dovecot, few of which exist",
    "python3",
    "dovecot-core",
)
def spraying(office: Office, tape: Tape) -> None:
    invented = [Person(name, name, "") for name in _INVENTED]
    with tape.recording():
        for person in (*PEOPLE, *invented):
            access = to_server(office, tape, 143, person=person)
            tape.add(office.stranger.call(imap.session, access.at(password=GUESSES[1])))


@scenario(
    "smtp-open-relay",
    "A stranger looks for an open relay: Postfix refuses him, until he says that he is"
    " one of its own users, and then relays his mail to another Postfix",
    "python3",
    "postfix",
)
def open_relay(office: Office, tape: Tape) -> None:
    # a mistake that is often made: whoever says so is one of one's own users
    host = office.scanner
    postfix = Postfix(
        host,
        office.network.folder / "postfix-open",
        office.mail,
        [f"{host.ipv4}:25"],
        [host.hostname],
        {},
        {"example.net": "smtp:[mx.example.net]"},
        outgoing_tls="none",
        settings="smtpd_relay_restrictions ="
        f" check_sender_access inline:{{ {{ {DOMAIN} = OK }} }},"
        " reject_unauth_destination\n",
    )
    postfix.start()
    access = Access(host.ipv4, 25)
    with tape.recording():
        refused, relayed = _prize("prize@example.org"), _prize(INES.address)
        for each in (refused, relayed):
            tape.add(office.stranger.call(smtp.send, access, each))
        tape.add(*postfix.wait_until_sent(str(relayed.message["Message-ID"])))


def _prize(sender: str) -> Letter:
    return letter(
        f"{sender.partition('@')[0]}@host-66.example.org",
        f"Winner <{sender}>",
        ["marta@example.net"],
        "You have won",
    )

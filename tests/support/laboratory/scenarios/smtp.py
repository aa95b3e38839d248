"""Submission and relay."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from tests.support.laboratory.clients import imap, scripted, smtp
from tests.support.laboratory.clients.access import Access
from tests.support.laboratory.clients.commands import Curl, Swaks
from tests.support.laboratory.messages import archive, pdf, png, table
from tests.support.laboratory.people import GUESSES, INES, RAVI, SCANNER, TOM, ZOE
from tests.support.laboratory.scenarios.common import (
    fill_inbox,
    incoming,
    outgoing,
    to_server,
)
from tests.support.laboratory.tape import scenario

if TYPE_CHECKING:
    from tests.support.laboratory.clients.smtp import Letter
    from tests.support.laboratory.office import Office
    from tests.support.laboratory.tape import Tape

TLS12 = ssl.TLSVersion.TLSv1_2

# only what clients of the server say, not what it passes on
ONLY_SUBMISSION = "tcp and not port 25"


def relay(office: Office, tape: Tape, each: Letter, *, tls: bool) -> None:
    """Have an outside Postfix relay a letter to the office."""
    outside = office.relay_tls if tls else office.relay_plain
    outside.machine.call(smtp.send, Access("127.0.0.1", 25), each)
    (facts,) = outside.wait_until_sent(str(each.message["Message-ID"]))
    tape.add(facts | {"messages": [each.facts()]})


@scenario(
    "smtp-relay-plain",
    "Postfix relays a message to Postfix on port 25 without TLS",
    "postfix",
)
def relay_plain(office: Office, tape: Tape) -> None:
    each = incoming("relay-1", TOM, subject="Delivery on Thursday")
    with tape.recording():
        relay(office, tape, each, tls=False)


@scenario(
    "smtp-relay-starttls",
    "Postfix relays a message to Postfix on port 25 with STARTTLS",
    "postfix",
)
def relay_starttls(office: Office, tape: Tape) -> None:
    each = incoming("relay-2", TOM, subject="Delivery on Friday")
    with tape.recording():
        relay(office, tape, each, tls=True)


@scenario(
    "smtp-submission-starttls-tls13",
    "smtplib submits a message to Postfix on port 587 after STARTTLS with TLS 1.3",
    "python3",
    "postfix",
)
def submission_tls13(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 587, "starttls", INES)
    each = outgoing("tls13", INES, "Offer by TLS 1.3", (table("offer.csv"),))
    with tape.recording(packets=ONLY_SUBMISSION):
        tape.add(office.desk.call(smtp.send, access, each))


@scenario(
    "smtp-submission-starttls-tls12",
    "smtplib submits a message to Postfix on port 587 after STARTTLS with TLS 1.2",
    "python3",
    "postfix",
)
def submission_tls12(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 587, "starttls", INES).at(max_version=TLS12)
    each = outgoing("tls12", INES, "Offer by TLS 1.2", (table("offer.csv"),))
    with tape.recording(packets=ONLY_SUBMISSION):
        tape.add(office.desk.call(smtp.send, access, each))


@scenario(
    "smtp-submission-plain-auth-login",
    "swaks logs in to Postfix on port 587 by AUTH LOGIN without TLS and submits a"
    " message",
    "swaks",
    "postfix",
)
def submission_plain(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 587, person=SCANNER).at(mechanism="LOGIN")
    with tape.recording(packets=ONLY_SUBMISSION):
        tape.add(
            Swaks(access).send(
                office.scanner, SCANNER.address, ["ravi@example.com"], "Scan 0042"
            )
        )


@scenario(
    "smtp-auth-plain-failed",
    "swaks tries a wrong password by AUTH PLAIN with an initial response, without TLS",
    "swaks",
    "postfix",
)
def auth_plain_failed(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 587, person=TOM).at(password=GUESSES[0])
    with tape.recording():
        tape.add(
            Swaks(access).send(
                office.laptop,
                TOM.address,
                [INES.address],
                "Never sent",
                "--quit-after",
                "AUTH",
            )
        )


@scenario(
    "smtp-auth-cram-md5",
    "smtplib logs in to Postfix on port 587 by CRAM-MD5 without TLS and submits a"
    " message",
    "python3",
    "postfix",
)
def auth_cram_md5(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 587, person=RAVI).at(mechanism="CRAM-MD5")
    each = outgoing("cram", RAVI, "Logged in by challenge and response")
    with tape.recording(packets=ONLY_SUBMISSION):
        tape.add(office.laptop.call(smtp.send, access, each))


@scenario(
    "smtp-pipelining-refused-recipients",
    "A client pipelines the envelope (RFC 2920); Postfix refuses two of four"
    " recipients",
    "postfix",
)
def pipelining(office: Office, tape: Tape) -> None:
    each = incoming("pipelined", TOM, INES, subject="To whom it may concern")
    each.recipients[1:1] = ["nobody@example.com", "someone@example.org"]
    with tape.recording():
        access = to_server(office, tape, 25)
        tape.add(office.outside.call(scripted.send_pipelined, access, each))


@scenario(
    "smtp-bdat-chunking",
    "A client sends two messages by BDAT (RFC 3030) to Postfix, one in many chunks",
    "postfix",
)
def bdat(office: Office, tape: Tape) -> None:
    one = incoming("bdat-1", TOM, subject="In chunks", files=(png("chart.png"),))
    two = incoming("bdat-2", TOM, INES, subject="In chunks, too")
    with tape.recording():
        access = to_server(office, tape, 25)
        tape.add(office.outside.call(scripted.send_in_chunks, access, 1000, one, two))


@scenario(
    "smtp-attachments",
    "smtplib relays a message with four files, one name of which needs RFC 2231",
    "python3",
    "postfix",
)
def attachments(office: Office, tape: Tape) -> None:
    files = (
        pdf("contract.pdf", 2),
        png("site plan.png"),
        archive("figures.zip"),
        table("Übersicht für Zoë, lang genug um umbrochen zu werden.csv"),
    )
    each = incoming("files", ZOE, subject="Vertrag und Übersicht", files=files)
    with tape.recording():
        tape.add(office.outside.call(smtp.send, to_server(office, tape, 25), each))


@scenario(
    "smtp-implicit-tls",
    "smtplib submits a message to Postfix on port 465 with implicit TLS",
    "python3",
    "postfix",
)
def implicit_tls(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 465, "implicit", ZOE)
    each = outgoing("implicit", ZOE, "From the first byte")
    with tape.recording(packets=ONLY_SUBMISSION):
        tape.add(office.phone.call(smtp.send, access, each))


@scenario(
    "smtp-curl-tls12",
    "curl submits a message to Postfix on port 587 after STARTTLS with TLS 1.2",
    "curl",
    "postfix",
)
def curl_tls12(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 587, "starttls", INES).at(max_version=TLS12)
    each = outgoing("curl", INES, "Sent by a script")
    with tape.recording(packets=ONLY_SUBMISSION):
        tape.add(Curl(access).send(office.desk, each))


@scenario(
    "smtp-starttls-refused",
    "A server offers STARTTLS and answers 454 to it, as Postfix does without a usable"
    " certificate",
    "postfix",
)
def starttls_refused(office: Office, tape: Tape) -> None:
    with tape.recording():
        access = to_server(office, tape, 2525)
        tape.add(office.desk.call(scripted.ask_for_tls, access))


@scenario(
    "smtp-starttls-failed",
    "swaks asks Postfix for STARTTLS, and the handshake ends with an alert because the"
    " server has no key",
    "swaks",
    "postfix",
)
def starttls_failed(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 2526, "starttls")
    with tape.recording():
        tape.add(Swaks(access).send(office.desk, INES.address, [TOM.address], "Unsent"))


@scenario(
    "smtp-two-messages",
    "smtplib sends two messages in one session on port 25, the second to two people",
    "python3",
    "postfix",
)
def two_messages(office: Office, tape: Tape) -> None:
    one = incoming("first", TOM, subject="First of two")
    two = incoming("second", INES, ZOE, subject="Second of two")
    with tape.recording():
        tape.add(office.outside.call(smtp.send, to_server(office, tape, 25), one, two))


@scenario(
    "smtp-ipv6",
    "smtplib relays a message to Postfix over IPv6",
    "python3",
    "postfix",
    suffix=".pcapng",
)
def ipv6(office: Office, tape: Tape) -> None:
    each = incoming("ipv6", TOM, subject="Longer addresses")
    access = to_server(office, tape, 25).at(family=socket.AF_INET6)
    with tape.recording():
        tape.add(office.outside.call(smtp.send, access, each))


@scenario(
    "smtp-null-sender",
    "swaks delivers a message from the null sender, as bounces are",
    "swaks",
    "postfix",
)
def null_sender(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 25)
    with tape.recording():
        facts = Swaks(access).send(
            office.outside, "<>", [TOM.address], "Undelivered Mail Returned to Sender"
        )
        tape.add(facts)


@scenario(
    "unusual-port",
    "SMTP on port 10025 and IMAP on port 10143, both without TLS",
    "python3",
    "postfix",
    "dovecot-core",
)
def unusual_port(office: Office, tape: Tape) -> None:
    each = incoming("unusual", TOM, subject="By the side entrance")
    fill_inbox(office, ZOE, each)
    with tape.recording():
        tape.add(office.outside.call(smtp.send, to_server(office, tape, 10025), each))
        access = to_server(office, tape, 10143, person=ZOE)
        tape.add(
            office.laptop.call(
                imap.session, access, imap.select("INBOX"), imap.fetch("1")
            )
        )


@scenario(
    "tls10",
    "smtplib submits a message to Postfix after STARTTLS with TLS 1.0",
    "python3",
    "postfix",
)
def tls10(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 587, "starttls", SCANNER)
    each = outgoing("tls10", SCANNER, "Old but encrypted")
    with tape.recording(packets=ONLY_SUBMISSION):
        old = access.at(max_version=ssl.TLSVersion.TLSv1)
        tape.add(office.scanner.call(smtp.send, old, each))

"""Servers besides Postfix and Dovecot, and what only some servers and clients do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.laboratory import guests, unpacked
from tests.support.laboratory.clients import imap, pop3, scripted
from tests.support.laboratory.clients.access import Access
from tests.support.laboratory.clients.smtp import letter
from tests.support.laboratory.exim import Exim
from tests.support.laboratory.machine import wait_for
from tests.support.laboratory.messages import pdf, png
from tests.support.laboratory.people import INES, RAVI, TOM, ZOE
from tests.support.laboratory.scenarios.common import (
    fill_inbox,
    incoming,
    outgoing,
    to_server,
)
from tests.support.laboratory.tape import scenario

if TYPE_CHECKING:
    from tests.support.laboratory.machine import Machine
    from tests.support.laboratory.office import Office
    from tests.support.laboratory.tape import Tape


def to_machine(machine: Machine, port: int) -> Access:
    return Access(machine.ipv4, port)


def is_open(machine: Machine, access: Access) -> bool:
    """Whether a server answers, asked from its own machine."""
    return "OPEN" in machine.run(
        "bash", "-c", f"exec 3<>/dev/tcp/{access.host}/{access.port} && echo OPEN",
        check=False,
    )  # fmt: skip


@scenario(
    "smtp-exim-chunking",
    "A client pipelines envelopes and BDAT chunks to Exim, which refuses a recipient",
)
def exim_chunking(office: Office, tape: Tape) -> None:
    exim = Exim(office.desk, office.network.folder / "exim")
    exim.start()
    one = letter(
        "exim-1@laptop.example.com",
        "Tom Okafor <tom@example.com>",
        ["ines@example.com", "nobody@example.com", "zoe@example.com"],
        "In two chunks",
        files=(png("plan.png"),),
    )
    two = letter(
        "exim-2@laptop.example.com",
        "Tom Okafor <tom@example.com>",
        ["ravi@example.com"],
        "Once more",
    )
    with tape.recording(office.desk, interface="eth0"):
        access = to_machine(office.desk, 25)
        facts = office.laptop.call(scripted.send_pipelined_chunks, access, one, two)
    wait_for(lambda: len(exim.arrivals()) == 2, "Exim's log")
    # what Exim logged is what the client says that it sent
    assert [each["mail_from"] for each in exim.arrivals()] == facts["mail_from"]
    logged = [each["message_id"] for each in exim.arrivals()]
    assert logged == [each["message_id"] for each in facts["messages"]]
    accepted = set(facts["rcpt_to"]) - set(facts["rcpt_refused"])
    assert {r for each in exim.arrivals() for r in each["rcpt_to"]} == accepted
    tape.other["made_with"] = [
        unpacked.version(unpacked.unpack("exim4", office.network.folder))
    ]
    tape.add(facts)


@scenario(
    "smtp-aiosmtpd",
    "A client pipelines the envelope to Python's aiosmtpd, which refuses a recipient",
    "aiosmtpd",
)
def aiosmtpd(office: Office, tape: Tape) -> None:
    each = letter(
        "aiosmtpd@laptop.example.com",
        "Tom Okafor <tom@example.com>",
        ["ines@example.com", "nobody@example.com"],
        "To a server in Python",
    )
    access = to_machine(office.desk, 2525)
    with office.desk.running(guests.serve_aiosmtpd, "SMTP", (access.host, access.port)):
        wait_for(lambda: is_open(office.desk, access), "aiosmtpd")
        with tape.recording(office.desk, interface="eth0"):
            tape.add(office.laptop.call(scripted.send_pipelined, access, each))


@scenario(
    "lmtp-aiosmtpd",
    "A client delivers to Python's aiosmtpd by LMTP; one mailbox of three is full",
    "aiosmtpd",
)
def lmtp_aiosmtpd(office: Office, tape: Tape) -> None:
    each = letter(
        "lmtp-py@mx.example.net",
        "Marta Keller <marta@example.net>",
        [
            "ines@example.com",
            "full@example.com",
            "nobody@example.com",
            "zoe@example.com",
        ],
        "To several mailboxes",
    )
    access = to_machine(office.desk, 24)
    with office.desk.running(guests.serve_aiosmtpd, "LMTP", (access.host, access.port)):
        wait_for(lambda: is_open(office.desk, access), "aiosmtpd")
        with tape.recording(office.desk, interface="eth0"):
            tape.add(office.laptop.call(scripted.deliver_locally, access, each))


@scenario(
    "lmtp-dovecot",
    "A client delivers to two mailboxes of Dovecot by LMTP; a third is unknown",
    "dovecot-core",
)
def lmtp_dovecot(office: Office, tape: Tape) -> None:
    fill_inbox(office, INES)
    fill_inbox(office, ZOE)
    each = incoming("lmtp", INES, ZOE, subject="For both", files=(png("both.png"),))
    with tape.recording():
        access = to_server(office, tape, 24)
        tape.add(office.outside.call(scripted.deliver_locally, access, each))


@scenario(
    "smtp-xclient",
    "A client tells Postfix by XCLIENT on whose behalf it sends a letter",
    "postfix",
)
def xclient(office: Office, tape: Tape) -> None:
    each = incoming("xclient", TOM, subject="On behalf of another")
    with tape.recording():
        tape.add(
            office.desk.call(
                lambda: scripted.send_for_another(
                    to_server(office, tape, 25),
                    each,
                    NAME="traveller.example.net",
                    ADDR="198.51.100.77",
                    HELO="traveller.example.net",
                )
            )
        )


@scenario(
    "smtp-auth-again",
    "A client cancels a login, fails at the next and succeeds at the third",
    "postfix",
    "dovecot-core",
)
def auth_again(office: Office, tape: Tape) -> None:
    # without the relay that follows
    with tape.recording(packets="tcp port 587"):
        access = to_server(office, tape, 587, person=RAVI)
        each = outgoing("again", RAVI, "At the third attempt")
        tape.add(office.laptop.call(scripted.log_in_again, access, each))


@scenario(
    "imap-compress",
    "An IMAP client compresses its session with Dovecot (RFC 4978) after the login",
    "python3",
    "dovecot-core",
)
def compress(office: Office, tape: Tape) -> None:
    fill_inbox(
        office,
        TOM,
        incoming("deflated", TOM, subject="Deflated", files=(pdf("flat.pdf"),)),
        incoming("second", TOM, subject="Second"),
    )
    sent = outgoing("compressed", TOM, "Stored in few bytes")
    actions = (
        imap.compress(),
        imap.select("INBOX"),
        imap.fetch("1:*"),
        imap.store("2", "\\Deleted"),
        imap.expunge(),
        imap.append("Sent", sent.message.as_bytes(), sent.facts()),
    )
    with tape.recording():
        access = to_server(office, tape, 143, person=TOM)
        facts = office.laptop.call(imap.session, access, *actions)
    facts["state"] = "logout"
    tape.add(facts)


@scenario(
    "imap-extensions",
    "An IMAP client of Dovecot lists, creates, copies, moves, flags, searches, sorts,"
    " and looks at single parts",
    "python3",
    "dovecot-core",
)
def extensions(office: Office, tape: Tape) -> None:
    fill_inbox(
        office,
        ZOE,
        incoming("ext-1", ZOE, subject="Première", files=(pdf("one.pdf"),)),
        incoming("ext-2", ZOE, subject="Second"),
        incoming("ext-3", ZOE, subject="Third"),
    )
    draft = b"Subject: joined\r\n\r\n", b"Two texts.\r\n"
    actions = (
        imap.say(b'e1 ID ("name" "lab" "version" "1")', uses="ID"),
        imap.say(b"e2 NAMESPACE", uses="NAMESPACE"),
        imap.say(b"e3 ENABLE CONDSTORE", uses="ENABLE"),
        imap.say(b'e4 LIST "" "*"', listed=3),
        imap.say(b"e5 CREATE Archive", changed=1),
        imap.select("INBOX"),
        imap.say(b"e6 FETCH 1:* (UID ENVELOPE BODYSTRUCTURE)", headers=3),
        imap.say(b"e7 FETCH 1 BODY.PEEK[2]", parts=1),
        imap.say(b"e8 FETCH 2 BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)]"),
        imap.say(b"e9 STORE 1:2 +FLAGS (\\Flagged)", flagged=2),
        imap.say(b"e10 COPY 1:2 Archive", copied=2),
        imap.say(b"e11 SEARCH RETURN (ALL COUNT) UNSEEN", uses="ESEARCH"),
        imap.say(b"e12 SORT (SUBJECT) UTF-8 ALL", uses="SORT"),
        imap.say(b"e13 UID THREAD REFERENCES UTF-8 ALL", uses="THREAD"),
        imap.say(b"e14 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)", uses="CONDSTORE"),
        imap.say(b"e15 UID MOVE 3 Trash", uses="MOVE", moved=1),
        imap.say(
            b"e16 APPEND Archive CATENATE (TEXT {%d+}" % len(draft[0]),
            draft[0] + b" TEXT {%d+}" % len(draft[1]),
            draft[1] + b")",
            uses="CATENATE",
            appended=1,
        ),
        imap.say(b"e17 UNSELECT", uses="UNSELECT"),
    )
    with tape.recording():
        access = to_server(office, tape, 143, person=ZOE)
        facts = office.laptop.call(imap.session, access, *actions)
    facts |= {"state": "logout", "synchronisation": "complete"}
    # the pieces, when the message that is moved changes the numbers, and the draft
    facts.pop("messages")
    tape.add(facts)
    log = office.dovecot.log()
    for event in ("copy from INBOX", "expunge: box=INBOX", "flag_change: box=INBOX"):
        assert event in log


@scenario(
    "imap-courier-preauth",
    "imaplib reads a mailbox of Courier's imapd, which greets with PREAUTH",
    "python3",
)
def courier(office: Office, tape: Tape) -> None:
    folder = office.network.folder
    program = unpacked.unpack("imapd", folder)
    each = incoming("courier", INES, subject="By Courier", files=(png("c.png"),))
    maildir = guests.make_maildir(folder / "courier", each.message.as_bytes())
    access = to_machine(office.desk, 143)
    address = (access.host, access.port)
    arguments = (program, unpacked.libraries(program), maildir, INES.address, address)
    with office.desk.running(guests.serve_preauthenticated, *arguments):
        wait_for(lambda: is_open(office.desk, access), "Courier")
        with tape.recording(office.desk, interface="eth0"):
            facts = office.laptop.call(
                imap.session,
                access,
                imap.select("INBOX"),
                imap.fetch("1:*"),
                imap.store("1", "\\Deleted"),
                imap.expunge(),
            )
    facts["state"] = "logout"
    tape.other["made_with"] = [unpacked.version(program)]
    tape.add(facts)


@scenario(
    "pop3-top-and-leave",
    "poplib looks at the tops of messages and deletes one, once with QUIT and once"
    " without",
    "python3",
    "dovecot-core",
)
def top_and_leave(office: Office, tape: Tape) -> None:
    fill_inbox(
        office,
        RAVI,
        incoming("top-1", RAVI, subject="First"),
        incoming("top-2", RAVI, subject="Second"),
        incoming("top-3", RAVI, subject="Third"),
    )
    access = to_server(office, tape, 110, person=RAVI)
    with tape.recording():
        for politely in (False, True):
            tape.add(
                office.laptop.call(
                    lambda politely=politely: pop3.look_and_leave(
                        access, delete=2, politely=politely
                    )
                )
            )

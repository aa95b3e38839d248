"""An office's mail: the demonstration capture that mailtap comes with."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING

from tests.support.laboratory.clients import imap, pop3, smtp
from tests.support.laboratory.clients.access import Access
from tests.support.laboratory.clients.commands import Curl, Swaks
from tests.support.laboratory.clients.smtp import letter
from tests.support.laboratory.messages import archive, pdf, png, table
from tests.support.laboratory.people import (
    GUESSES,
    INES,
    RAVI,
    SCANNER,
    TOM,
    ZOE,
    Person,
)
from tests.support.laboratory.tape import scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.laboratory.clients.access import Facts
    from tests.support.laboratory.clients.smtp import Letter
    from tests.support.laboratory.machine import Machine
    from tests.support.laboratory.office import Office
    from tests.support.laboratory.postfix import Postfix
    from tests.support.laboratory.tape import Tape

SERVER = "mail.example.com"
MUTT = ("User-Agent", "Mutt/2.2.12 (2023-09-09)")
THUNDERBIRD = ("User-Agent", "Mozilla Thunderbird")
FIRMWARE = ("X-Mailer", "DocuScan 300 firmware 2.14")
SHOP = ("X-Mailer", "PHPMailer 6.9.1 (https://github.com/PHPMailer/PHPMailer)")

TLS12 = ssl.TLSVersion.TLSv1_2
IPV6 = socket.AF_INET6


class Day:
    """A day at the office, played step by step; the steps share their messages."""

    def __init__(self, office: Office, tape: Tape) -> None:
        self.office = office
        self.tape = tape

    def access(
        self, port: int, tls: str = "none", person: Person | None = None
    ) -> Access:
        """Return the way to the office's server."""
        return Access(
            SERVER,
            port,
            tls,
            person,
            trusted=self.office.trusted,
            key_log=self.tape.key_log,
        )

    def submit(self, machine: Machine, access: Access, *letters: Letter) -> None:
        """Submit letters, and wait until the server has passed them on."""
        self.tape.add(machine.call(smtp.send, access, *letters))
        for each in letters:
            self._follow(self.office.postfix, each)

    def arrive(self, outside: Postfix, each: Letter) -> None:
        """Have an outside server send a letter to the office."""
        outside.machine.call(smtp.send, Access("127.0.0.1", 25), each)
        self._follow(outside, each)
        self.office.postfix.wait_until_sent(str(each.message["Message-ID"]))

    def _follow(self, postfix: Postfix, each: Letter) -> None:
        connections = postfix.wait_until_sent(str(each.message["Message-ID"]))
        for facts in connections:
            self.tape.add(facts | {"messages": [each.facts()]})

    def browse(self, machine: Machine, access: Access, *actions: imap.Action) -> None:
        """Do things in somebody's mailboxes."""
        self.tape.add(machine.call(imap.session, access, *actions))

    def collect(self, machine: Machine, access: Access, *delete: int) -> None:
        """Collect somebody's mail by POP3, and delete some of it."""
        self.tape.add(machine.call(pop3.session, access, delete))

    def morning(self) -> None:
        """Everyone looks what is new; the first mails go out and come in."""
        office = self.office
        self.browse(
            office.desk,
            self.access(143, "starttls", INES),
            imap.select("INBOX"),
            imap.fetch("1:*"),
        )
        files = (pdf("Quotation 2291.pdf", 4, 7), table("Stückliste.csv", 3))
        self.submit(
            office.desk,
            self.access(587, "starttls", INES),
            letter(
                "q2291.7f3a@desk.example.com",
                "Ines Marlow <ines@example.com>",
                ["marta@example.net", "zoe@example.com"],
                "Quotation 2291, Stückliste",
                files=files,
                mailer=THUNDERBIRD,
                html=True,
            ),
        )
        self.arrive(
            office.relay_tls,
            letter(
                "20261123.0914@mx.example.net",
                "Marta Keller <marta@example.net>",
                ["ines@example.com"],
                "Re: Quotation 2291, Stückliste",
                mailer=MUTT,
            ),
        )
        self.arrive(
            office.relay_plain,
            letter(
                "order-58113@shop.example.org",
                "Example Shop <orders@example.org>",
                ["tom@example.com"],
                "Your order 58113 has been shipped",
                files=(png("logo.png", 90, 60),),
                mailer=SHOP,
                html=True,
            ),
        )

    def scans(self) -> None:
        """An old scanner logs in without TLS and sends what it scanned."""
        for number in (1, 2):
            self.submit(
                self.office.scanner,
                self.access(587, "none", SCANNER).at(mechanism="LOGIN"),
                letter(
                    f"scan{number:04}.c0ffee@scanner.example.com",
                    "Scanner 2nd floor <scanner@example.com>",
                    ["ravi@example.com"],
                    f"Scan {number:04}",
                    files=(pdf(f"scan{number:04}.pdf", 5 * number, number),),
                    mailer=FIRMWARE,
                    lines=1,
                ),
            )

    def phones(self) -> None:
        """A phone reads by IMAPS over IPv6 and sends by implicit TLS."""
        phone = self.office.phone
        self.browse(
            phone,
            self.access(993, "implicit", ZOE).at(family=IPV6),
            imap.select("INBOX"),
            imap.fetch("1:*", "(UID BODY.PEEK[])"),
        )
        self.submit(
            phone,
            self.access(465, "implicit", ZOE).at(family=IPV6),
            letter(
                "a81f22d0-phone@example.com",
                "Zoë Lindqvist <zoe@example.com>",
                ["jun@example.org", "ines@example.com"],
                "写真 / Foto vom Aufbau",
                files=(png("IMG_0231.png", 160, 120, 5),),
                mailer=("X-Mailer", "Phone Mail (17.5)"),
            ),
        )

    def old_clients(self) -> None:
        """IMAP and POP3 in plaintext, POP3 with STLS and TLS 1.2, POP3S."""
        office = self.office
        reply = letter(
            "tom-87a@laptop.example.com",
            "Tom Okafor <tom@example.com>",
            ["orders@example.org"],
            "Re: Your order 58113 has been shipped",
            mailer=MUTT,
        )
        self.browse(
            office.laptop,
            self.access(143, "none", TOM).at(family=IPV6),
            imap.select("INBOX"),
            imap.look("1:*", "(FLAGS RFC822.SIZE BODY.PEEK[HEADER])"),
            imap.fetch("1:*", "(FLAGS BODY[])"),
            imap.store("1", "\\Deleted"),
            imap.expunge(),
            imap.append(
                "Sent",
                reply.message.as_bytes(),
                reply.facts(),
            ),
        )
        self.collect(office.laptop, self.access(110, "none", RAVI), 1)
        self.collect(
            office.laptop, self.access(110, "starttls", RAVI).at(max_version=TLS12)
        )
        self.collect(office.phone, self.access(995, "implicit", ZOE))

    def mistakes(self) -> None:
        """Recipients that don't exist, a mistyped password, a slow answer."""
        office = self.office
        self.submit(
            office.laptop,
            self.access(587, "starttls", TOM).at(max_version=TLS12, family=IPV6),
            letter(
                "minutes-44@laptop.example.com",
                "Tom Okafor <tom@example.com>",
                ["ines@example.com", "inse@example.com", "zeo@example.com"],
                "Minutes of Monday's meeting",
                files=(archive("minutes.zip"),),
                mailer=MUTT,
            ),
        )
        self.browse(office.desk, self.access(143, "none", INES).at(password=GUESSES[1]))
        self.tape.add(
            office.outside.call(
                smtp.send,
                self.access(25, "starttls"),
                letter(
                    "slow-1@mx.example.net",
                    "Slow sender <slow@example.net>",
                    ["tom@example.com"],
                    "A mail that waits for its recipient check",
                    mailer=MUTT,
                ),
            )
        )

    def stranger(self) -> None:
        """A stranger guesses passwords, tries to relay, and looks around."""
        stranger = self.office.stranger
        for person, guess in zip((SCANNER, SCANNER, INES, TOM), GUESSES, strict=True):
            access = self.access(587, "none", person).at(
                password=guess, mechanism="LOGIN"
            )
            self.tape.add(stranger.call(smtp.send, access))
        for guess in GUESSES[:3]:
            access = self.access(110, "none", SCANNER).at(password=guess)
            self.collect(stranger, access)
        self.tape.add(
            stranger.call(
                smtp.send,
                self.access(25),
                letter(
                    "relay-test@host-66.example.org",
                    "Winner <prize@example.org>",
                    ["jun@example.org"],
                    "Relay test",
                ),
            )
        )

    def tools(self) -> None:
        """Scripts of the administrator: swaks and curl."""
        office, tape = self.office, self.tape
        swaks = Swaks(self.access(587, "starttls", RAVI).at(mechanism="PLAIN"))
        facts = swaks.send(
            office.desk, "ravi@example.com", ["news@example.net"], "Backup report"
        )
        tape.add(facts)
        tape.add(*office.postfix.wait_until_sent(facts["messages"][0]["message_id"]))
        tape.sessions[-1]["messages"] = facts["messages"]
        tape.add(
            Curl(self.access(993, "implicit", INES)).fetch(office.desk, "INBOX", 1)
        )


@scenario(
    "office",
    "A day at a small office in a minute: Postfix and Dovecot, mail in and out with"
    " two outside servers, several clients over IPv4 and IPv6, clear, STARTTLS and"
    " implicit TLS, and a stranger who guesses passwords",
    "postfix",
    "dovecot-core",
    "python3",
    "swaks",
    "curl",
    is_demo=True,
)
def office(office: Office, tape: Tape) -> None:
    day = Day(office, tape)
    office.dovecot.fill(INES, _welcome(INES, 1))
    office.dovecot.fill(ZOE, _welcome(ZOE, 2))
    for person in (TOM, RAVI, SCANNER):
        office.dovecot.fill(person)
    with tape.recording(packets="tcp or arp or icmp6"):
        waiting = _wait_for_news(day)
        for step in (
            day.morning,
            day.scans,
            day.phones,
            day.old_clients,
            day.mistakes,
            day.stranger,
            day.tools,
        ):
            step()
            time.sleep(0.5)
        tape.sessions.insert(0, waiting())


def _wait_for_news(day: Day) -> Callable[[], Facts]:
    """Keep a session open in IDLE while the rest goes on."""
    pending = day.office.laptop.begin(
        imap.session,
        day.access(993, "implicit", INES).at(family=IPV6),
        imap.select("INBOX"),
        imap.idle(20),
    )
    time.sleep(0.5)
    return pending.result


def _welcome(person: Person, number: int) -> bytes:
    each = letter(
        f"welcome-{number}@example.com",
        "Ravi Iyer <ravi@example.com>",
        [person.address],
        f"Welcome, {person.name}",
        mailer=MUTT,
    )
    return each.message.as_bytes()

"""Mailboxes read by IMAP."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from tests.support.laboratory.clients import imap
from tests.support.laboratory.clients.commands import Curl, OpenSSL
from tests.support.laboratory.clients.fetchers import Mbsync
from tests.support.laboratory.messages import pdf, png
from tests.support.laboratory.people import GUESSES, INES, RAVI, SALES, TOM, ZOE
from tests.support.laboratory.scenarios.common import (
    fill_inbox,
    incoming,
    outgoing,
    to_server,
)
from tests.support.laboratory.tape import scenario

if TYPE_CHECKING:
    from tests.support.laboratory.clients.access import Access
    from tests.support.laboratory.office import Office
    from tests.support.laboratory.tape import Tape


def browse(office: Office, tape: Tape, access: Access, *actions: imap.Action) -> None:
    """Record a session of an imaplib client."""
    with tape.recording():
        tape.add(office.laptop.call(imap.session, access, *actions))


@scenario(
    "imap-login-plain",
    "imaplib logs in to Dovecot without TLS, selects, fetches, stores, expunges,"
    " appends and idles",
    "python3",
    "dovecot-core",
)
def login_plain(office: Office, tape: Tape) -> None:
    fill_inbox(
        office,
        TOM,
        incoming("one", TOM, subject="Première", files=(pdf("one.pdf"),)),
        incoming("two", TOM, subject="Second"),
        incoming("three", TOM, subject="Third"),
    )
    draft = outgoing("draft", TOM, "Not sent yet")
    browse(
        office,
        tape,
        to_server(office, tape, 143, person=TOM),
        imap.select("INBOX"),
        imap.look("1:*", "(UID FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE)"),
        imap.fetch("1:2", "(FLAGS BODY[])"),
        imap.fetch("3", "(UID BODY.PEEK[])", uid=True),
        imap.store("2:3", "\\Deleted"),
        imap.expunge(),
        imap.append("Sent", draft.message.as_bytes(), draft.facts()),
        imap.select("Sent"),
        imap.idle(0.5),
    )


@scenario(
    "imap-literal-login",
    "An IMAP client sends user name and password as synchronizing literals",
    "python3",
    "dovecot-core",
)
def literal_login(office: Office, tape: Tape) -> None:
    fill_inbox(office, SALES, incoming("literal", SALES, subject="In braces"))
    access = to_server(office, tape, 143, person=SALES).at(mechanism="literal")
    browse(office, tape, access, imap.select("INBOX"), imap.fetch("1"))


@scenario(
    "imap-quoted-login",
    "imaplib logs in with a password whose quoted string needs escapes",
    "python3",
    "dovecot-core",
)
def quoted_login(office: Office, tape: Tape) -> None:
    fill_inbox(office, SALES)
    access = to_server(office, tape, 143, person=SALES)
    browse(office, tape, access, imap.select("INBOX"))


@scenario(
    "imap-starttls",
    "imaplib reads a mailbox of Dovecot after STARTTLS with TLS 1.2",
    "python3",
    "dovecot-core",
)
def starttls(office: Office, tape: Tape) -> None:
    fill_inbox(office, INES, incoming("starttls", INES, subject="After STARTTLS"))
    access = to_server(office, tape, 143, "starttls", INES)
    access = access.at(max_version=ssl.TLSVersion.TLSv1_2)
    browse(office, tape, access, imap.select("INBOX"), imap.fetch("1:*"))


@scenario(
    "imap-implicit-tls",
    "curl fetches a message from Dovecot on port 993 with TLS 1.3",
    "curl",
    "dovecot-core",
)
def implicit_tls(office: Office, tape: Tape) -> None:
    letter = incoming("imaps", ZOE, subject="By IMAPS", files=(png("map.png"),))
    fill_inbox(office, ZOE, letter)
    curl = Curl(to_server(office, tape, 993, "implicit", ZOE))
    with tape.recording():
        tape.add(curl.fetch(office.desk, "INBOX", 1))


@scenario(
    "imap-authenticate-plain-initial-response",
    "An IMAP client authenticates by PLAIN with an initial response (RFC 4959), no TLS",
    "python3",
    "dovecot-core",
)
def authenticate_plain(office: Office, tape: Tape) -> None:
    fill_inbox(office, RAVI, incoming("sasl-ir", RAVI, subject="At once"))
    access = to_server(office, tape, 143, person=RAVI).at(mechanism="PLAIN")
    browse(office, tape, access, imap.select("INBOX"), imap.fetch("1:*"))


@scenario(
    "imap-cram-md5",
    "imaplib authenticates to Dovecot by CRAM-MD5 without TLS",
    "python3",
    "dovecot-core",
)
def cram_md5(office: Office, tape: Tape) -> None:
    fill_inbox(office, RAVI)
    access = to_server(office, tape, 143, person=RAVI).at(mechanism="CRAM-MD5")
    browse(office, tape, access, imap.select("INBOX"))


@scenario(
    "imap-failed-login",
    "imaplib tries a wrong password without TLS",
    "python3",
    "dovecot-core",
)
def failed_login(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 143, person=INES).at(password=GUESSES[1])
    browse(office, tape, access)


@scenario(
    "imap-utf7-mailbox",
    "imaplib creates and selects a mailbox whose name is in modified UTF-7",
    "python3",
    "dovecot-core",
)
def utf7_mailbox(office: Office, tape: Tape) -> None:
    fill_inbox(office, ZOE)
    letter = outgoing("utf7", ZOE, "Größe")
    browse(
        office,
        tape,
        to_server(office, tape, 143, person=ZOE),
        # RFC 9051 appendix A.1: & shifts to base64 of UTF-16, - shifts back
        imap.create("Entw&APw-rfe &- Pl&AOQ-ne"),
        imap.append(
            "Entw&APw-rfe &- Pl&AOQ-ne", letter.message.as_bytes(), letter.facts()
        ),
        imap.select("Entwürfe & Pläne", "Entw&APw-rfe &- Pl&AOQ-ne"),
        imap.fetch("1:*"),
    )


@scenario(
    "imap-mbsync",
    "mbsync copies the mailboxes of an account to a maildir without TLS",
    "isync",
    "dovecot-core",
)
def mbsync(office: Office, tape: Tape) -> None:
    fill_inbox(
        office,
        INES,
        incoming("sync-1", INES, subject="To be synchronised"),
        incoming("sync-2", INES, subject="So this", files=(png("photo.png"),)),
    )
    access = to_server(office, tape, 143, person=INES).at(mechanism="LOGIN")
    with tape.recording():
        tape.add(Mbsync(access).pull(office.laptop))


@scenario(
    "imap-untrusted-certificate",
    "openssl s_client offers at most TLS 1.2 after STARTTLS and rejects the certificate"
    " of Dovecot with an alert",
    "openssl",
    "dovecot-core",
)
def untrusted_certificate(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 143, "starttls").at(trusted=None, key_log=None)
    with tape.recording():
        facts = OpenSSL(access).shake_hands(
            office.laptop, "imap", "-tls1_2", "-verify_return_error"
        )
        tape.add(facts)


@scenario(
    "imap-no-login",
    "openssl s_client connects to Dovecot on port 993 and logs out without a login",
    "openssl",
    "dovecot-core",
)
def no_login(office: Office, tape: Tape) -> None:
    access = to_server(office, tape, 993, "implicit")
    with tape.recording():
        facts = OpenSSL(access).shake_hands(
            office.laptop, "imap", "-alpn", "imap", lines="a1 NOOP\na2 LOGOUT\n"
        )
        tape.add(facts)

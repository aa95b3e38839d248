"""Small servers that run for one scenario, such as Courier's imapd and aiosmtpd."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from typing import TYPE_CHECKING, Any

from tests.support.laboratory.postfix import MAIL_UID

if TYPE_CHECKING:
    from pathlib import Path

    from aiosmtpd.smtp import SMTP, Envelope, Session

CAPABILITY = "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT SORT IDLE"


def serve_preauthenticated(
    program: Path, libraries: Path, maildir: Path, user: str, address: tuple[str, int]
) -> None:
    """Run Courier's imapd for each connection, as inetd does, without a login.

    Such a server greets with PREAUTH (RFC 9051 §7.1.4).
    """
    environment = {
        "AUTHENTICATED": user,
        "PROTOCOL": "IMAP",
        "IMAP_CAPABILITY": CAPABILITY,
        "LD_LIBRARY_PATH": str(libraries),
        "TCPREMOTEIP": address[0],
        "PATH": os.environ["PATH"],
    }
    with socket.create_server(address) as server:
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                os.setgid(MAIL_UID)
                os.setuid(MAIL_UID)
                os.dup2(connection.fileno(), 0)
                os.dup2(connection.fileno(), 1)
                os.execve(program, [str(program), str(maildir)], environment)
            connection.close()


def make_maildir(folder: Path, *messages: bytes) -> Path:
    """Make a maildir with new messages in it."""
    for name in ("cur", "new", "tmp"):
        (folder / name).mkdir(parents=True)
    for number, message in enumerate(messages, 1):
        # Courier turns LF into CRLF
        text = message.replace(b"\r\n", b"\n")
        (folder / "new" / f"17{number:08}.M1P1.lab").write_bytes(text)
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, MAIL_UID, MAIL_UID)
    return folder


class _Handler:
    """Takes mail for anybody but `nobody`, and refuses one of two recipients."""

    async def handle_RCPT(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options += options
        return "250 2.1.5 OK"

    async def handle_DATA(
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if type(server).__name__ != "LMTP":
            return "250 2.0.0 OK"
        # RFC 2033 §4.2: a reply for each recipient
        return "\r\n".join(
            "452 4.2.2 mailbox full" if each.startswith("full@") else "250 2.0.0 OK"
            for each in envelope.rcpt_tos
        )


def serve_aiosmtpd(kind: str, address: tuple[str, int]) -> None:
    """Run aiosmtpd's `SMTP` or `LMTP` at an address."""
    from aiosmtpd import lmtp, smtp

    make: Any = lmtp.LMTP if kind == "LMTP" else smtp.SMTP

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: make(_Handler(), hostname="py.example.com", enable_SMTPUTF8=True),
            *address,
        )
        await server.serve_forever()

    asyncio.run(serve())


def serve_greylist(address: tuple[str, int]) -> None:
    """Have Postfix refuse each sender and recipient once (its policy protocol)."""
    known: set[tuple[str, ...]] = set()
    with socket.create_server(address) as server:
        while True:
            connection, _ = server.accept()
            with connection, connection.makefile("rw") as lines:
                asked: dict[str, str] = {}
                for line in lines:
                    name, _, value = line.rstrip().partition("=")
                    asked[name] = value
                    if name:
                        continue
                    mail = asked["client_address"], asked["sender"], asked["recipient"]
                    action = "DUNNO" if mail in known else "450 4.2.0 Greylisted"
                    known.add(mail)
                    lines.write(f"action={action}\n\n")
                    lines.flush()

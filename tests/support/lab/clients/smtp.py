"""SMTP clients: Python's smtplib, and lines over a socket where it is too tame."""

from __future__ import annotations

import smtplib
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.lab.messages import File, compose, message_facts
from tests.support.lab.people import cram_forms

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import EmailMessage

    from tests.support.lab.clients.access import Access, Facts

IMPLICIT = "implicit"
STARTTLS = "starttls"


@dataclass(frozen=True, slots=True)
class Letter:
    """A message and its envelope."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    files: tuple[File, ...] = ()
    options: list[str] = field(default_factory=list)

    def facts(self) -> Facts:
        """Return what a reader of the message can know of it."""
        return message_facts(self.message, self.files)


def letter(
    message_id: str,
    sender: str,
    recipients: list[str],
    subject: str,
    *,
    files: tuple[File, ...] = (),
    envelope_sender: str | None = None,
    lines: int = 6,
    mailer: tuple[str, str] | None = None,
    html: bool = False,
) -> Letter:
    """Compose a letter; `sender` may be `Name <address>`."""
    message = compose(
        message_id, sender, recipients, subject,
        files=files, lines=lines, mailer=mailer, html=html,
    )  # fmt: skip
    if envelope_sender is None:
        envelope_sender = sender.rpartition("<")[2].rstrip(">")
    return Letter(envelope_sender, recipients, message, files)


class _Client(smtplib.SMTP):
    """An smtplib client that connects the way its access says."""

    def __init__(self, access: Access) -> None:
        self.access = access
        super().__init__(access.host, access.port, local_hostname=socket.gethostname())

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        raw = self.access.connect()
        if self.access.tls == IMPLICIT:
            return self.access.context().wrap_socket(raw, server_hostname=host)
        return raw


def send(access: Access, *letters: Letter) -> Facts:
    """Submit or relay letters over one connection."""
    with _Client(access) as client:
        facts = _begin(client, access)
        if access.person and not _log_in(client, access, facts):
            return facts
        facts |= {"mail_from": [], "rcpt_to": [], "rcpt_refused": []}
        for each in letters:
            _transact(client, each, facts)
    return facts


def _begin(client: _Client, access: Access) -> Facts:
    assert client.sock is not None
    facts = access.facts("smtp", client.sock)
    client.ehlo()
    if access.tls == STARTTLS:
        client.starttls(context=access.context())
        client.ehlo()
    if access.tls != "none":
        access.add_tls_facts(facts, client.sock)
    return facts


def _log_in(client: _Client, access: Access, facts: Facts) -> bool:
    assert access.person is not None
    client.user, client.password = access.person.address, access.secret

    def cram_md5(challenge: bytes | None = None) -> str | None:
        if challenge is None:
            return None
        response = client.auth_cram_md5(challenge)
        facts["secrets"] = cram_forms(response)
        return response

    methods: dict[str, Callable[..., Any]] = {
        "PLAIN": client.auth_plain,
        "LOGIN": client.auth_login,
        "CRAM-MD5": cram_md5,
    }
    mechanism = access.mechanism or "PLAIN"
    try:
        client.auth(
            mechanism,
            methods[mechanism],
            initial_response_ok=mechanism == "PLAIN",
        )
    except smtplib.SMTPAuthenticationError:
        access.add_login_facts(facts, mechanism, accepted=False)
        return False
    access.add_login_facts(facts, mechanism, accepted=True)
    return True


def _transact(client: _Client, each: Letter, facts: Facts) -> None:
    facts["mail_from"].append(each.sender)
    facts["rcpt_to"] += each.recipients
    try:
        refused = client.send_message(
            each.message, each.sender, each.recipients, each.options
        )
    except smtplib.SMTPRecipientsRefused as error:
        facts["rcpt_refused"] += list(error.recipients)
        return
    facts["rcpt_refused"] += list(refused)
    facts["messages"].append(each.facts())


class Dialogue:
    """An SMTP client that says exactly what it is told to."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._socket = access.connect()
        self._replies = self._socket.makefile("rb")
        self.facts = access.facts("smtp", self._socket) | {
            "mail_from": [],
            "rcpt_to": [],
            "rcpt_refused": [],
        }
        self.reply()

    def reply(self) -> int:
        """Read one reply and return its code."""
        while (line := self._replies.readline())[3:4] == b"-":
            pass
        return int(line[:3])

    def say(self, *lines: str, content: bytes = b"") -> list[int]:
        """Send lines and content at once, then read a reply for each line."""
        self._socket.sendall(
            "".join(f"{line}\r\n" for line in lines).encode() + content
        )
        return [self.reply() for _ in lines]

    def envelope(self, each: Letter) -> None:
        """Send the envelope of a letter, one command after the other."""
        self.say(f"MAIL FROM:<{each.sender}>")
        self.facts["mail_from"].append(each.sender)
        for recipient in each.recipients:
            (code,) = self.say(f"RCPT TO:<{recipient}>")
            self.facts["rcpt_to"].append(recipient)
            if code >= 400:
                self.facts["rcpt_refused"].append(recipient)

    def deliver(self, each: Letter) -> None:
        """Send a letter's content after DATA was accepted."""
        content = each.message.as_bytes().rstrip(b"\r\n")
        # no line of the lab's letters begins with a dot
        self.say(content=content + b"\r\n.\r\n")
        if self.reply() == 250:
            self.facts["messages"].append(each.facts())

    def protect(self) -> None:
        """Begin TLS, now that the server is ready for it."""
        protected = self._access.context().wrap_socket(
            self._socket, server_hostname=self._access.host
        )
        self._access.add_tls_facts(self.facts, protected)
        self._socket = protected
        self._replies = protected.makefile("rb")

    def close(self) -> Facts:
        """Take leave and return the facts."""
        self.say("QUIT")
        self._socket.close()
        return self.facts


def send_in_chunks(access: Access, size: int, *letters: Letter) -> Facts:
    """Send letters by BDAT (RFC 3030) in chunks of some size."""
    client = Dialogue(access)
    client.say(f"EHLO {socket.gethostname()}")
    for each in letters:
        client.envelope(each)
        content = each.message.as_bytes()
        *starts, last = range(0, len(content), size)
        for start in starts:
            client.say(f"BDAT {size}", content=content[start : start + size])
        rest = content[last:]
        if client.say(f"BDAT {len(rest)} LAST", content=rest) == [250]:
            client.facts["messages"].append(each.facts())
    return client.close()


def send_pipelined(access: Access, each: Letter) -> Facts:
    """Send the whole envelope and DATA in one go (RFC 2920)."""
    client = Dialogue(access)
    client.say(f"EHLO {socket.gethostname()}")
    client.facts["mail_from"] = [each.sender]
    client.facts["rcpt_to"] = each.recipients
    recipients = [f"RCPT TO:<{address}>" for address in each.recipients]
    _, *codes, start = client.say(f"MAIL FROM:<{each.sender}>", *recipients, "DATA")
    client.facts["rcpt_refused"] = [
        address
        for address, code in zip(each.recipients, codes, strict=True)
        if code >= 400
    ]
    if start == 354:
        client.deliver(each)
    return client.close()


def ask_for_tls(access: Access) -> Facts:
    """Ask for TLS where it will be refused, and go on without."""
    client = Dialogue(access)
    client.say(f"EHLO {socket.gethostname()}")
    client.facts["starttls_reply"] = client.say("STARTTLS")[0]
    return client.close()


def send_with_stowaway(access: Access, each: Letter) -> Facts:
    """Send STARTTLS and a command behind it at once; then a letter after TLS."""
    client = Dialogue(access)
    client.say(f"EHLO {socket.gethostname()}")
    client.say("STARTTLS", content=b"NOOP stowaway\r\n")
    client.protect()
    client.say(f"EHLO {socket.gethostname()}")
    client.envelope(each)
    client.say("DATA")
    client.deliver(each)
    return client.close()


def send_content(access: Access, each: Letter, content: bytes) -> Facts:
    """Send mail data as it is, and note how many replies it caused."""
    client = Dialogue(access)
    client.say(f"EHLO {socket.gethostname()}")
    client.envelope(each)
    client.say("DATA")
    client.say(content=content + b"\r\n.\r\n")
    client.facts["replies_to_content"] = replies = [client.reply()]
    client.say(content=b"QUIT\r\n")
    while (code := client.reply()) != 221:
        replies.append(code)
    return client.facts

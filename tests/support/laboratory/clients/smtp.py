"""SMTP clients: Python's smtplib, and lines over a socket where it is too tame."""

from __future__ import annotations

import smtplib
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.laboratory.messages import File, compose, message_facts
from tests.support.laboratory.people import cram_forms

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import EmailMessage

    from tests.support.laboratory.clients.access import Access, Facts

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
    try:
        refused = client.send_message(
            each.message, each.sender, each.recipients, each.options
        )
    except smtplib.SMTPSenderRefused:
        return
    except smtplib.SMTPRecipientsRefused as error:
        facts["rcpt_to"] += each.recipients
        facts["rcpt_refused"] += list(error.recipients)
        return
    facts["rcpt_to"] += each.recipients
    facts["rcpt_refused"] += list(refused)
    facts["messages"].append(each.facts())

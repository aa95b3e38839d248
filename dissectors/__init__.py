"""From streams to protocol events: SMTP, IMAP, POP3 and TLS, without I/O."""

from __future__ import annotations

from dissectors.conversation.dissector import MailDissector
from dissectors.imap import ImapDissector
from dissectors.pop3 import Pop3Dissector
from dissectors.services import SERVICE_BY_PORT, Protocol
from dissectors.smtp import SmtpDissector
from dissectors.tls import Hosts, KeyLog

__all__ = [
    "ImapDissector",
    "KeyLog",
    "MailDissector",
    "Pop3Dissector",
    "SmtpDissector",
    "new_dissector",
]


def new_dissector(
    protocol: Protocol,
    server_port: int,
    key_log: KeyLog | None = None,
    hosts: Hosts = (0, 0),
) -> MailDissector:
    """A dissector for a connection of two hosts to a port, which may be decrypted."""
    dissector: MailDissector
    if protocol is Protocol.SMTP:
        service = SERVICE_BY_PORT.get(server_port)
        is_submission = service is not None and service.is_submission
        dissector = SmtpDissector(submission=is_submission)
    else:
        dissector = ImapDissector() if protocol is Protocol.IMAP else Pop3Dissector()
    dissector.key_log, dissector.hosts = key_log, hosts
    return dissector

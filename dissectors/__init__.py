"""From streams to protocol events: SMTP, IMAP, POP3 and TLS, without I/O."""

from __future__ import annotations

from dissectors import registry
from dissectors.conversation.dissector import MailDissector
from dissectors.imap import ImapDialogue
from dissectors.pop3 import Pop3Dialogue
from dissectors.smtp import SmtpDialogue
from dissectors.tls import Hosts, KeyLog

__all__ = [
    "ImapDialogue",
    "KeyLog",
    "MailDissector",
    "Pop3Dialogue",
    "SmtpDialogue",
    "new_dissector",
]


def new_dissector(
    protocol: str,
    server_port: int,
    key_log: KeyLog | None = None,
    hosts: Hosts = (0, 0),
) -> MailDissector:
    """Make a dissector for a connection of two hosts, which may be decrypted.

    Args:
        protocol: the name of one that is registered.
        server_port: the server's port.
        key_log: secrets by which its TLS may be decrypted.
        hosts: the addresses of both ends.

    Raises:
        Exception: any, by the fault of a plug-in.
    """
    service = registry.service_by_port().get(server_port)
    dialogue = registry.protocols()[protocol].new_dialogue(service)
    return MailDissector(dialogue, key_log, hosts)

"""The mail services: protocol, port, and how each is secured."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Protocol(enum.StrEnum):
    """A mail protocol that mailtap dissects."""

    SMTP = "smtp"
    IMAP = "imap"
    POP3 = "pop3"


class Security(enum.StrEnum):
    """How a service is meant to be secured (RFC 8314 §3)."""

    STARTTLS = "starttls"
    IMPLICIT_TLS = "implicit"


@dataclass(frozen=True, slots=True)
class Service:
    """A protocol on a port, by its IANA name."""

    name: str
    protocol: Protocol
    port: int
    security: Security


# IANA Service Name and Transport Protocol Port Number Registry; 2525 is the
# customary second submission port where providers block 25 and 587.
SERVICES = (
    Service("smtp", Protocol.SMTP, 25, Security.STARTTLS),
    Service("submission", Protocol.SMTP, 587, Security.STARTTLS),
    Service("submission", Protocol.SMTP, 2525, Security.STARTTLS),
    Service("submissions", Protocol.SMTP, 465, Security.IMPLICIT_TLS),
    Service("imap", Protocol.IMAP, 143, Security.STARTTLS),
    Service("imaps", Protocol.IMAP, 993, Security.IMPLICIT_TLS),
    Service("pop3", Protocol.POP3, 110, Security.STARTTLS),
    Service("pop3s", Protocol.POP3, 995, Security.IMPLICIT_TLS),
)

SERVICE_BY_PORT = {service.port: service for service in SERVICES}

# the mail ports and their protocols
PORTS = {service.port: service.protocol for service in SERVICES}

"""What a service is: a protocol on a port, and how it is secured."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Protocol(enum.StrEnum):
    """The mail protocols that mailtap dissects by itself; plug-ins may add others."""

    SMTP = "smtp"
    IMAP = "imap"
    POP3 = "pop3"


class Security(enum.StrEnum):
    """How a service is meant to be secured (RFC 8314 §3)."""

    STARTTLS = "starttls"
    IMPLICIT_TLS = "implicit"


@dataclass(frozen=True, slots=True)
class Service:
    """A protocol on a port, as in IANA's registry of service names and port numbers.

    Or on a port that is only customary: then it is not registered.
    """

    name: str
    protocol: str
    port: int
    security: Security
    is_registered: bool = True

    @property
    def is_submission(self) -> bool:
        """Users hand their mail over here (RFC 6409)."""
        return self.name.startswith("submission")

"""The mail services: protocol, port, how each is secured, and what each is for."""

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
    """A protocol on a port, by its IANA name; or on a port that is only customary."""

    name: str
    protocol: Protocol
    port: int
    security: Security
    is_registered: bool = True

    @property
    def is_submission(self) -> bool:
        """Users hand their mail over here (RFC 6409)."""
        return self.name.startswith("submission")

    @property
    def security_name(self) -> str:
        """What the protocol calls that: TLS, STARTTLS, or STLS (RFC 2595 §4)."""
        if self.security is Security.IMPLICIT_TLS:
            return "TLS"
        return "STLS" if self.protocol is Protocol.POP3 else "STARTTLS"


# IANA Service Name and Transport Protocol Port Number Registry; 2525 is the
# customary second submission port where providers block 25 and 587.
SERVICES = (
    Service("smtp", Protocol.SMTP, 25, Security.STARTTLS),
    Service("submission", Protocol.SMTP, 587, Security.STARTTLS),
    Service("submission", Protocol.SMTP, 2525, Security.STARTTLS, is_registered=False),
    Service("submissions", Protocol.SMTP, 465, Security.IMPLICIT_TLS),
    Service("imap", Protocol.IMAP, 143, Security.STARTTLS),
    Service("imaps", Protocol.IMAP, 993, Security.IMPLICIT_TLS),
    Service("pop3", Protocol.POP3, 110, Security.STARTTLS),
    Service("pop3s", Protocol.POP3, 995, Security.IMPLICIT_TLS),
)

SERVICE_BY_PORT = {service.port: service for service in SERVICES}

# the mail ports and their protocols
PORTS = {service.port: service.protocol for service in SERVICES}


@dataclass(frozen=True, slots=True)
class Profile:
    """What a protocol is for and how it is meant to be used, in words.

    Attributes:
        purpose: what it is for.
        direction: which way mail goes.
        storage: where mail is kept.
        synchronisation: whether the client's copy follows the server's, and back.
        devices: how many a person can use.
        folders: whether there are any.
        network: when it is needed.
        security: how it is secured (RFC 8314 §3).
        ports: the services that are registered for it.
    """

    purpose: str
    direction: str
    storage: str
    synchronisation: str
    devices: str
    folders: str
    network: str
    security: str
    ports: tuple[Service, ...]


def _registered(protocol: Protocol) -> tuple[Service, ...]:
    return tuple(
        each for each in SERVICES if each.protocol is protocol and each.is_registered
    )


PROFILES = {
    # RFC 5321 §2.1 and §4.5.4 (queues), RFC 6409 (submission), RFC 3207 (STARTTLS)
    Protocol.SMTP: Profile(
        purpose="sends mail: from a program to its server (submission), and from "
        "server to server (relay)",
        direction="client to server: who has mail connects and hands it over",
        storage="in a queue, until the next server has taken it",
        synchronisation="none: each message is handed over once",
        devices="any number; none can read mail with it",
        folders="none: the recipient's server decides where mail is put",
        network="while mail is handed over; servers try again for days",
        security="submission: TLS and a login; relay: STARTTLS where the server "
        "offers it",
        ports=_registered(Protocol.SMTP),
    ),
    # RFC 9051 §1, §2.2 and §2.3 (flags), §6.3.13 (IDLE)
    Protocol.IMAP: Profile(
        purpose="reads and manages mail that stays on the server",
        direction="both: messages are fetched, and copies of sent ones and drafts "
        "stored; the server tells what is new",
        storage="on the server; programs may keep copies",
        synchronisation="both ways: read, answered, moved or deleted on one device "
        "is so on all",
        devices="many, also at the same time",
        folders="any number, kept on the server",
        network="while mail is read, unless there is a copy; programs stay connected "
        "(IDLE) to hear of new mail",
        security="a login, over TLS from the start (preferred) or STARTTLS",
        ports=_registered(Protocol.IMAP),
    ),
    # RFC 1939 §1, §3 and §4 (the lock), §7 (UIDL), RFC 2595 §4 (STLS)
    Protocol.POP3: Profile(
        purpose="fetches mail from a server",
        direction="server to client",
        storage="on the device; on the server until it is deleted there, most often "
        "when it was fetched",
        synchronisation="none: a program can tell which messages are new (UIDL), but "
        "not what was read or answered elsewhere",
        devices="made for one: only one can be connected, and what it deletes the "
        "others don't get",
        folders="none: there is one maildrop",
        network="while mail is fetched; then it is read offline",
        security="a login, over TLS from the start (preferred) or STLS",
        ports=_registered(Protocol.POP3),
    ),
}

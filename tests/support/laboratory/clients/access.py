"""How a client reaches a server: address, protection, and as whom."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.laboratory.people import Person

Facts = dict[str, Any]

TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Access:
    """How a client reaches a server.

    Attributes:
        host: name or address of the server.
        tls: `none`, `starttls` or `implicit`.
        person: who logs in; `None` for nobody.
        password: instead of the person's own.
        mechanism: SASL mechanism; the protocol's own command where it is empty.
        max_version: highest TLS version that the client offers.
        trusted: PEM file of the certificate authority.
        key_log: file that gets the TLS secrets.
        family: address family to prefer.
        client_port: the client's own port, where it matters.
    """

    host: str
    port: int
    tls: str = "none"
    person: Person | None = None
    password: str | None = None
    mechanism: str = ""
    max_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    trusted: Path | None = None
    key_log: Path | None = None
    family: int = socket.AF_INET
    client_port: int = 0

    @property
    def secret(self) -> str:
        """The password to try."""
        assert self.person is not None
        return self.person.password if self.password is None else self.password

    @property
    def address(self) -> str:
        """The server's address."""
        found = socket.getaddrinfo(self.host, self.port, self.family)
        return str(found[0][4][0])

    def at(self, **changes: Any) -> Access:
        """Return the same with some changes."""
        return replace(self, **changes)

    def context(self) -> ssl.SSLContext:
        """Return a TLS context that trusts the lab's certificates."""
        context = ssl.create_default_context(cafile=self.trusted)
        if self.max_version < ssl.TLSVersion.TLSv1_2:
            # OpenSSL's default level forbids the old versions' SHA-1
            context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = min(self.max_version, ssl.TLSVersion.TLSv1_2)
        context.maximum_version = self.max_version
        if self.key_log:
            context.keylog_filename = str(self.key_log)
        return context

    def connect(self) -> socket.socket:
        """Return a connection to the server."""
        connection = socket.socket(self.family)
        connection.settimeout(TIMEOUT_S)
        if self.client_port:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            connection.bind(("", self.client_port))
        connection.connect((self.address, self.port))
        return connection

    def facts(self, protocol: str, connection: socket.socket) -> Facts:
        """Return what is known of a connection once it is established."""
        return {
            "protocol": protocol,
            "client": connection.getsockname()[0],
            "client_port": connection.getsockname()[1],
            "server": connection.getpeername()[0],
            "port": self.port,
            "tls": "none",
            "messages": [],
        }

    def add_tls_facts(self, facts: Facts, connection: socket.socket) -> None:
        """Add what the TLS library says about a protected connection."""
        assert isinstance(connection, ssl.SSLSocket)
        cipher = connection.cipher()
        assert cipher is not None
        facts["tls"] = self.tls
        facts["tls_version"] = connection.version()
        facts["tls_cipher"] = cipher[0]

    def add_login_facts(self, facts: Facts, mechanism: str, *, accepted: bool) -> None:
        """Add how an authentication ended."""
        assert self.person is not None
        facts["mechanism"] = mechanism
        facts["user"] = self.person.address
        facts["auth_result"] = "success" if accepted else "failure"

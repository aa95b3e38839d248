"""What mailtap needs to know of a protocol, in one place: its `ProtocolSpec`.

Each protocol exports one, as `dissectors.smtp.SPEC`; `dissectors.registry` has all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

from dissectors.conversation.dialogue import Dialogue
from dissectors.services import Security, Service

_NAME = re.compile("[a-z][a-z0-9]{1,15}")
# what tables, and whoever filters them, can rely on
_CODE = re.compile("[a-z0-9]+(?:_[a-z0-9]+)+")
_BEGINNING_BYTES = 4


@dataclass(frozen=True, slots=True)
class Opening:
    """How a protocol is told from others: by what each side says first.

    The patterns are matched with the beginning of a side's stream, behind empty
    lines, and see no more of it than its first line or 512 bytes.

    Attributes:
        server: what a server says first.
        client: what a client says first.
        strict_client: what it must be on a port that tells nothing, if other
            protocols share some of `client`.
        ambiguous_server: what other servers say in answer to their clients: on a port
            that tells nothing, it counts only if the server speaks first.
        server_beginnings: four bytes each, letters in any case; a server's first
            packet begins so. By these, sessions on unusual ports are found.
        client_beginnings: likewise, of a client's first packet.
        alpn: its names in the IANA TLS ALPN Protocol IDs registry.
    """

    server: re.Pattern[bytes]
    client: re.Pattern[bytes]
    strict_client: re.Pattern[bytes] | None = None
    ambiguous_server: re.Pattern[bytes] | None = None
    server_beginnings: tuple[bytes, ...] = ()
    client_beginnings: tuple[bytes, ...] = ()
    alpn: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        _expect_pattern(self.server)
        _expect_pattern(self.client)
        for optional in (self.strict_client, self.ambiguous_server):
            if optional is not None:
                _expect_pattern(optional)
        for beginning in (*self.server_beginnings, *self.client_beginnings):
            _expect(beginning, bytes)
            if len(beginning) != _BEGINNING_BYTES:
                raise ValueError(f"{beginning!r} is not four bytes")
        for name in self.alpn:
            _expect(name, bytes)
            if not 0 < len(name) < 256:
                raise ValueError("an ALPN protocol ID has 1 to 255 bytes")


def _expect(value: object, kind: type) -> None:
    """See that what a plug-in gives is what it is meant to be."""
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")


def _expect_pattern(pattern: object) -> None:
    """See that what a plug-in gives is a compiled pattern of bytes."""
    if not isinstance(pattern, re.Pattern) or not isinstance(pattern.pattern, bytes):
        raise TypeError(f"{pattern!r} is no compiled pattern of bytes")


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
    """

    purpose: str
    direction: str
    storage: str
    synchronisation: str
    devices: str
    folders: str
    network: str
    security: str

    def __post_init__(self) -> None:
        for answer in fields(self):
            _expect(getattr(self, answer.name), str)


@dataclass(frozen=True, slots=True)
class ProtocolSpec:
    """A protocol that mailtap dissects.

    Attributes:
        name: short, in lower case: the value of the column `protocol`.
        services: on which ports it is expected.
        opening: how it is told from others.
        make: makes what reads the dialogue of a connection, given the service that the
            server's port is for, if it is known.
        profile: what it is for.
        anomalies: what its codes mean; each begins with the name and an underscore.
        upgrade: its command for the upgrade to TLS.
        is_transport: it hands mail on, between servers too: its sessions submit or
            relay mail. Those of others are access to what is kept on a server.
    """

    name: str
    services: tuple[Service, ...]
    opening: Opening
    make: Callable[[Service | None], Dialogue]
    profile: Profile
    anomalies: Mapping[str, str] = field(default_factory=dict)
    upgrade: str = "STARTTLS"
    is_transport: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a protocol")
        _expect(self.opening, Opening)
        _expect(self.profile, Profile)
        _expect(self.upgrade, str)
        for service in self.services:
            _expect(service, Service)
            _expect(service.name, str)
            _expect(service.port, int)
            if service.protocol != self.name or not 0 < service.port < 65_536:
                raise ValueError(f"{service.name!r} is no service of {self.name}")
        for code, meaning in self.anomalies.items():
            _expect(meaning, str)
            if not (_CODE.fullmatch(code) and code.startswith(f"{self.name}_")):
                raise ValueError(f"{code!r} is no code of {self.name}")

    @property
    def registered_services(self) -> tuple[Service, ...]:
        """Those that IANA knows."""
        return tuple(service for service in self.services if service.is_registered)

    def new_dialogue(self, service: Service | None) -> Dialogue:
        """Make what reads the dialogue of a connection.

        Args:
            service: what the server's port is for, if it is known.

        Raises:
            TypeError: a plug-in makes something else.
        """
        dialogue = self.make(service)
        _expect(dialogue, Dialogue)
        return dialogue

    def security_name(self, service: Service) -> str:
        """Name how a service is secured, as its protocol does: TLS, STARTTLS, STLS."""
        return "TLS" if service.security is Security.IMPLICIT_TLS else self.upgrade

"""Secrets of TLS connections, in the NSS key log format (RFC 9850).

A line is a label, the client's random and a secret, the last two in hexadecimal.
Secrets are held in memory only: nothing prints, stores or exports them.
"""

from __future__ import annotations

import binascii
import enum
import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Label(enum.Enum):
    """What a secret is (RFC 9850 §2)."""

    MASTER_SECRET = b"CLIENT_RANDOM"
    CLIENT_EARLY_TRAFFIC = b"CLIENT_EARLY_TRAFFIC_SECRET"
    CLIENT_HANDSHAKE_TRAFFIC = b"CLIENT_HANDSHAKE_TRAFFIC_SECRET"
    SERVER_HANDSHAKE_TRAFFIC = b"SERVER_HANDSHAKE_TRAFFIC_SECRET"
    CLIENT_TRAFFIC = b"CLIENT_TRAFFIC_SECRET_0"
    SERVER_TRAFFIC = b"SERVER_TRAFFIC_SECRET_0"


_LABELS = {label.value: label for label in Label}
# what protects no records (RFC 9850 §2)
_OF_NO_USE = frozenset(
    {b"EXPORTER_SECRET", b"EARLY_EXPORTER_SECRET", b"ECH_SECRET", b"ECH_CONFIG"}
)
_RANDOM_BYTES = 32
# RFC 5246 §8.1, and the hashes that TLS 1.3 is defined for
_MASTER_SECRET_BYTES = 48
_TRAFFIC_SECRET_BYTES = frozenset({32, 48, 64})
_LONGEST_LINE = 512
# at about 1 KiB each
_MAX_CONNECTIONS = 1_000_000


# who talks: the addresses of client and server, as numbers
Hosts = tuple[int, int]


class KeyLog:
    """The secrets of many connections, by the client's random.

    Args:
        most: of how many connections to keep secrets.
        forgets: if there are more, forget the oldest, not the new ones.

    Attributes:
        ignored: lines that are no secret, no comment and not empty.
        overflows: connections that were left out because there are too many.
    """

    def __init__(self, *, most: int = _MAX_CONNECTIONS, forgets: bool = False) -> None:
        self._most, self._forgets = most, forgets
        self.ignored = 0
        self.overflows = 0
        self._secrets: dict[bytes, dict[Label, bytes]] = {}
        self._used: set[bytes] = set()
        # up to TLS 1.2: the secrets of sessions that may be resumed
        self._resumable: dict[bytes, Mapping[Label, bytes]] = {}

    def __len__(self) -> int:
        """Return of how many connections there are secrets."""
        return len(self._secrets)

    def __repr__(self) -> str:
        return f"<KeyLog of {len(self)} connections>"

    @property
    def used(self) -> int:
        """How many of them were met."""
        return len(self._used)

    def add(self, text: bytes) -> None:
        """Take lines of a key log; what is none of it is counted in `ignored`."""
        for line in text.splitlines():
            if line.strip() and not line.startswith(b"#"):
                self._add_line(line)

    def __contains__(self, client_random: object) -> bool:
        """Tell whether there are secrets of the connection with this client random."""
        return client_random in self._secrets

    def secrets_of(self, client_random: bytes) -> Mapping[Label, bytes] | None:
        """Return the secrets of the connection with this client random, if any."""
        return self._secrets.get(client_random)

    def count_use(self, client_random: bytes) -> None:
        """Note that the connection with this client random was met."""
        if not self._forgets:
            self._used.add(client_random)

    def remember_session(
        self, hosts: Hosts, name: bytes, secrets: Mapping[Label, bytes]
    ) -> None:
        """Note by which session ID or ticket two hosts may resume a session.

        RFC 5246 §F.1.4: with the same master secret, which some stacks log only once.
        """
        if name and self._has_room(self._resumable):
            self._resumable[_digest(hosts, name)] = secrets

    def secrets_of_session(
        self, hosts: Hosts, name: bytes
    ) -> Mapping[Label, bytes] | None:
        """Return the secrets of the session that was resumed by an ID or a ticket."""
        return self._resumable.get(_digest(hosts, name))

    def _add_line(self, line: bytes) -> None:
        words = line.split() if len(line) <= _LONGEST_LINE else []
        if words and words[0] in _OF_NO_USE:
            return
        label = _LABELS.get(words[0]) if len(words) == 3 else None
        try:
            random, secret = (binascii.unhexlify(word) for word in words[1:])
        except ValueError:
            label = None
            random = secret = b""
        if label is None or not _fits(label, random, secret):
            self.ignored += 1
        elif random in self._secrets or self._has_room(self._secrets):
            self._secrets.setdefault(random, {})[label] = secret
        else:
            self.overflows += 1

    def _has_room(self, some: dict[bytes, Any]) -> bool:
        """Tell whether there is room for one more, as the case may be of the oldest."""
        if len(some) >= self._most and self._forgets:
            del some[next(iter(some))]
        return len(some) < self._most


def _digest(hosts: Hosts, name: bytes) -> bytes:
    return hashlib.sha256(b"%d %d " % hosts + name).digest()


def _fits(label: Label, random: bytes, secret: bytes) -> bool:
    if len(random) != _RANDOM_BYTES:
        return False
    if label is Label.MASTER_SECRET:
        return len(secret) == _MASTER_SECRET_BYTES
    return len(secret) in _TRAFFIC_SECRET_BYTES

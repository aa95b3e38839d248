"""The random of a ClientHello (RFC 8446 §4.1.2): by it, key logs name a connection."""

from __future__ import annotations

from dissectors.tls.registries.content_types import ContentType
from dissectors.tls.registries.handshake_types import HandshakeType

# behind the headers of the record (§5.1) and of the message (§4), and `legacy_version`
_RANDOM = slice(5 + 4 + 2, 5 + 4 + 2 + 32)
CLIENT_RANDOM_END = _RANDOM.stop
"""So many bytes of a stream are enough to read it."""
_MESSAGE_TYPE_AT = 5
_MAJOR_VERSION = 3
# plain integers are quicker compared
_HANDSHAKE, _CLIENT_HELLO = int(ContentType.HANDSHAKE), int(HandshakeType.CLIENT_HELLO)


def read_client_random(start: bytes) -> bytes | None:
    """Return the random of the ClientHello with which bytes begin, if they do."""
    if len(start) < CLIENT_RANDOM_END:
        return None
    if start[_MESSAGE_TYPE_AT] != _CLIENT_HELLO:
        return None
    is_record = start[0] == _HANDSHAKE and start[1] == _MAJOR_VERSION
    return start[_RANDOM] if is_record else None

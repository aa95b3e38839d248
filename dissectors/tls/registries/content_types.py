"""TLS record content types (IANA TLS ContentType registry)."""

from __future__ import annotations

import enum


class ContentType(enum.IntEnum):
    """What a record holds; one value of our own is beyond the range of the registry."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23
    HEARTBEAT = 24
    SSLV2_HELLO = 0x100

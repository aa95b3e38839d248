"""TLS 1.3 records protected by made-up secrets, for what no TLS stack would send."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dissectors.tls.decryption.key_schedule import expand_label
from tests.support.tls import wire

NAMES = (
    "CLIENT_EARLY_TRAFFIC_SECRET",
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    "CLIENT_TRAFFIC_SECRET_0",
    "SERVER_TRAFFIC_SECRET_0",
)
SECRETS = {name: bytes([number]) * 32 for number, name in enumerate(NAMES, 1)}


def key_log(without: str = "") -> bytes:
    """The secrets of the connection of `wire.CLIENT_HELLO_0_RTT`."""
    return b"".join(
        b"%b %b %b\n"
        % (name.encode(), wire.RANDOM.hex().encode(), secret.hex().encode())
        for name, secret in SECRETS.items()
        if name != without
    )


class Seal:
    """One side's protection by TLS_AES_128_GCM_SHA256 (RFC 8446 §5.2)."""

    def __init__(self, secret: bytes) -> None:
        self._aead = AESGCM(expand_label("SHA256", secret, b"key", 16))
        self._iv = int.from_bytes(expand_label("SHA256", secret, b"iv", 12), "big")
        self._number = 0

    def record(self, content_type: int, data: bytes) -> bytes:
        """The next record."""
        inner = data + bytes([content_type])
        header = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2, "big")
        nonce = (self._iv ^ self._number).to_bytes(12, "big")
        self._number += 1
        return header + self._aead.encrypt(nonce, inner, header)

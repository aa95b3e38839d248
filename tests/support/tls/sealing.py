"""TLS 1.3 records protected by made-up secrets, for what no TLS stack would send."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dissectors.tls.decryption.key_schedule import expand_label
from tests.support.tls import wire
from tests.support.tls.mail import CLIENT, SERVER, SMTP, Turns

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


NOOP = b"NOOP\r\n"


def zero_rtt(
    *, accepted: bool, late: bytes = b"", early: tuple[bytes, ...] = (NOOP,)
) -> Turns:
    """A session whose client sends early data; `late` comes behind ServerHello."""
    seals = {name: Seal(secret) for name, secret in SECRETS.items()}
    early_data = seals["CLIENT_EARLY_TRAFFIC_SECRET"]
    client, server = (
        seals[f"{side}_TRAFFIC_SECRET_0"] for side in ("CLIENT", "SERVER")
    )
    flight = seals["SERVER_HANDSHAKE_TRAFFIC_SECRET"]
    finished = wire.handshake(20, bytes(32))
    extensions = wire.extensions_block([(42, b"")] if accepted else [])
    steps = [(CLIENT, wire.CLIENT_HELLO_0_RTT)]
    steps += [(CLIENT, early_data.record(0x17, each)) for each in early]
    steps.append((SERVER, wire.SERVER_HELLO_0_RTT))
    steps.append(
        (SERVER, flight.record(0x16, wire.handshake(8, extensions) + finished))
    )
    if late:
        steps.append((CLIENT, late))
    if accepted:
        steps.append((CLIENT, early_data.record(0x16, wire.handshake(5, b""))))
    client_finished = seals["CLIENT_HANDSHAKE_TRAFFIC_SECRET"].record(0x16, finished)
    steps.append((CLIENT, client_finished))
    for side, data in SMTP[:5]:
        steps.append((side, (server if side else client).record(0x17, data)))
    return steps

"""Opening protected records, whatever protects them.

One object stands for one direction between two changes of its keys. Records must be
opened, or skipped, in order: their number is part of what is authenticated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import (
    AESCCM,
    AESGCM,
    ChaCha20Poly1305,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_TAG_BYTES = 16
NONCE_BYTES = 12


class NotAuthenticError(Exception):
    """A record is damaged, forged, or protected with another key."""


class OpenedRecord(NamedTuple):
    """What a protected record held."""

    content_type: int
    data: bytes


class RecordProtection(Protocol):
    """Opens the records of one direction, in order."""

    def open(self, header: bytes, body: bytes) -> OpenedRecord:
        """Open the next record.

        Args:
            header: of the record, 5 bytes.
            body: what follows it, complete.

        Raises:
            NotAuthenticError: nothing of it can be trusted; it counts as opened.
        """

    def skip(self, tail: bytes) -> None:
        """Pass over a record that was not captured; `tail`: its end, if known."""


class Aead(Protocol):
    """A cipher that authenticates what it encrypts, with a key."""

    def decrypt(
        self, nonce: bytes, data: bytes, associated_data: bytes | None
    ) -> bytes:
        """Check and decrypt; as in `cryptography`."""


class AeadCipher(NamedTuple):
    """A cipher of RFC 5116: how to make it, and its bytes of key and tag."""

    make: Callable[[bytes], Aead]
    key_bytes: int
    tag_bytes: int = _TAG_BYTES


def _ccm_8(key: bytes) -> Aead:
    return AESCCM(key, tag_length=8)


AEAD_CIPHERS = {
    "AES_128_GCM": AeadCipher(AESGCM, 16),
    "AES_256_GCM": AeadCipher(AESGCM, 32),
    "AES_128_CCM": AeadCipher(AESCCM, 16),
    "AES_256_CCM": AeadCipher(AESCCM, 32),
    "AES_128_CCM_8": AeadCipher(_ccm_8, 16, 8),
    "AES_256_CCM_8": AeadCipher(_ccm_8, 32, 8),
    "CHACHA20_POLY1305": AeadCipher(ChaCha20Poly1305, 32),
}


def decrypt(aead: Aead, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    """Decrypt a record with a cipher of RFC 5116.

    Raises:
        NotAuthenticError: it is not what was encrypted.
    """
    try:
        return aead.decrypt(nonce, sealed, associated)
    except (InvalidTag, ValueError, OverflowError):
        raise NotAuthenticError from None

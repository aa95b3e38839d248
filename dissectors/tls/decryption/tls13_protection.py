"""Opening the records of TLS 1.3 (RFC 8446 §5.2, §5.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm

from dissectors.tls.decryption.key_schedule import expand_label, next_traffic_secret
from dissectors.tls.decryption.record_protection import (
    AEAD_CIPHERS,
    NONCE_BYTES,
    NotAuthenticError,
    OpenedRecord,
    decrypt,
)

if TYPE_CHECKING:
    from dissectors.tls.registries.cipher_suites import CipherSuite


class Tls13Protection:
    """TLS 1.3 (RFC 8446 §5.2, §5.3).

    Raises:
        UnsupportedAlgorithm: it is no suite that can be opened here.
    """

    def __init__(self, suite: CipherSuite, secret: bytes) -> None:
        cipher = AEAD_CIPHERS.get(suite.cipher)
        if cipher is None or not suite.is_tls_1_3:
            raise UnsupportedAlgorithm(suite.name)
        key = expand_label(suite.hash, secret, b"key", cipher.key_bytes)
        iv = expand_label(suite.hash, secret, b"iv", NONCE_BYTES)
        self._suite, self._secret = suite, secret
        self._iv = int.from_bytes(iv, "big")
        self._aead = cipher.make(key)
        self._number = 0

    def updated(self) -> Tls13Protection:
        """Return the one after a KeyUpdate (RFC 8446 §4.6.3)."""
        secret = next_traffic_secret(self._suite.hash, self._secret)
        return Tls13Protection(self._suite, secret)

    def open(self, header: bytes, body: bytes) -> OpenedRecord:
        """Open the next record; see `RecordProtection`."""
        try:
            return self.try_open(header, body)
        except NotAuthenticError:
            self._number += 1
            raise

    def try_open(self, header: bytes, body: bytes) -> OpenedRecord:
        """Open what may be the next record, and counts as such only if it is.

        Raises:
            NotAuthenticError: it isn't.
        """
        nonce = (self._iv ^ self._number).to_bytes(NONCE_BYTES, "big")
        plaintext = decrypt(self._aead, nonce, body, header)
        # the last byte that is not zero is the content type; zeros are padding
        inner = plaintext.rstrip(b"\0")
        if not inner:
            raise NotAuthenticError
        self._number += 1
        return OpenedRecord(inner[-1], inner[:-1])

    def skip(self, tail: bytes) -> None:
        """Pass over a record."""
        self._number += 1

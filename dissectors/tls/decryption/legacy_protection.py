"""Opening the records of TLS 1.0 to 1.2 (RFC 5246 §6.2.3, RFC 7366)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import (
    ARC4,
    IDEA,
    SEED,
    Camellia,
    TripleDES,
)
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from dissectors.tls.decryption.key_schedule import digest_bytes, key_block
from dissectors.tls.decryption.record_protection import (
    AEAD_CIPHERS,
    NONCE_BYTES,
    AeadCipher,
    NotAuthenticError,
    OpenedRecord,
    decrypt,
)
from dissectors.tls.registries.versions import TLS_1_1

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.ciphers import CipherAlgorithm, CipherContext

    from dissectors.tls.decryption.record_protection import RecordProtection
    from dissectors.tls.registries.cipher_suites import CipherSuite

# RFC 5288 §3: the part of the nonce that is not sent
_SALT_BYTES = 4


class _BlockCipher(NamedTuple):
    algorithm: Callable[[bytes], CipherAlgorithm]
    key_bytes: int
    block_bytes: int


_BLOCK_CIPHERS = {
    "AES_128_CBC": _BlockCipher(AES, 16, 16),
    "AES_256_CBC": _BlockCipher(AES, 32, 16),
    "CAMELLIA_128_CBC": _BlockCipher(Camellia, 16, 16),
    "CAMELLIA_256_CBC": _BlockCipher(Camellia, 32, 16),
    "3DES_EDE_CBC": _BlockCipher(TripleDES, 24, 8),
    "SEED_CBC": _BlockCipher(SEED, 16, 16),
    "IDEA_CBC": _BlockCipher(IDEA, 16, 8),
}
_STREAM_KEY_BYTES = {"RC4_128": 16, "NULL": 0}
_MAC_NAMES = {"MD5": "md5", "SHA": "sha1", "SHA256": "sha256", "SHA384": "sha384"}


class AeadProtection:
    """AEAD in TLS 1.2 (RFC 5246 §6.2.3.3, RFC 5288, 6655, 7905)."""

    def __init__(self, cipher: AeadCipher, key: bytes, iv: bytes) -> None:
        self._aead, self._tag_bytes = cipher.make(key), cipher.tag_bytes
        self._iv = iv
        self._number = 0
        # RFC 7905 §2: all of the nonce is implicit
        self._explicit_bytes = NONCE_BYTES - len(iv)

    def open(self, header: bytes, body: bytes) -> OpenedRecord:
        """Open the next record; see `RecordProtection`."""
        explicit, sealed = body[: self._explicit_bytes], body[self._explicit_bytes :]
        number, self._number = self._number, self._number + 1
        length = len(sealed) - self._tag_bytes
        if length < 0:
            raise NotAuthenticError
        if explicit:
            nonce = self._iv + explicit
        else:
            nonce = (int.from_bytes(self._iv, "big") ^ number).to_bytes(
                NONCE_BYTES, "big"
            )
        associated = number.to_bytes(8, "big") + header[:3] + length.to_bytes(2, "big")
        return OpenedRecord(header[0], decrypt(self._aead, nonce, sealed, associated))

    def skip(self, tail: bytes) -> None:
        """Pass over a record."""
        self._number += 1


class _Mac:
    """The MAC of TLS 1.0 to 1.2 (RFC 5246 §6.2.3.1)."""

    def __init__(self, hash_name: str, key: bytes) -> None:
        self._hash, self._key = _MAC_NAMES[hash_name], key
        self.size = digest_bytes(self._hash)

    def take_off(self, number: int, header: bytes, whole: bytes) -> bytes:
        """Return what stands before the MAC, if that is its own."""
        data, mac = whole[: -self.size], whole[-self.size :]
        head = number.to_bytes(8, "big") + header[:3] + len(data).to_bytes(2, "big")
        expected = hmac.digest(self._key, head + data, self._hash)
        if not hmac.compare_digest(expected, mac):
            raise NotAuthenticError
        return data


class CbcProtection:
    """CBC with a MAC (RFC 5246 §6.2.3.2), or a MAC around it (RFC 7366).

    Raises:
        UnsupportedAlgorithm: OpenSSL was built without the cipher.
    """

    def __init__(
        self,
        cipher: _BlockCipher,
        mac: _Mac,
        key: bytes,
        iv: bytes,
        *,
        encrypt_then_mac: bool,
    ) -> None:
        self._algorithm, self._block_bytes = cipher.algorithm(key), cipher.block_bytes
        self._mac = mac
        # in TLS 1.0 a record begins with the last block of the one before, which may
        # be unknown; later ones bring their own
        self._is_chained = iv != b""
        self._iv: bytes | None = iv
        self._encrypt_then_mac = encrypt_then_mac
        self._number = 0
        self._decipher(bytes(self._block_bytes), bytes(self._block_bytes))

    def open(self, header: bytes, body: bytes) -> OpenedRecord:
        """Open the next record; see `RecordProtection`."""
        number, self._number = self._number, self._number + 1
        iv, sealed = self._next_iv(self._encrypted(body))
        if self._encrypt_then_mac:
            try:
                self._mac.take_off(number, header, body)
            except NotAuthenticError:
                # the MAC of the next record does not vouch for the block before it
                self._iv = None
                raise
        if not sealed or len(sealed) % self._block_bytes or iv is None:
            raise NotAuthenticError
        content = _unpadded(self._decipher(iv, sealed))
        if not self._encrypt_then_mac:
            content = self._mac.take_off(number, header, content)
        return OpenedRecord(header[0], content)

    def skip(self, tail: bytes) -> None:
        """Pass over a record, whose last block the next one needs in TLS 1.0."""
        self._number += 1
        self._next_iv(self._encrypted(tail))

    def _encrypted(self, body: bytes) -> bytes:
        """Return what is encrypted of a record, without a MAC around it."""
        return body[: -self._mac.size] if self._encrypt_then_mac else body

    def _next_iv(self, sealed: bytes) -> tuple[bytes | None, bytes]:
        """Return the initialisation vector of a record, if known, and the rest."""
        block_bytes = self._block_bytes
        if not self._is_chained:
            iv = sealed[:block_bytes]
            return iv if len(iv) == block_bytes else None, sealed[block_bytes:]
        known = self._iv
        self._iv = sealed[-block_bytes:] if len(sealed) >= block_bytes else None
        return known, sealed

    def _decipher(self, iv: bytes, sealed: bytes) -> bytes:
        decryptor = Cipher(self._algorithm, CBC(iv)).decryptor()
        return decryptor.update(sealed) + decryptor.finalize()


def _unpadded(padded: bytes) -> bytes:
    """Take the padding off (RFC 5246 §6.2.3.2)."""
    length = padded[-1] + 1
    if length > len(padded) or padded[-length:] != padded[-1:] * length:
        raise NotAuthenticError
    return padded[:-length]


class StreamProtection:
    """RC4, or no cipher at all, with a MAC (RFC 5246 §6.2.3.1)."""

    def __init__(self, mac: _Mac, stream: CipherContext | None) -> None:
        self._mac, self._stream = mac, stream
        self._number = 0
        self._is_lost = False

    def open(self, header: bytes, body: bytes) -> OpenedRecord:
        """Open the next record; see `RecordProtection`."""
        number, self._number = self._number, self._number + 1
        content = self._stream.update(body) if self._stream is not None else body
        if self._is_lost:
            raise NotAuthenticError
        return OpenedRecord(header[0], self._mac.take_off(number, header, content))

    def skip(self, tail: bytes) -> None:
        """Pass over a record: the key stream goes on by its whole length."""
        self._number += 1
        self._is_lost = self._stream is not None


def legacy_protections(
    version: int,
    suite: CipherSuite,
    master_secret: bytes,
    client_random: bytes,
    server_random: bytes,
    *,
    encrypt_then_mac: bool,
) -> tuple[RecordProtection, RecordProtection]:
    """Return the client's and the server's protection in TLS 1.0 to 1.2.

    Args:
        version: the one that was negotiated.
        suite: the one that was negotiated.
        master_secret: 48 bytes.
        client_random: 32 bytes.
        server_random: 32 bytes.
        encrypt_then_mac: it was negotiated (RFC 7366).

    Raises:
        UnsupportedAlgorithm: the suite can't be opened by any code here.
    """
    prf_hash = "sha384" if suite.hash == "SHA384" else "sha256"
    lengths = _key_lengths(version, suite)
    randoms = client_random, server_random
    block = key_block(version, prf_hash, master_secret, *randoms, 2 * sum(lengths))
    # of each length a piece of the client, then one of the server (RFC 5246 §6.3)
    client, server, at = [], [], 0
    for length in lengths:
        client.append(block[at : at + length])
        server.append(block[at + length : at + 2 * length])
        at += 2 * length
    return (
        _legacy_protection(suite, *client, encrypt_then_mac=encrypt_then_mac),
        _legacy_protection(suite, *server, encrypt_then_mac=encrypt_then_mac),
    )


def _key_lengths(version: int, suite: CipherSuite) -> tuple[int, int, int]:
    """Return the bytes of MAC key, key and implicit initialisation vector."""
    aead = AEAD_CIPHERS.get(suite.cipher)
    if aead is not None:
        is_chacha = suite.cipher.startswith("CHACHA20")
        return 0, aead.key_bytes, NONCE_BYTES if is_chacha else _SALT_BYTES
    if suite.hash not in _MAC_NAMES:
        raise UnsupportedAlgorithm(suite.name)
    mac_bytes = digest_bytes(_MAC_NAMES[suite.hash])
    block = _BLOCK_CIPHERS.get(suite.cipher)
    if block is not None:
        # RFC 4346 §6.2.3.2: from TLS 1.1 on each record brings its own
        return mac_bytes, block.key_bytes, block.block_bytes * (version < TLS_1_1)
    if suite.cipher not in _STREAM_KEY_BYTES:
        raise UnsupportedAlgorithm(suite.name)
    return mac_bytes, _STREAM_KEY_BYTES[suite.cipher], 0


def _legacy_protection(
    suite: CipherSuite, mac_key: bytes, key: bytes, iv: bytes, *, encrypt_then_mac: bool
) -> RecordProtection:
    aead = AEAD_CIPHERS.get(suite.cipher)
    if aead is not None:
        return AeadProtection(aead, key, iv)
    mac = _Mac(suite.hash, mac_key)
    block = _BLOCK_CIPHERS.get(suite.cipher)
    if block is not None:
        return CbcProtection(block, mac, key, iv, encrypt_then_mac=encrypt_then_mac)
    return StreamProtection(mac, Cipher(ARC4(key), None).decryptor() if key else None)

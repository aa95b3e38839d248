"""From secrets to keys: the PRF up to TLS 1.2, and HKDF in TLS 1.3.

RFC 2246 §5 (TLS 1.0, 1.1), RFC 5246 §5 and §6.3 (TLS 1.2), RFC 8446 §7.1 to §7.3.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from dissectors.tls.registries.versions import TLS_1_2

_HASHES: dict[str, type[HashAlgorithm]] = {
    "SHA256": SHA256,
    "SHA384": SHA384,
    "SHA512": SHA512,
}


def key_block(
    version: int,
    prf_hash: str,
    master_secret: bytes,
    client_random: bytes,
    server_random: bytes,
    length: int,
) -> bytes:
    """Derive the key block of a connection up to TLS 1.2 (RFC 5246 §6.3).

    Args:
        version: TLS 1.0 to 1.2.
        prf_hash: of the cipher suite, used by TLS 1.2 alone, such as `sha256`.
        master_secret: 48 bytes.
        client_random: 32 bytes.
        server_random: 32 bytes.
        length: bytes of the block.
    """
    seed = b"key expansion" + server_random + client_random
    if version >= TLS_1_2:
        return _p_hash(prf_hash, master_secret, seed, length)
    # RFC 2246 §5: halves of the secret, which share a byte if its length is odd
    half = (len(master_secret) + 1) // 2
    md5 = _p_hash("md5", master_secret[:half], seed, length)
    sha1 = _p_hash("sha1", master_secret[-half:], seed, length)
    return bytes(a ^ b for a, b in zip(md5, sha1, strict=True))


def _p_hash(name: str, secret: bytes, seed: bytes, length: int) -> bytes:
    """Compute P_hash (RFC 5246 §5)."""
    block, a = b"", seed
    while len(block) < length:
        a = hmac.digest(secret, a, name)
        block += hmac.digest(secret, a + seed, name)
    return block[:length]


def expand_label(hash_name: str, secret: bytes, label: bytes, length: int) -> bytes:
    """Compute HKDF-Expand-Label with an empty context (RFC 8446 §7.1).

    Args:
        hash_name: of the cipher suite: SHA256, SHA384 or SHA512.
        secret: as long as the hash.
        label: without the prefix `tls13 `.
        length: bytes wanted.
    """
    full = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes((len(full),)) + full + b"\0"
    return HKDFExpand(_HASHES[hash_name](), length, info).derive(secret)


def next_traffic_secret(hash_name: str, secret: bytes) -> bytes:
    """Derive the secret that follows a KeyUpdate (RFC 8446 §7.2)."""
    return expand_label(hash_name, secret, b"traffic upd", digest_bytes(hash_name))


def digest_bytes(hash_name: str) -> int:
    """Return how many bytes a hash has."""
    return hashlib.new(hash_name.lower()).digest_size

"""JA3, JA3S and JA4: fingerprints of TLS clients and servers.

JA3 and JA3S as published by their authors (github.com/salesforce/ja3), JA4 as in
its technical details (github.com/FoxIO-LLC/ja4). GREASE values never count.

A client offers the same in every session, so the fingerprints of some hundred
offers are remembered: those of ordinary length, which bounds the memory that this
takes to about 3 MB.
"""

from __future__ import annotations

import hashlib
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from dissectors.tls.registries.extensions import ALPN, SERVER_NAME
from dissectors.tls.registries.grease import GREASE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dissectors.tls.handshake.hello import ClientHello, ServerHello

_JA4_VERSIONS = {
    0x0002: "s2",
    0x0300: "s3",
    0x0301: "10",
    0x0302: "11",
    0x0303: "12",
    0x0304: "13",
}
_JA4_NOTHING = "0" * 12

_CACHE_SIZE = 256
_LONGEST_CACHED = 256


class ClientFingerprints(NamedTuple):
    """The fingerprints of one client."""

    ja3: str
    ja4: str


_Offer = tuple[int, int, bytes, bytes, *tuple[tuple[int, ...], ...]]
_fingerprints: dict[_Offer, ClientFingerprints] = {}


def client_fingerprints(hello: ClientHello) -> ClientFingerprints:
    """Fingerprint a client, or remember it."""
    lists = (
        hello.cipher_suites,
        hello.extensions,
        hello.supported_groups,
        hello.signature_algorithms,
    )
    offer = (
        hello.legacy_version,
        hello.highest_version,
        hello.ec_point_formats,
        hello.alpn,
        *lists,
    )
    known = _fingerprints.get(offer)
    if known is None:
        known = ClientFingerprints(ja3(hello), ja4(hello))
        if sum([len(numbers) for numbers in lists]) <= _LONGEST_CACHED:
            if len(_fingerprints) >= _CACHE_SIZE:
                del _fingerprints[next(iter(_fingerprints))]
            _fingerprints[offer] = known
    return known


def ja3(hello: ClientHello) -> str:
    """Fingerprint a client: MD5 of version, suites, extensions, groups, formats."""
    fields = (
        str(hello.legacy_version),
        _decimal(hello.cipher_suites),
        _decimal(hello.extensions),
        _decimal(hello.supported_groups),
        _decimal(hello.ec_point_formats),
    )
    return _md5(",".join(fields))


def ja3s(hello: ServerHello) -> str:
    """Fingerprint a server's answer: MD5 of version, suite, extensions."""
    answer = (hello.legacy_version, hello.cipher_suite, hello.extensions)
    is_long = len(hello.extensions) > _LONGEST_CACHED
    return (_ja3s if is_long else _cached_ja3s)(*answer)


def _ja3s(version: int, suite: int, extensions: tuple[int, ...]) -> str:
    return _md5(f"{version},{suite},{_decimal(extensions)}")


_cached_ja3s = lru_cache(maxsize=_CACHE_SIZE)(_ja3s)


def ja4(hello: ClientHello) -> str:
    """Fingerprint a client that does not depend on the order of its extensions."""
    suites = [suite for suite in hello.cipher_suites if suite not in GREASE]
    extensions = [number for number in hello.extensions if number not in GREASE]
    hashed = _hexadecimal(
        sorted([number for number in extensions if number not in (SERVER_NAME, ALPN)])
    )
    algorithms = _hexadecimal(
        [scheme for scheme in hello.signature_algorithms if scheme not in GREASE]
    )
    if hashed and algorithms:
        hashed = f"{hashed}_{algorithms}"
    summary = (
        "t",
        _JA4_VERSIONS.get(hello.highest_version, "00"),
        "d" if SERVER_NAME in extensions else "i",
        f"{min(len(suites), 99):02}{min(len(extensions), 99):02}",
        _alpn_ends(hello.alpn),
    )
    suites_hash = _sha256_prefix(_hexadecimal(sorted(suites)))
    return f"{''.join(summary)}_{suites_hash}_{_sha256_prefix(hashed)}"


def _alpn_ends(protocol: bytes) -> str:
    """Take the first and last character, of the hex form if one is odd."""
    if not protocol:
        return "00"
    ends = bytes((protocol[0], protocol[-1]))
    if ends.isalnum():
        return ends.decode("ascii")
    return protocol[:1].hex()[0] + protocol[-1:].hex()[1]


def _decimal(numbers: Iterable[int]) -> str:
    return "-".join([str(number) for number in numbers if number not in GREASE])


def _hexadecimal(numbers: Sequence[int]) -> str:
    return struct.pack(f">{len(numbers)}H", *numbers).hex(",", 2)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("ascii"), usedforsecurity=False).hexdigest()


def _sha256_prefix(text: str) -> str:
    if not text:
        return _JA4_NOTHING
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:12]

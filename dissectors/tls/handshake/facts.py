"""What handshake messages tell, filled into `TlsHandshakeSeen`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from dissectors.events import EarlyData
from dissectors.tls.handshake import fingerprints, hello
from dissectors.tls.handshake.structs import StructReader
from dissectors.tls.registries import extensions
from dissectors.tls.registries.cipher_suites import (
    RENEGOTIATION_INFO_SCSV,
    cipher_suite,
    cipher_suite_name,
)
from dissectors.tls.registries.grease import GREASE
from dissectors.tls.registries.groups import (
    group_name,
    is_post_quantum,
)
from dissectors.tls.registries.signature_schemes import signature_scheme_name
from dissectors.tls.registries.versions import (
    TLS_1_2,
    is_tls_1_3,
    version_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.events import TlsHandshakeSeen
    from dissectors.limits import Limits
    from dissectors.tls.handshake.hello import ClientHello, ServerHello

# RFC 8422 §5.4: ECCurveType
_NAMED_CURVE = 3
# RFC 9325 §4.2.1, §4.3
_SHORTEST_DH_BITS = 2048
_SHORTEST_EC_BITS = 224
_CURVE_BITS = re.compile(r"sec[pt](\d+)")
# RFC 5246 §7.4.1.4.1: MD5 and SHA-1
_WEAK_HASHES = (1, 2)
_MOST_OFFERED = 256
_MOST_PROTOCOLS = 32


def note_client_hello(
    seen: TlsHandshakeSeen, offer: ClientHello, limits: Limits
) -> None:
    """Note what a client offers and asks for."""
    seen.offered_versions = _names(version_name, offer.offered_versions)
    seen.offered_ciphers = _names(cipher_suite_name, offer.cipher_suites)
    if offer.sni is not None:
        seen.sni = offer.sni[: limits.kept_text]
    if offer.is_sslv2:
        return
    seen.offered_groups = _names(group_name, offer.supported_groups)
    seen.offered_signatures = _names(signature_scheme_name, offer.signature_algorithms)
    seen.offered_alpn = _protocol_names(offer.alpn_protocols)
    seen.grease = offer.uses_grease
    seen.ech = extensions.ENCRYPTED_CLIENT_HELLO in offer.extensions
    if extensions.EARLY_DATA in offer.extensions:
        seen.early_data = EarlyData.OFFERED
    seen.ja3, seen.ja4 = fingerprints.client_fingerprints(offer)


def note_server_hello(seen: TlsHandshakeSeen, choice: ServerHello) -> None:
    """Note what a server chose."""
    suite = cipher_suite(choice.cipher_suite)
    seen.version = version_name(choice.version)
    seen.cipher = suite.name
    seen.alpn = choice.alpn
    seen.ja3s = fingerprints.ja3s(choice)
    seen.retried = bool(seen.retried)
    if choice.version < TLS_1_2:
        seen.weak_choices = (*seen.weak_choices, f"old version {seen.version}")
    if suite.weakness is not None:
        seen.weak_choices = (*seen.weak_choices, suite.weakness)
    if choice.is_tls_1_3:
        # RFC 8446 §4.2.9: without a key share it goes on from the old secret alone
        seen.forward_secret = choice.group is not None
        if choice.group is not None:
            _note_group(seen, group_name(choice.group))
    else:
        seen.forward_secret = suite.forward_secret
    if seen.forward_secret is False:
        _note_weak_exchange(seen, "no forward secrecy")


def note_server_key_exchange(
    seen: TlsHandshakeSeen, body: bytes, choice: ServerHello
) -> None:
    """Note the group and the signature of a ServerKeyExchange.

    RFC 5246 §7.4.3, RFC 8422 §5.4.

    Raises:
        MalformedStructError: it can't be read.
    """
    key_exchange = cipher_suite(choice.cipher_suite).key_exchange
    reader = StructReader(body)
    if "PSK" in key_exchange:
        reader.vector(2)  # RFC 4279 §2: a hint
    if "ECDH" in key_exchange:
        if reader.uint(1) != _NAMED_CURVE:
            return
        _note_group(seen, group_name(reader.uint(2)))
        reader.vector(1)
    elif "DH" in key_exchange:
        bits = int.from_bytes(reader.vector(2), "big").bit_length()
        _note_group(seen, f"DH {bits}")
        if bits < _SHORTEST_DH_BITS:
            _note_weak_exchange(seen, f"weak DH group ({bits} bits)")
        reader.vector(2)
        reader.vector(2)
    else:
        return
    if choice.version >= TLS_1_2 and not reader.at_end:
        note_signature(seen, reader.uint(2))


def note_signature(seen: TlsHandshakeSeen, scheme: int) -> None:
    """Note the scheme by which the server signed the handshake."""
    seen.signature = signature_scheme_name(scheme)
    # RFC 8446 §4.2.3: old ones are a hash, and how it is signed
    if scheme >> 8 in _WEAK_HASHES:
        _note_weak_exchange(seen, f"weak signature {seen.signature}")


def note_secure_renegotiation(
    seen: TlsHandshakeSeen, offer: ClientHello | None, choice: ServerHello
) -> None:
    """Note whether both sides protect renegotiation (RFC 5746 §3)."""
    if offer is None or is_tls_1_3(choice.version):
        return
    offers = (
        extensions.RENEGOTIATION_INFO in offer.extensions
        or RENEGOTIATION_INFO_SCSV in offer.cipher_suites
    )
    seen.secure_renegotiation = (
        offers and extensions.RENEGOTIATION_INFO in choice.extensions
    )


def _note_group(seen: TlsHandshakeSeen, group: str) -> None:
    seen.group = group
    seen.post_quantum = is_post_quantum(group)
    curve = _CURVE_BITS.match(group)
    if curve is not None and int(curve[1]) < _SHORTEST_EC_BITS:
        _note_weak_exchange(seen, f"weak group ({curve[1]} bits)")


def _note_weak_exchange(seen: TlsHandshakeSeen, weakness: str) -> None:
    seen.weak_exchange = (*seen.weak_exchange, weakness)


def _names(name: Callable[[int], str], numbers: tuple[int, ...]) -> tuple[str, ...]:
    """Name what a client offers."""
    return _cached_names(name, numbers[:_MOST_OFFERED])


@lru_cache(maxsize=1024)
def _cached_names(
    name: Callable[[int], str], numbers: tuple[int, ...]
) -> tuple[str, ...]:
    """Name once what clients offer in every session."""
    return tuple([name(each) for each in numbers if each not in GREASE])


def _protocol_names(protocols: tuple[bytes, ...]) -> tuple[str, ...]:
    some = protocols[:_MOST_PROTOCOLS]
    return tuple([hello.escape(each.decode("latin-1")) for each in some])

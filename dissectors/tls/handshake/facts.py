"""What handshake messages tell, filled into `TlsHandshakeSeen`."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from dissectors.events import EarlyData, TlsChoice, TlsKeyExchange, TlsOffer, Weakness
from dissectors.tls.handshake import fingerprints
from dissectors.tls.handshake.hello import escape
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
_MAX_OFFERED = 256
_MAX_PROTOCOLS = 32


def note_client_hello(
    seen: TlsHandshakeSeen, hello: ClientHello, limits: Limits
) -> None:
    """Note what a client offers and asks for."""
    # RFC 8446 §4.2.1: without the extension, it offers one
    numbers = hello.supported_versions or (hello.legacy_version,)
    versions = _names(version_name, numbers)
    ciphers = _names(cipher_suite_name, hello.cipher_suites)
    sni = hello.sni[: limits.kept_text] if hello.sni is not None else None
    if hello.is_sslv2:
        seen.offer = TlsOffer(versions, ciphers, sni=sni)
        return
    ja3, ja4 = fingerprints.client_fingerprints(hello)
    seen.offer = TlsOffer(
        versions,
        ciphers,
        groups=_names(group_name, hello.supported_groups),
        signatures=_names(signature_scheme_name, hello.signature_algorithms),
        alpn=_protocol_names(hello.alpn_protocols),
        sni=sni,
        grease=hello.uses_grease,
        ech=extensions.ENCRYPTED_CLIENT_HELLO in hello.extensions,
        ja3=ja3,
        ja4=ja4,
    )
    if extensions.EARLY_DATA in hello.extensions:
        seen.early_data = EarlyData.OFFERED


def note_server_hello(seen: TlsHandshakeSeen, hello: ServerHello) -> None:
    """Note what a server chose."""
    suite = cipher_suite(hello.cipher_suite)
    version = version_name(hello.version)
    is_old = hello.version < TLS_1_2
    weaknesses = [Weakness.OLD_VERSION.of(version)] if is_old else []
    if suite.weakness is not None:
        weaknesses.append(suite.weakness)
    ja3s = fingerprints.ja3s(hello)
    seen.choice = TlsChoice(version, suite.name, hello.alpn, tuple(weaknesses), ja3s)
    seen.retried = bool(seen.retried)
    if not hello.is_tls_1_3:
        seen.key_exchange = _key_exchange(None, is_forward_secret=suite.forward_secret)
        return
    # RFC 8446 §4.2.9: without a key share it goes on from the old secret alone
    group = group_name(hello.group) if hello.group is not None else None
    seen.key_exchange = _key_exchange(group, is_forward_secret=group is not None)


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
        curve = group_name(reader.uint(2))
        _note_group(seen, curve, is_weak=_is_short_curve(curve))
        reader.vector(1)
    elif "DH" in key_exchange:
        bits = int.from_bytes(reader.vector(2), "big").bit_length()
        _note_group(seen, f"DH {bits}", is_weak=bits < _SHORTEST_DH_BITS)
        reader.vector(2)
        reader.vector(2)
    else:
        return
    if choice.version >= TLS_1_2 and not reader.at_end:
        note_signature(seen, reader.uint(2))


def note_signature(seen: TlsHandshakeSeen, scheme: int) -> None:
    """Note the scheme by which the server signed the handshake."""
    signature = signature_scheme_name(scheme)
    # RFC 8446 §4.2.3: old ones are a hash, and how it is signed
    is_weak = scheme >> 8 in _WEAK_HASHES
    known = seen.key_exchange
    weaknesses = known.weaknesses
    if is_weak:
        weaknesses = (*weaknesses, Weakness.WEAK_SIGNATURE.of(signature))
    seen.key_exchange = replace(known, signature=signature, weaknesses=weaknesses)


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


def _key_exchange(
    group: str | None, *, is_forward_secret: bool | None
) -> TlsKeyExchange:
    weaknesses: tuple[str, ...] = ()
    if group is not None and _is_short_curve(group):
        weaknesses = (Weakness.WEAK_GROUP.of(group),)
    if is_forward_secret is False:
        weaknesses = (*weaknesses, Weakness.NO_FORWARD_SECRECY)
    is_safe = is_post_quantum(group) if group is not None else None
    return TlsKeyExchange(group, is_safe, is_forward_secret, None, weaknesses)


def _note_group(seen: TlsHandshakeSeen, group: str, *, is_weak: bool) -> None:
    known = seen.key_exchange
    weaknesses = known.weaknesses
    if is_weak:
        weaknesses = (*weaknesses, Weakness.WEAK_GROUP.of(group))
    seen.key_exchange = replace(
        known,
        group=group,
        post_quantum=is_post_quantum(group),
        weaknesses=weaknesses,
    )


def _is_short_curve(group: str) -> bool:
    curve = _CURVE_BITS.match(group)
    return curve is not None and int(curve[1]) < _SHORTEST_EC_BITS


def _names(name: Callable[[int], str], numbers: tuple[int, ...]) -> tuple[str, ...]:
    """Name what a client offers."""
    return _cached_names(name, numbers[:_MAX_OFFERED])


@lru_cache(maxsize=1024)
def _cached_names(
    name: Callable[[int], str], numbers: tuple[int, ...]
) -> tuple[str, ...]:
    """Name once what clients offer in every session."""
    return tuple([name(number) for number in numbers if number not in GREASE])


def _protocol_names(protocols: tuple[bytes, ...]) -> tuple[str, ...]:
    some = protocols[:_MAX_PROTOCOLS]
    return tuple([escape(protocol.decode("latin-1")) for protocol in some])

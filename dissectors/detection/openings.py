"""What both sides of each protocol say first, and what an opening may be of."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from dissectors import registry
from dissectors.conversation.proxy_header import BEGINNINGS as PROXY_BEGINNINGS
from dissectors.events import Side
from dissectors.tls import TLS_PREFIX_BYTES, looks_like_tls

if TYPE_CHECKING:
    from collections.abc import Mapping

# RFC 5321 §4.5.3.1.5: the longest reply line that all must accept
OPENING_BYTES = 512
# the bytes that no line of text has
BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@cache
def server_beginnings() -> tuple[bytes, ...]:
    """Return how a server's first packet begins, four bytes each."""
    return tuple(
        beginning
        for spec in registry.protocols().values()
        for beginning in spec.opening.server_beginnings
    )


@cache
def client_beginnings() -> tuple[bytes, ...]:
    """Return how a client's first packet begins, or the header of a proxy."""
    return PROXY_BEGINNINGS + tuple(
        beginning
        for spec in registry.protocols().values()
        for beginning in spec.opening.client_beginnings
    )


@cache
def speech() -> tuple[tuple[tuple[str, re.Pattern[bytes]], ...], ...]:
    """Return what clients, and what servers, say first, by protocol."""
    openings = [(name, spec.opening) for name, spec in registry.protocols().items()]
    return (
        tuple((name, opening.client) for name, opening in openings),
        tuple((name, opening.server) for name, opening in openings),
    )


@cache
def protocol_by_alpn() -> Mapping[bytes, str]:
    """Return the protocols by what a ClientHello calls them (RFC 7301)."""
    return {
        alpn: name
        for name, spec in registry.protocols().items()
        for alpn in spec.opening.alpn
    }


@cache
def alpn_pattern() -> re.Pattern[bytes]:
    """Return what finds such a name behind its length (RFC 7301 §3.1)."""
    names = [re.escape(bytes([len(name)]) + name) for name in protocol_by_alpn()]
    return re.compile(b"|".join(names))


def find_protocols(
    side: Side,
    opening: bytearray,
    port_protocol: str | None,
    *,
    server_began: bool,
    at_end: bool,
) -> set[str] | None:
    """Find what protocols an opening may be of.

    Args:
        side: who said it.
        opening: what it said first.
        port_protocol: what the server's port is for; `None` if it is no mail port.
        server_began: the server spoke first.
        at_end: it won't get longer.

    Returns:
        `None` if more of it must be seen.
    """
    if port_protocol is not None:
        is_tls = looks_like_tls(opening[:TLS_PREFIX_BYTES])
        if is_tls:
            return {port_protocol}
        if is_tls is None and not at_end:
            return None
    start = opening.lstrip(b"\r\n")
    at_end = at_end or b"\n" in start or len(opening) >= OPENING_BYTES
    if not at_end and not BINARY.search(start):
        return None
    fitting = {name for name, words in speech()[side] if words.match(start)}
    if port_protocol is not None:
        return fitting
    if side is Side.CLIENT:
        return {name for name in fitting if _is_clear_client(name, start)}
    return {name for name in fitting if server_began or _is_clear_server(name, start)}


def choose(fitting: set[str]) -> str | None:
    """Choose a protocol if several fit: a plug-in takes nothing from others."""
    own = {name for name in fitting if not registry.is_plugin(name)}
    left = own or fitting
    return next(iter(left)) if len(left) == 1 else None


def _is_clear_client(protocol: str, start: bytearray) -> bool:
    """Tell whether a client says more than those of other protocols do."""
    strict = registry.protocols()[protocol].opening.strict_client
    return strict is None or strict.match(start) is not None


def _is_clear_server(protocol: str, start: bytearray) -> bool:
    """Tell whether a server says more than those of other protocols do."""
    ambiguous = registry.protocols()[protocol].opening.ambiguous_server
    return ambiguous is None or not ambiguous.match(start)

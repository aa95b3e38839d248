"""What both sides of each protocol say first, as the registry knows it."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from dissectors import registry
from dissectors.conversation.proxy_header import BEGINNINGS as PROXY_BEGINNINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

# RFC 5321 §4.5.3.1.5: the longest reply line that all must accept
OPENING_BYTES = 512


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

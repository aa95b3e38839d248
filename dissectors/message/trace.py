"""Trace fields (RFC 5321 §4.4): where a message was written."""

from __future__ import annotations

import ipaddress
import re

# in this order; none of them is standard, the first is the most common
_IP_FIELDS = (b"x-originating-ip", b"x-sender-ip", b"x-client-ip")

# RFC 5321 §4.4: From-domain = "FROM" FWS Extended-Domain, where the domain is what
# the client said in HELO, and the TCP-info in parentheses what the server saw. Nothing
# is tried twice, so the cost is linear.
_FROM = re.compile(rb"\s*+from\s++", re.IGNORECASE)
_TOKEN = re.compile(
    rb"\((?:[^()]++|\((?:[^()]++|\([^()]*+\)?)*+\)?)*+\)?|[^\s;]++", re.DOTALL
)
_NEXT_CLAUSE = frozenset((b"by", b"via", b"with", b"id", b"for"))
_LONGEST_CLAUSE = 1000

# what of a comment is the client's word again: qmail, Exim, CommuniGate
_HELO = re.compile(rb"\b(?:helo|ehlo|lhlo)[\s=]\s*+[^\s)]*+", re.IGNORECASE)
# Exim names a client without a name by its address, and HELO only in the comment
_EXIM_FACTS = re.compile(rb"\((?:port|helo|ident)=", re.IGNORECASE)
# in brackets, or bare (Exchange, qmail), where a user may stand before it; Exim and
# Ecelerity add a port, Exchange a zone (RFC 4007 §11)
_LITERAL = re.compile(rb"\[(?:IPv6:)?([0-9A-F.:]{2,51})(?:%[\w.-]*+)?\]", re.IGNORECASE)
_BARE = re.compile(
    rb"(?<![^\s(@])(?:IPv6:)?([0-9A-F.:]{2,51})(?:%[\w.-]*+)?(?![^\s)])", re.IGNORECASE
)
_WITH_PORT = re.compile(rb"([0-9.]+):[0-9]+")


def find_origin(fields: dict[bytes, list[bytes]]) -> str | None:
    """Find the address of who wrote a message: as a field says, or the first hop.

    Args:
        fields: unfolded field bodies by name in lower case.
    """
    for name in _IP_FIELDS:
        for body in fields.get(name, ()):
            address = _find_address(_BARE, body.strip(b"[] \t"))
            if address is not None:
                return address
    hops = fields.get(b"received")
    return _seen_address(hops[-1]) if hops else None


def _seen_address(received: bytes) -> str | None:
    """Find the client's address as the server saw it, by the field that it wrote."""
    start = _FROM.match(received)
    if start is None:
        return None
    words: list[bytes] = []
    comments: list[bytes] = []
    for token in _TOKEN.findall(received[start.end() :][:_LONGEST_CLAUSE]):
        if words and token.lower() in _NEXT_CLAUSE:
            break
        (comments if token.startswith(b"(") else words).append(token)
    if words and comments and _EXIM_FACTS.match(comments[0]):
        comments.insert(0, words.pop(0))
    # without TCP-info the last word is all there is: of HTTP, or what the client said
    for text in (*comments, *reversed(words)):
        seen = _HELO.sub(b"", text)
        address = _find_address(_LITERAL, seen) or _find_address(_BARE, seen)
        if address is not None:
            return address
    return None


def _find_address(pattern: re.Pattern[bytes], text: bytes) -> str | None:
    for literal in pattern.findall(text):
        with_port = _WITH_PORT.fullmatch(literal)
        host = with_port[1] if with_port else literal
        try:
            address = ipaddress.ip_address(host.decode("ascii"))
        except ValueError:
            continue
        # RFC 4291 §2.5.5.2: an IPv4 client of a socket for both
        mapped = address.ipv4_mapped if address.version == 6 else None
        return str(mapped or address)
    return None

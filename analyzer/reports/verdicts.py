"""What the figures of a server's port mean, in words.

The question is that of an administrator who wants to close it to plaintext: who
would notice? RFC 8314 §3 asks for TLS in submission and access. Relay is out of its
scope: there STARTTLS is an offer (RFC 3207) that other servers may leave alone.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analyzer.sessions.role import Role
from analyzer.text import pluralize, some_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STARTTLS = "STARTTLS"
REFUSED = "STARTTLS refused"
NONE_SEEN = "none seen"
UNKNOWN = "unknown"

_NO_CHOICE = {
    REFUSED: "the server refuses STARTTLS",
    NONE_SEEN: "the server offers no TLS",
    UNKNOWN: "can't tell whether the server offers TLS",
}


class ClientUse(enum.StrEnum):
    """What a client did in plaintext on a port."""

    PLAINTEXT_ONLY = "plaintext only"
    """It used plaintext, and never used TLS with this server for this protocol."""
    BOTH = "both"
    """It was in plaintext, and used TLS at other times."""
    ATTACK = "attack"
    """It guesses passwords, whether or not it got in."""
    FAILED_LOGIN = "failed login"
    """It tried to log in, and never got in."""
    INCOMPLETE = "incomplete"
    """Nothing of that was seen, but not everything was captured."""
    CONNECTED_ONLY = "connected only"
    """It neither tried to log in nor moved mail."""


@dataclass(frozen=True, slots=True)
class PortUse:
    """How a port of a server was used for one role.

    Attributes:
        role: for what.
        sessions: how many there were.
        plaintext: how many of them stayed in plaintext.
        encrypted: how many used TLS.
        implicit: how many of these did so from the first byte on.
        cut: how many of these may have had a part in plaintext that was not captured.
        failed: how many began TLS in vain.
        attempts: how many connections were refused, or not answered.
        offered: the protected ways that the server offers.
        clients: the clients that used it in plaintext, by what they did.
    """

    role: str
    sessions: int = 0
    plaintext: int = 0
    encrypted: int = 0
    implicit: int = 0
    cut: int = 0
    failed: int = 0
    attempts: int = 0
    offered: str = UNKNOWN
    clients: Mapping[ClientUse, Sequence[str]] = field(default_factory=dict)


def verdict(port: PortUse) -> str:
    """Say in plain words what a port's figures mean."""
    if port.role == Role.RELAY and port.plaintext:
        parts = [_extent(port), _relay_choice(port)]
    elif port.clients:
        parts = _users(port)
    else:
        parts = [_without_plaintext(port)]
    if port.failed:
        parts.append(f"TLS failed in {pluralize(port.failed, 'session')}")
    return "; ".join(parts)


def _extent(port: PortUse) -> str:
    if port.sessions == 1:
        return "the only session was in plaintext"
    return f"{port.plaintext:,} of {port.sessions:,} sessions in plaintext"


def _relay_choice(port: PortUse) -> str:
    """Say what kept relaying servers from TLS: they themselves, or the server."""
    if port.offered in _NO_CHOICE:
        return _NO_CHOICE[port.offered]
    return f"the server offers {port.offered}, {_relay_clients(port)}"


def _relay_clients(port: PortUse) -> str:
    if never := port.clients.get(ClientUse.PLAINTEXT_ONLY):
        return f"{pluralize(len(never), 'client')} never used it: {some_of(never)}"
    both = port.clients.get(ClientUse.BOTH, ())
    return f"{pluralize(len(both), 'client')} used it at other times: {some_of(both)}"


def _users(port: PortUse) -> list[str]:
    """Say who would be cut off if the port took no plaintext any longer."""
    cut_off, both, attacking, failing, incomplete, connected_only = (
        port.clients.get(use, ()) for use in ClientUse
    )
    parts = []
    if cut_off:
        clients = pluralize(len(cut_off), "client")
        parts.append(f"{clients} would be cut off: {some_of(cut_off)}")
        if both:
            parts.append(f"{len(both):,} more also {_uses(both)} TLS")
    elif both:
        clients = pluralize(len(both), "client")
        parts.append(f"{clients} in plaintext also {_uses(both)} TLS: {some_of(both)}")
    if failing:
        clients = pluralize(len(failing), "client")
        parts.append(f"{clients} with failed logins only: {some_of(failing)}")
    if attacking:
        clients = pluralize(len(attacking), "client")
        parts.append(f"{clients} guessing passwords: {some_of(attacking)}")
    if parts and not (cut_off or incomplete):
        parts[0] = f"nobody would be cut off: {parts[0]}"
    if incomplete:
        clients = pluralize(len(incomplete), "client")
        names = some_of(incomplete)
        parts.append(f"can't tell for {clients} captured in part: {names}")
    if connected_only and not parts:
        clients = pluralize(len(connected_only), "client")
        parts.append(
            f"nobody logged in or moved mail in plaintext: {clients} only connected"
        )
    if cut_off and port.offered == NONE_SEEN:
        parts.append("no encrypted alternative seen")
    return parts


def _without_plaintext(port: PortUse) -> str:
    if port.failed and not port.encrypted:
        return "nobody got in"
    if port.sessions and port.attempts == port.sessions:
        return "nobody got in: no connection was accepted"
    if not port.encrypted:
        return "can't tell: nothing was said, or it was not captured"
    if port.encrypted - port.cut + port.failed < port.sessions:
        return "nobody was seen to use it in plaintext"
    return "always encrypted" if port.implicit else "nobody used it in plaintext"


def _uses(clients: Sequence[str]) -> str:
    return "uses" if len(clients) == 1 else "use"

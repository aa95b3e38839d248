"""What closing a port to plaintext would need, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.reports.verdicts import NONE_SEEN, REFUSED, ClientUse
from analyzer.sessions.role import Role
from analyzer.text import pluralize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analyzer.reports.ways import Ways

_ACTIONS = {
    ClientUse.ATTACK: "see who guesses passwords there, and block it",
    ClientUse.FAILED_LOGIN: "correct its password, or remove it: it never got in",
    ClientUse.INCOMPLETE: "look again: it was captured in part",
    ClientUse.CONNECTED_ONLY: "nothing: it only connected",
}
_NO_WAY = {
    REFUSED: "let the server accept STARTTLS first, which it refuses",
    NONE_SEEN: "let the server offer TLS first: no other way was seen",
}


def advice(use: ClientUse, role: str, ways: Ways) -> str:
    """Say what to do about a client in plaintext."""
    if use in _ACTIONS:
        return _ACTIONS[use]
    if role == Role.RELAY:
        # RFC 3207 §4: a public server must not ask for it
        return (
            "turn on STARTTLS" if ways.starttls else "nothing: relay may use plaintext"
        )
    choices = [f"switch to port {_either(ways.ports)}"] if ways.ports else []
    if ways.starttls:
        choices.append("turn on STARTTLS")
    if ways.is_implicit:
        choices.append("use TLS on this port")
    if choices:
        return " or ".join(choices)
    if use == ClientUse.BOTH:
        return "let it use TLS always, as at other times"
    return _NO_WAY.get(ways.offered, "ask whether the server offers TLS: not captured")


def total(port: Mapping[str, Any]) -> str:
    """Say whom it would cut off if a port were closed to plaintext everywhere.

    Args:
        port: a row of `plaintext_by_port`.
    """
    cut_off = port["cut_off_clients"]
    if port["role"] == Role.RELAY and port["plaintext"]:
        only = port["plaintext_only_clients"]
        # they may well do so at others
        never = f"{pluralize(only, 'client')} used no TLS with at least one server"
        parts = ["nobody would be cut off: this is relay", *([never] * bool(only))]
    elif cut_off:
        accounts = port["cut_off_accounts"]
        whose = f" ({pluralize(accounts, 'account')})" if accounts else ""
        servers = pluralize(port["cut_off_servers"], "server")
        clients = f"{pluralize(cut_off, 'client')} on {servers}{whose}"
        parts = [f"{clients} would be cut off"]
    elif port["plaintext"]:
        parts = ["nobody would be cut off"]
    else:
        parts = ["nobody was seen in plaintext"]
    others = {
        "also_tls_clients": "in plaintext at times only",
        "failed_login_clients": "with failed logins only",
        "attacking_clients": "guessing passwords",
        "incomplete_clients": "captured in part",
    }
    parts += [
        f"{pluralize(port[name], 'client')} {what}"
        for name, what in others.items()
        if port[name]
    ]
    return "; ".join(parts)


def _either(ports: Mapping[int, int]) -> str:
    return " or ".join(map(str, ports))

"""How Wireshark finds a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.dialogue.step import CLIENT, NS, SERVER

if TYPE_CHECKING:
    from collections.abc import Mapping


def display_filter(session: Mapping[str, Any]) -> str:
    """Return Wireshark's display filter for the packets of a session.

    It goes by addresses, ports and time: the number of a stream (`tcp.stream`) is
    another one in every file. Addresses of any IP header of a packet match, so that
    tunnels and tags don't matter.

    Args:
        session: its row, times in nanoseconds.
    """
    conditions = [
        *(_is_address(session[f"{end}_ip"]) for end in (CLIENT, SERVER)),
        *(f"tcp.port == {session[f'{end}_port']}" for end in (CLIENT, SERVER)),
        f"frame.time_epoch >= {_seconds(session['start'])}",
        f"frame.time_epoch <= {_seconds(session['end'])}",
    ]
    return " && ".join(dict.fromkeys(conditions))


def _is_address(address: str) -> str:
    return f"{'ipv6' if ':' in address else 'ip'}.addr == {address}"


def _seconds(time_ns: int) -> str:
    return f"{time_ns // NS}.{time_ns % NS:09}"

"""What texts in a condition may stand for: times, intervals, addresses, networks."""

from __future__ import annotations

import datetime as dt
import re
import socket
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

Network = IPv4Network | IPv6Network

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MAX_NS = 2**63 - 1
_INTERVAL = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([A-Za-z]+)\s*")
_UNITS_S = {
    **dict.fromkeys(("s", "second", "seconds"), 1),
    **dict.fromkeys(("min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("week", "weeks"), 7 * 86_400),
}


def parse_time(text: str) -> int:
    """Return a time in nanoseconds since 1970; without an offset it is UTC.

    Raises:
        ValueError: it is none; the text is for the user.
    """
    try:
        time = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError("a time is written as 2026-01-31 or 2026-01-31 10:00") from (
            None
        )
    if time.tzinfo is None:
        time = time.replace(tzinfo=dt.UTC)
    microseconds = (time - _EPOCH) // dt.timedelta(microseconds=1)
    # no packet is later, or earlier
    return max(-_MAX_NS, min(microseconds * 1000, _MAX_NS))


def parse_interval(text: str) -> int:
    """Return an interval in nanoseconds.

    Raises:
        ValueError: it is none; the text is for the user.
    """
    match = _INTERVAL.fullmatch(text)
    unit = _UNITS_S.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise ValueError("an interval is written as '90 days', '2 hours', '5 minutes'")
    return min(round(float(match[1]) * unit * 10**9), _MAX_NS)


def parse_address(text: str) -> str:
    """Return an address as the tables have it.

    Raises:
        ValueError: it is none; the text is for the user.
    """
    try:
        address = ip_address(text)
    except ValueError:
        raise ValueError(f"{text!r} is no address") from None
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    return socket.inet_ntop(family, address.packed)


def parse_network(text: str) -> Network:
    """Return a network, or that of a single address.

    Raises:
        ValueError: it is none; the text is for the user.
    """
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"{text!r} is no network, such as 192.0.2.0/24 or 2001:db8::/32"
        ) from None


def membership(network: Network) -> Callable[[str], bool]:
    """Return what tells whether a text is an address in a network."""
    family = socket.AF_INET if network.version == 4 else socket.AF_INET6
    first, mask = int(network.network_address), int(network.netmask)

    def is_inside(address: str) -> bool:
        try:
            packed = socket.inet_pton(family, address)
        except (OSError, ValueError):
            # of the other family, most often
            return False
        return int.from_bytes(packed, "big") & mask == first

    return is_inside

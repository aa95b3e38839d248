"""The endpoints of a connection, and the key that both have in common."""

from __future__ import annotations

from typing import NamedTuple

# lower endpoint's address (high and low half), the higher's, both ports
ConnectionKey = tuple[int, int, int, int, int]
_LOW = (1 << 64) - 1


class Endpoint(NamedTuple):
    """An address as a 128-bit integer (IPv4 is IPv4-mapped), and a port."""

    address: int
    port: int


def connection_key(one: Endpoint, other: Endpoint) -> ConnectionKey:
    """Return what all packets between two endpoints have in common."""
    lower, higher = sorted((one, other))
    return (
        *(lower.address >> 64, lower.address & _LOW),
        *(higher.address >> 64, higher.address & _LOW),
        lower.port << 16 | higher.port,
    )


def ports(key: ConnectionKey) -> tuple[int, int]:
    """Return the ports of the lower and the higher endpoint."""
    return key[4] >> 16, key[4] & 0xFFFF


def endpoints(key: ConnectionKey) -> tuple[Endpoint, Endpoint]:
    """Return the lower and the higher endpoint."""
    lower_port, higher_port = ports(key)
    return (
        Endpoint(key[0] << 64 | key[1], lower_port),
        Endpoint(key[2] << 64 | key[3], higher_port),
    )

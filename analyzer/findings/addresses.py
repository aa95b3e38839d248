"""IP addresses as numbers, many at a time."""

from __future__ import annotations

from socket import AF_INET, AF_INET6, inet_pton
from typing import TYPE_CHECKING

import numpy as np

from analyzer.tables.columns import as_arrow, number

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from analyzer.findings.settings import Network

    Flags = npt.NDArray[np.bool_]
    Numbers = npt.NDArray[np.int64]

_VERSION_BITS = {4: 32, 6: 128}
# of what an address is kept in, an IPv4 address in the last 32
_BITS = 128
_HALF = (1 << 64) - 1


class Addresses:
    """Some IP addresses.

    Args:
        texts: each as text.

    Raises:
        OSError: one is no address.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        known: list[str] = as_arrow(texts).to_pylist()
        self._is_v6: Flags = np.array([":" in each for each in known], bool)
        packed = b"".join(
            inet_pton(AF_INET6, each)
            if ":" in each
            else b"\0" * 12 + inet_pton(AF_INET, each)
            for each in known
        )
        # the high and the low half of each
        self._halves = np.frombuffer(packed, ">u8").reshape(-1, 2).astype(np.uint64)

    def networks(self, *, v4: int, v6: int) -> Numbers:
        """Return a number for the network of each, from 1.

        Args:
            v4: length of the prefix of IPv4 networks.
            v6: and of IPv6 networks.
        """
        masks = np.where(self._is_v6[:, None], _mask(6, v6), _mask(4, v4))
        high, low = (self._halves & masks).T
        return number(self._is_v6.astype(np.int64), high, low)

    def are_in(self, networks: Iterable[Network]) -> Flags:
        """Return which are in any of some networks."""
        flags = np.zeros(len(self._is_v6), bool)
        for network in networks:
            mask = _mask(network.version, network.prefixlen)
            first = _as_halves(int(network.network_address))
            is_in = ((self._halves & mask) == first).all(axis=1)
            flags |= is_in & (self._is_v6 == (network.version == 6))
        return flags


def _mask(version: int, prefix: int) -> npt.NDArray[np.uint64]:
    """Return the bits that addresses of a network have in common."""
    free = _VERSION_BITS[version] - prefix
    return _as_halves((1 << _BITS) - (1 << free))


def _as_halves(value: int) -> npt.NDArray[np.uint64]:
    return np.array([value >> 64, value & _HALF], np.uint64)

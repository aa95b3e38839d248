"""IPv4 and IPv6 headers, with options and extension headers, in columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from captures.packets.columns import Gather, Packets
    from captures.packets.segments import Mask

TCP = 6
UDP = 17
_FRAGMENT_HEADER = 44
_AUTHENTICATION_HEADER = 51
_NO_NEXT_HEADER = 59
# hop-by-hop, routing, fragment, authentication (RFC 4302, which encrypts nothing),
# destination options, mobility, HIP, shim6
_EXTENSIONS = (0, 43, _FRAGMENT_HEADER, _AUTHENTICATION_HEADER, 60, 135, 139, 140)
_MAX_EXTENSIONS = 16


def _protocols(*numbers: int) -> Mask:
    table = np.zeros(256, dtype=np.bool_)
    table[list(numbers)] = True
    return table


_IS_IPV4_EXTENSION = _protocols(_AUTHENTICATION_HEADER)
_IS_IPV6_EXTENSION = _protocols(*_EXTENSIONS)


class IpPackets(NamedTuple):
    """IP packets whose headers are read; all columns have the same length.

    Attributes:
        packets: they start with what is carried.
        protocol: (n,) uint8, of what is carried.
        is_valid: (n,) whether the headers make sense.
        is_cut: (n,) whether extension headers were not captured whole.
        is_fragment: (n,) whether other fragments are needed to go on.
    """

    packets: Packets
    protocol: npt.NDArray[np.uint8]
    is_valid: Mask
    is_cut: Mask
    is_fragment: Mask


def read_ipv4(gather: Gather, packets: Packets) -> IpPackets:
    """Read IPv4 headers (RFC 791 §3.1), of which 20 bytes were captured."""
    header = packets.start
    header_bytes = (gather.byte[header] & 0x0F).astype(np.int64) * 4
    total = gather.be16[header + 2].astype(np.int64)
    # more fragments, or an offset
    is_fragment = (gather.be16[header + 6] & 0x3FFF) != 0
    protocol = gather.byte[header + 9]
    # a total length of 0 is what segmentation offload leaves in captures
    wire_end = np.where(total == 0, packets.wire_end, header + total)
    packets = packets.inside(header + header_bytes, wire_end)
    packets.ip_header = header
    is_valid = (header_bytes >= 20) & (packets.start <= wire_end)
    is_cut = np.zeros(len(packets), dtype=np.bool_)
    if _IS_IPV4_EXTENSION[protocol].any():
        protocol = np.where(is_fragment, _NO_NEXT_HEADER, protocol).astype(np.uint8)
        is_cut = _skip_extensions(
            gather, packets, protocol, is_fragment, _IS_IPV4_EXTENSION
        )
    return IpPackets(packets, protocol, is_valid, is_cut, is_fragment)


def read_ipv6(gather: Gather, packets: Packets) -> IpPackets:
    """Read IPv6 headers (RFC 8200 §3), of which 40 bytes were captured."""
    header = packets.start
    length = gather.be16[header + 4].astype(np.int64)
    # a payload length of 0: jumbogram or segmentation offload
    wire_end = np.where(length == 0, packets.wire_end, header + 40 + length)
    packets = packets.inside(header + 40, wire_end)
    packets.ip_header = header
    protocol = gather.byte[header + 6].copy()
    is_fragment = np.zeros(len(packets), dtype=np.bool_)
    is_cut = _skip_extensions(
        gather, packets, protocol, is_fragment, _IS_IPV6_EXTENSION
    )
    is_valid = np.ones(len(packets), dtype=np.bool_)
    return IpPackets(packets, protocol, is_valid, is_cut, is_fragment)


def _skip_extensions(
    gather: Gather,
    packets: Packets,
    protocol: npt.NDArray[np.uint8],
    is_fragment: Mask,
    is_extension: Mask,
) -> Mask:
    """Skip extension headers (RFC 8200 §4).

    Changes the packets' start and `protocol`, and notes fragments, which end here.

    Returns:
        (n,) whether there are more than were captured, or than is sensible.
    """
    for _ in range(_MAX_EXTENSIONS):
        extended = np.flatnonzero(is_extension[protocol] & packets.holding(8))
        if not len(extended):
            break
        at, here = packets.start[extended], protocol[extended]
        length = gather.byte[at + 1].astype(np.int64)
        # RFC 8200 §4.5: offset and the M bit; an atomic fragment has neither
        splits = here == _FRAGMENT_HEADER
        is_split = splits & ((gather.be16[at + 2] & 0xFFF9) != 0)
        is_fragment[extended[is_split]] = True
        protocol[extended] = np.where(is_split, _NO_NEXT_HEADER, gather.byte[at])
        # RFC 4302 §2.2: in words, less two
        size = np.where(
            here == _AUTHENTICATION_HEADER, (length + 2) * 4, (length + 1) * 8
        )
        packets.start[extended] += np.where(splits, 8, size)
    return is_extension[protocol]

"""What tshark says of a packet, as JSON with the bytes of each layer.

Packets whose link layer `captures.packets.decoder` knows are passed on as they were
captured. Of others, the outermost Ethernet frame or IP packet is passed on; where there
is none, the whole packet with a link type that nobody knows, so that it is counted as
not decoded.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from captures.files.timestamps import MAX_TIME_NS, MIN_TIME_NS, NS_PER_SECOND
from captures.link_types import UNKNOWN_LINK_TYPE, LinkType

Layers = dict[str, Any]

# Wireshark's numbers of link layers (wiretap/wtap.h), which never change
_LINK_TYPES = {
    1: LinkType.ETHERNET,
    7: LinkType.RAW,
    15: LinkType.NULL,
    25: LinkType.LINUX_SLL,
    129: LinkType.IPV4,
    130: LinkType.IPV6,
    174: LinkType.LOOP,
    210: LinkType.LINUX_SLL2,
}
# what packets of other link layers are searched for
_INNER_LINK_TYPES = {
    "eth_raw": LinkType.ETHERNET,
    "ip_raw": LinkType.RAW,
    "ipv6_raw": LinkType.RAW,
}


class Frame(NamedTuple):
    """A packet as it is passed on.

    Attributes:
        number: in its capture, from 1 on.
        time_ns: nanoseconds since the Unix epoch.
        link_type: LINKTYPE_ value.
        wire_length: bytes of it on the wire, counted from where `data` begins.
        data: what was captured of them.
    """

    number: int
    time_ns: int
    link_type: int
    wire_length: int
    data: bytes


def parse_frame(layers: Layers) -> Frame | None:
    """Turn what tshark says of a packet into what is passed on.

    Returns:
        The packet, or `None` if it is none: a file may hold entries of a log too.

    Raises:
        LookupError, TypeError, ValueError: that isn't what tshark 3 and 4 say.
    """
    frame = layers["frame"]
    if "frame.encap_type" not in frame:
        return None
    link_type: int | None = _LINK_TYPES.get(int(frame["frame.encap_type"]))
    # a packet of which nothing was captured has no bytes to show
    data = bytes.fromhex(layers["frame_raw"][0]) if "frame_raw" in layers else b""
    start = 0
    if link_type is None:
        start, link_type = _find_inside(layers, data)
    return Frame(
        number=int(frame["frame.number"]),
        # a Simple Packet Block of pcapng has no time
        time_ns=parse_time(frame.get("frame.time_epoch", "0")),
        link_type=link_type,
        wire_length=max(int(frame["frame.len"]) - start, 0),
        data=data[start:],
    )


def _find_inside(layers: Layers, data: bytes) -> tuple[int, int]:
    """Find where the outermost Ethernet frame or IP packet begins, and which it is."""
    # layers are in order, from the outside
    for name in layers:
        if link_type := _INNER_LINK_TYPES.get(name):
            header, start = _outermost(layers[name])
            # tshark may have put it together from several packets, or decrypted it
            if data.startswith(header, start):
                return start, link_type
    return 0, UNKNOWN_LINK_TYPE


def _outermost(raw: list[Any]) -> tuple[bytes, int]:
    """Return bytes and offset of a layer, the first one if there are several."""
    value, start, *_ = raw[0] if isinstance(raw[0], list) else raw
    return bytes.fromhex(value), int(start)


def parse_time(text: str) -> int:
    """Get nanoseconds since the epoch, from seconds or (tshark 4.2) ISO 8601."""
    if "T" in text:
        return int(np.datetime64(text.removesuffix("Z"), "ns").astype(np.int64))
    seconds, _, fraction = text.partition(".")
    sign = -1 if seconds.startswith("-") else 1
    nanoseconds = int(fraction.ljust(9, "0")[:9])
    time_ns = int(seconds) * NS_PER_SECOND + sign * nanoseconds
    return min(max(time_ns, MIN_TIME_NS), MAX_TIME_NS)

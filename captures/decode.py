"""From packets to TCP segments, a batch at a time in numpy.

Decoded in columns: Ethernet with 802.1Q/802.1ad tags or SNAP, Linux cooked v1
and v2, BSD loopback, raw IP; IPv4 with options, IPv6 with extension headers;
TCP (RFC 9293 §3.1). What else may hold mail (fragments, tunnels, rare
link layers) is set aside for `captures.encapsulation`, and what can't be
decoded is counted by reason.

Cost: a fixed number of numpy passes per batch. Only bytes that are needed are
gathered: ports decide first, and the rest is read for what may be mail.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from captures.batch import frame_ids
from captures.encapsulation import SetAside, Unwrapper
from captures.segments import (
    Candidates,
    Indices,
    Mask,
    Segments,
    TcpFlag,
    port_table,
)

if TYPE_CHECKING:
    from captures.batch import PacketBatch
    from captures.segments import SegmentFilter


class LinkType(IntEnum):
    """Link types that are decoded in columns (tcpdump.org/linktypes.html)."""

    NULL = 0
    ETHERNET = 1
    DLT_RAW_BSD = 12
    DLT_RAW_OPENBSD = 14
    RAW = 101
    LOOP = 108
    LINUX_SLL = 113
    IPV4 = 228
    IPV6 = 229
    LINUX_SLL2 = 276


# link type -> (bytes before the network layer, where the EtherType is)
_ETHERTYPE_HEADERS: dict[int, tuple[int, int]] = {
    LinkType.ETHERNET: (14, 12),
    LinkType.LINUX_SLL: (16, 14),
    LinkType.LINUX_SLL2: (20, 0),
}
_HEADERLESS: dict[int, int] = {
    LinkType.NULL: 4,
    LinkType.LOOP: 4,
    LinkType.RAW: 0,
    LinkType.DLT_RAW_BSD: 0,
    LinkType.DLT_RAW_OPENBSD: 0,
    LinkType.IPV4: 0,
    LinkType.IPV6: 0,
}

_ETHERTYPE_IPV4 = 0x0800
_ETHERTYPE_IPV6 = 0x86DD
_ETHERTYPE_VLAN = (0x8100, 0x88A8, 0x9100)
_ETHERTYPE_MIN = 0x0600
# IEEE 802.2 §A: unnumbered SNAP, and in the next two bytes the rest of the
# organization code, which is 0 where an EtherType follows (RFC 1042)
_LLC_SNAP = 0xAAAA_0300
# MPLS, PPPoE session, provider backbone bridging, TRILL, NSH
_ETHERTYPE_TUNNELS = (0x8847, 0x8848, 0x8864, 0x88E7, 0x22F3, 0x894F)

_PROTOCOL_TCP = 6
_PROTOCOL_UDP = 17
# IP in IP, 6in4, GRE, AH, EtherIP, L2TPv3, MPLS in IP
_PROTOCOL_TUNNELS = (4, 41, 47, 51, 97, 115, 137)
# L2TP, GTP-U, VXLAN, Geneve, VXLAN-GPE, VXLAN as early Linux had it
_UDP_TUNNEL_PORTS = (1701, 2152, 4789, 6081, 4790, 8472)
# hop-by-hop, routing, fragment, destination options, mobility, HIP, shim6
_IPV6_EXTENSIONS = (0, 43, 44, 60, 135, 139, 140)
_IPV6_FRAGMENT = 44
_NO_NEXT_HEADER = 59
_MAX_VLAN_TAGS = 8
_MAX_IPV6_EXTENSIONS = 16
_MAX_ENCAPSULATION = 5
# up to the flags: enough to follow a connection whose payload was cut off
_TCP_HEADER_NEEDED = 14

# IPv4 addresses are kept as IPv4-mapped IPv6 addresses (RFC 4291 §2.5.5.2)
_IPV4_MAPPED = np.uint64(0xFFFF_0000_0000)


_IS_VLAN = port_table(_ETHERTYPE_VLAN)
_IS_TUNNEL_ETHERTYPE = port_table(_ETHERTYPE_TUNNELS)
_IS_TUNNEL_PROTOCOL = port_table(_PROTOCOL_TUNNELS)
_IS_TUNNEL_PORT = port_table(_UDP_TUNNEL_PORTS)
_IS_EXTENSION = port_table(_IPV6_EXTENSIONS)


class _Gather:
    """Reads integers at any byte offset of a buffer, many at once."""

    def __init__(self, buffer: npt.NDArray[np.uint8]) -> None:
        self.byte = buffer
        self._buffer = buffer
        self.be16 = self._every_offset(">u2")
        self.be32 = self._every_offset(">u4")
        self.be64 = self._every_offset(">u8")

    def _every_offset(self, dtype: str) -> npt.NDArray[np.unsignedinteger]:
        """A view with one (unaligned) integer for every byte offset."""
        width = np.dtype(dtype).itemsize
        count = max(self._buffer.size - width + 1, 0)
        return np.ndarray((count,), dtype, buffer=self._buffer.data, strides=(1,))


@dataclass(slots=True)
class _Packets:
    """Packets on their way up the layers, as columns.

    `start` is where the next layer's first byte is, `end` is behind the last
    captured byte, and `wire_end` is where the last byte on the wire would be.
    """

    index: Indices
    start: Indices
    end: Indices
    wire_end: Indices
    vlan: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.index)

    def take(self, which: Mask | Indices) -> _Packets:
        if which.dtype == np.bool_ and which.all():
            return self
        return _Packets(*(getattr(self, f.name)[which] for f in fields(self)))

    def holding(self, size: int) -> Mask:
        """Which packets have at least `size` captured bytes left."""
        return self.end - self.start >= size


@dataclass(slots=True)
class _Datagrams:
    """IP packets that carry TCP: `packets.start` is at the TCP header."""

    packets: _Packets
    header: Indices
    is_ipv6: Mask


@dataclass(slots=True)
class _Level:
    """The packets at one depth of encapsulation.

    `order` is each packet's place in the batch that is decoded, `vlan` what is
    known of its VLAN from outside, `base` what separates offsets in this level's
    buffer from those in `Segments`.
    """

    batch: PacketBatch
    gather: _Gather
    order: Indices
    vlan: npt.NDArray[np.int32]
    base: int


@dataclass(slots=True)
class _TcpHeaders:
    """What is read of every TCP header, to tell whether it may be mail."""

    level: _Level
    datagrams: _Datagrams
    candidates: Candidates
    flags: npt.NDArray[np.uint8]
    payload: Indices
    captured: Indices


class Decoder:
    """Turns batches into the segments that may be mail."""

    def __init__(self, keep: SegmentFilter) -> None:
        self.keep = keep
        self._undecoded: Counter[str] = Counter()
        self._aside: list[SetAside] = []
        self._unwrapper = Unwrapper()

    def decode(self, batch: PacketBatch) -> tuple[Segments, bytes]:
        """Decode a batch.

        Returns:
            The segments that may be mail, and the bytes of unwrapped packets:
            payload offsets behind the end of the batch's buffer are in these.
        """
        headers: list[_TcpHeaders] = []
        inner = bytearray()
        count = len(batch)
        level = _Level(
            batch,
            _Gather(batch.buffer),
            np.arange(count, dtype=np.int64),
            np.full(count, -1, dtype=np.int32),
            0,
        )
        for _ in range(_MAX_ENCAPSULATION):
            headers += self._read_level(level)
            unwrapped = self._unwrap(level, batch.buffer.size + len(inner))
            if unwrapped is None:
                break
            level = unwrapped
            inner += level.batch.buffer.data
        else:
            headers += self._read_level(level)
            self._undecoded["tunnels nested too deeply"] += len(self._aside)
        self.keep.watch([each.candidates for each in headers])
        parts = [self._read_segments(each) for each in headers]
        return Segments.in_order(parts), bytes(inner)

    @property
    def undecoded(self) -> Counter[str]:
        """How many packets could not be decoded so far, by reason."""
        return self._undecoded + self._unwrapper.undecoded

    def finish(self) -> Counter[str]:
        """How many packets could not be decoded, by reason."""
        return self._undecoded + self._unwrapper.finish()

    def _read_level(self, level: _Level) -> list[_TcpHeaders]:
        """TCP headers of IPv4 and IPv6; what can't be decoded is set aside."""
        self._aside = []
        packets = self._strip_links(level)
        datagrams = self._strip_ip(packets, level.gather)
        return [self._read_headers(level, each) for each in datagrams]

    def _unwrap(self, level: _Level, base: int) -> _Level | None:
        """The packets inside of those that were set aside, if there are any."""
        if not self._aside:
            return None
        unwrapped = self._unwrapper.unwrap(level.batch, self._aside)
        if unwrapped is None:
            return None
        inner, wrappers = unwrapped
        return _Level(
            inner,
            _Gather(inner.buffer),
            level.order[[each.packet for each in wrappers]],
            np.array([each.vlan for each in wrappers], dtype=np.int32),
            base,
        )

    def _set_aside(self, kind: str, packets: _Packets, start: Indices) -> None:
        columns = (packets.index, packets.vlan, start, packets.end)
        for packet, vlan, first, end in zip(
            *(c.tolist() for c in columns), strict=True
        ):
            self._aside.append(SetAside(kind, packet, vlan, first, end))

    def _only(self, reason: str, packets: _Packets, good: Mask) -> _Packets:
        """The good packets; the others are counted as undecoded."""
        bad = len(packets) - int(np.count_nonzero(good))
        if bad:
            self._undecoded[reason] += bad
        return packets.take(good)

    def _strip_links(self, level: _Level) -> _Packets:
        """Packets that begin with an IP header, in capture order."""
        batch, gather = level.batch, level.gather
        index = np.arange(len(batch), dtype=np.int64)
        end = batch.offset + batch.captured_length
        wire_end = batch.offset + np.maximum(batch.wire_length, batch.captured_length)
        everything = _Packets(index, batch.offset, end, wire_end, level.vlan)
        found = []
        for link_type in np.unique(batch.link_type).tolist():
            packets = everything.take(batch.link_type == link_type)
            if link_type in _ETHERTYPE_HEADERS:
                found.append(self._follow_ethertype(packets, link_type, gather))
            elif link_type in _HEADERLESS:
                packets.start = packets.start + _HEADERLESS[link_type]
                found.append(packets)
            else:
                self._set_aside("link", packets, packets.start)
        return _merge(found) if found else everything.take(np.zeros(0, np.int64))

    def _follow_ethertype(
        self, packets: _Packets, link_type: int, gather: _Gather
    ) -> _Packets:
        """Follow the EtherType through VLAN tags and SNAP to an IP header."""
        header, type_at = _ETHERTYPE_HEADERS[link_type]
        packets = self._only("frame cut", packets, packets.holding(header))
        ethertype = gather.be16[packets.start + type_at].astype(np.uint16)
        frame_start = packets.start
        packets.start = packets.start + header
        for _ in range(_MAX_VLAN_TAGS):
            tagged = np.flatnonzero(_IS_VLAN[ethertype] & packets.holding(4))
            if not len(tagged):
                break
            tag = packets.start[tagged]
            # the outermost tag names the VLAN; its low 12 bits are the ID
            identifier = (gather.be16[tag] & 0x0FFF).astype(np.int32)
            outer = packets.vlan[tagged]
            packets.vlan[tagged] = np.where(outer < 0, identifier, outer)
            ethertype[tagged] = gather.be16[tag + 2]
            packets.start[tagged] += 4
        # IEEE 802.3 §3.2.6: a length instead of a type
        llc = np.flatnonzero((ethertype < _ETHERTYPE_MIN) & packets.holding(8))
        if len(llc):
            at = packets.start[llc]
            is_snap = (gather.be32[at] == _LLC_SNAP) & (gather.be16[at + 4] == 0)
            snap = llc[is_snap]
            ethertype[snap] = gather.be16[packets.start[snap] + 6]
            packets.start[snap] += 8
        is_ip = (ethertype == _ETHERTYPE_IPV4) | (ethertype == _ETHERTYPE_IPV6)
        if not is_ip.all():
            tunnel = _IS_TUNNEL_ETHERTYPE[ethertype]
            self._set_aside("link", packets.take(tunnel), frame_start[tunnel])
            self._only("frame cut", packets, ~_IS_VLAN[ethertype])
        return packets.take(is_ip)

    def _strip_ip(self, packets: _Packets, gather: _Gather) -> list[_Datagrams]:
        """Packets that begin with a TCP header, IPv4 and IPv6 apart."""
        packets = self._only("IP header cut", packets, packets.holding(1))
        version = gather.byte[packets.start] >> 4
        is_ipv4, is_ipv6 = version == 4, version == 6
        packets_ipv4, packets_ipv6 = packets.take(is_ipv4), packets.take(is_ipv6)
        self._only("IP version unknown", packets, is_ipv4 | is_ipv6)
        stripped = [self._strip_ipv4(packets_ipv4, gather)]
        if len(packets_ipv6):
            stripped.append(self._strip_ipv6(packets_ipv6, gather))
        return stripped

    def _strip_ipv4(self, packets: _Packets, gather: _Gather) -> _Datagrams:
        packets = self._only("IP header cut", packets, packets.holding(20))
        header = packets.start
        header_bytes = (gather.byte[header] & 0x0F).astype(np.int64) * 4
        total = gather.be16[header + 2].astype(np.int64)
        # RFC 791 §3.1: more fragments, or an offset
        fragment = (gather.be16[header + 6] & 0x3FFF) != 0
        protocol = gather.byte[header + 9]
        # a total length of 0 is what segmentation offload leaves in captures
        wire_end = np.where(total == 0, packets.wire_end, header + total)
        packets = _Packets(
            packets.index,
            header + header_bytes,
            np.minimum(packets.end, wire_end),
            wire_end,
            packets.vlan,
        )
        valid = (header_bytes >= 20) & (packets.start <= wire_end)
        self._only("IP header invalid", packets, valid)
        if fragment.any():
            split = fragment & valid
            self._set_aside("fragment", packets.take(split), header[split])
            valid &= ~fragment
        tcp = self._only_tcp(packets, header, protocol, valid, gather)
        return _Datagrams(packets.take(tcp), header[tcp], np.zeros(tcp.sum(), np.bool_))

    def _strip_ipv6(self, packets: _Packets, gather: _Gather) -> _Datagrams:
        packets = self._only("IP header cut", packets, packets.holding(40))
        header = packets.start
        total = gather.be16[header + 4].astype(np.int64)
        # a payload length of 0: jumbogram or segmentation offload
        wire_end = np.where(total == 0, packets.wire_end, header + 40 + total)
        packets = _Packets(
            packets.index,
            header + 40,
            np.minimum(packets.end, wire_end),
            wire_end,
            packets.vlan,
        )
        protocol = gather.byte[header + 6].copy()
        valid = np.ones(len(packets), dtype=np.bool_)
        for _ in range(_MAX_IPV6_EXTENSIONS):
            extended = np.flatnonzero(_IS_EXTENSION[protocol] & packets.holding(8))
            if not len(extended):
                break
            at = packets.start[extended]
            following, length = gather.byte[at], gather.byte[at + 1].astype(np.int64)
            # RFC 8200 §4.5: offset and the M bit; an atomic fragment has neither
            is_fragment = protocol[extended] == _IPV6_FRAGMENT
            split = is_fragment & ((gather.be16[at + 2] & 0xFFF9) != 0)
            split_at = extended[split]
            self._set_aside("fragment", packets.take(split_at), header[split_at])
            valid[extended[split]] = False
            protocol[extended] = np.where(split, _NO_NEXT_HEADER, following)
            packets.start[extended] += np.where(is_fragment, 8, (length + 1) * 8)
        tcp = self._only_tcp(packets, header, protocol, valid, gather)
        return _Datagrams(packets.take(tcp), header[tcp], np.ones(tcp.sum(), np.bool_))

    def _only_tcp(
        self,
        packets: _Packets,
        header: Indices,
        protocol: npt.NDArray[np.uint8],
        valid: Mask,
        gather: _Gather,
    ) -> Mask:
        """Which packets carry TCP; tunnels are set aside."""
        tcp: Mask = valid & (protocol == _PROTOCOL_TCP)
        if tcp.all():
            return tcp
        tunnel = valid & _IS_TUNNEL_PROTOCOL[protocol]
        udp = np.flatnonzero(valid & (protocol == _PROTOCOL_UDP) & packets.holding(8))
        if len(udp):
            port = gather.be16[packets.start[udp] + 2]
            tunnel[udp] = _IS_TUNNEL_PORT[port]
        self._set_aside("tunnel", packets.take(tunnel), header[tunnel])
        return tcp

    def _read_headers(self, level: _Level, datagrams: _Datagrams) -> _TcpHeaders:
        """Read of the TCP headers what tells whether the segments may be mail."""
        gather, packets = level.gather, datagrams.packets
        whole = packets.holding(_TCP_HEADER_NEEDED)
        start = packets.start
        # as many 32-bit words as the data offset says
        words = np.zeros(len(packets), dtype=np.uint8)
        words[whole] = gather.byte[start[whole] + 12] >> 4
        payload = start + words.astype(np.int64) * 4
        sane = (words >= 5) & (payload <= packets.wire_end)
        if not sane.all():
            self._only("TCP header cut", packets, whole)
            self._only("TCP header invalid", packets, sane | ~whole)
            packets, payload = packets.take(sane), payload[sane]
            datagrams = _Datagrams(
                packets, datagrams.header[sane], datagrams.is_ipv6[sane]
            )
            start = packets.start
        ports = gather.be32[start].astype(np.uint32)
        source_port = (ports >> 16).astype(np.uint16)
        destination_port = ports.astype(np.uint16)
        captured = np.maximum(packets.end - payload, 0)
        first_four = np.zeros(len(packets), dtype=np.uint32)
        long_enough = np.flatnonzero(captured >= 4)
        first_four[long_enough] = gather.be32[payload[long_enough]]
        interest = self.keep.interest(source_port, destination_port, first_four)
        self.keep.look_at_handshakes(
            interest,
            first_four,
            lambda at: gather.byte[payload[at] :][: captured[at]].tobytes(),
        )
        return _TcpHeaders(
            level=level,
            datagrams=datagrams,
            candidates=Candidates(source_port, destination_port, interest),
            flags=gather.byte[start + 13],
            payload=payload,
            captured=captured,
        )

    def _read_segments(self, headers: _TcpHeaders) -> Segments:
        """Read all columns of what may be mail."""
        level, datagrams = headers.level, headers.datagrams
        gather, batch, packets = level.gather, level.batch, datagrams.packets
        source_port, destination_port, interest = headers.candidates
        kept = (interest != 0) | ((headers.flags & TcpFlag.SYN) != 0)
        chosen = np.flatnonzero(kept)
        header, is_ipv6 = datagrams.header[chosen], datagrams.is_ipv6[chosen]
        at, index = packets.start[chosen], packets.index[chosen]
        payload = headers.payload[chosen]
        source, destination = _addresses(gather, header, is_ipv6)
        return Segments(
            source=source,
            destination=destination,
            source_port=source_port[chosen],
            destination_port=destination_port[chosen],
            sequence=gather.be32[at + 4].astype(np.uint32),
            acknowledgment=gather.be32[at + 8].astype(np.uint32),
            flags=headers.flags[chosen],
            payload=payload + level.base,
            captured=headers.captured[chosen],
            length=packets.wire_end[chosen] - payload,
            vlan=packets.vlan[chosen],
            interest=interest[chosen],
            time_ns=batch.time_ns[index],
            frame=frame_ids(batch.capture[index], batch.frame[index]),
            order=level.order[index],
        )


def _merge(parts: list[_Packets]) -> _Packets:
    """Packets of several link types as one, in capture order."""
    if len(parts) == 1:
        return parts[0]
    columns = (
        np.concatenate([getattr(part, f.name) for part in parts])
        for f in fields(_Packets)
    )
    joined = _Packets(*columns)
    return joined.take(np.argsort(joined.index))


def _addresses(
    gather: _Gather, header: Indices, is_ipv6: Mask
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """(n, 2) source and destination addresses of IP headers, as halves."""
    source = np.zeros((len(header), 2), dtype=np.uint64)
    destination = np.zeros((len(header), 2), dtype=np.uint64)
    four = ~is_ipv6
    at = header[four]
    source[four, 1] = gather.be32[at + 12].astype(np.uint64) | _IPV4_MAPPED
    destination[four, 1] = gather.be32[at + 16].astype(np.uint64) | _IPV4_MAPPED
    if is_ipv6.any():
        at = header[is_ipv6]
        source[is_ipv6, 0] = gather.be64[at + 8]
        source[is_ipv6, 1] = gather.be64[at + 16]
        destination[is_ipv6, 0] = gather.be64[at + 24]
        destination[is_ipv6, 1] = gather.be64[at + 32]
    return source, destination

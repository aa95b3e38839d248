"""TCP segments as columns, and which of them may be mail."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]
Ports = npt.NDArray[np.uint16]

PORT_COUNT = 65_536

# the column `identity` of `Segments`
HAS_OPTIONS = np.uint64(1 << 16)
IDENTIFICATION_SHIFT = np.uint64(32)


class TcpFlag(IntEnum):
    """Control bits of the TCP header (RFC 9293 §3.1)."""

    FIN = 0x01
    SYN = 0x02
    RST = 0x04
    ACK = 0x10


class Interest(IntFlag):
    """Why a segment was kept."""

    # it only opens a connection
    NONE = 0
    FROM_MAIL_PORT = 1
    TO_MAIL_PORT = 2
    # its payload begins as a mail server's greeting or a client's first command
    SERVER_BEGINNING = 4
    CLIENT_BEGINNING = 8
    # its ports are those of a connection elsewhere that may be mail
    WATCHED = 16
    # it completes a handshake
    HANDSHAKE = 32

    MAIL_PORT = FROM_MAIL_PORT | TO_MAIL_PORT
    BEGINNING = SERVER_BEGINNING | CLIENT_BEGINNING
    # such a segment is of a connection that may be mail
    FOLLOWED = MAIL_PORT | BEGINNING | WATCHED


@dataclass(slots=True)
class Segments:
    """TCP segments in capture order; all columns have the same length.

    Attributes:
        source: (n, 2) uint64, address as two halves; IPv4 is IPv4-mapped
            (RFC 4291 §2.5.5.2).
        destination: (n, 2) uint64.
        source_port: (n,) uint16.
        destination_port: (n,) uint16.
        sequence: (n,) uint32, sequence number.
        acknowledgment: (n,) uint32.
        flags: (n,) uint8, `TcpFlag` bits.
        payload: (n,) int64, offset of the payload in the batch's buffer.
        captured: (n,) int64, payload bytes that were captured.
        length: (n,) int64, payload bytes that were on the wire.
        identity: (n,) uint64, what else tells copies of a packet from retransmissions:
            the IPv4 identification, shifted by `IDENTIFICATION_SHIFT`; without one,
            the checksum, and `HAS_OPTIONS` if that covers TCP options.
        vlan: (n,) int32, the outermost VLAN, -1 without one.
        interest: (n,) uint8, `Interest` bits.
        time_ns: (n,) int64.
        frame: (n,) int64, frame ID (`captures.batch.split_frame_id`).
        order: (n,) int64, place in the batch.
    """

    source: npt.NDArray[np.uint64]
    destination: npt.NDArray[np.uint64]
    source_port: Ports
    destination_port: Ports
    sequence: npt.NDArray[np.uint32]
    acknowledgment: npt.NDArray[np.uint32]
    flags: npt.NDArray[np.uint8]
    payload: Indices
    captured: Indices
    length: Indices
    identity: npt.NDArray[np.uint64]
    vlan: npt.NDArray[np.int32]
    interest: npt.NDArray[np.uint8]
    time_ns: Indices
    frame: Indices
    order: Indices

    def __len__(self) -> int:
        return len(self.order)

    def take(self, which: Mask | Indices) -> Segments:
        """The segments that a mask or indices choose."""
        return Segments(*(getattr(self, f.name)[which] for f in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[Segments]) -> Segments:
        """Several sets of segments, one behind the other."""
        columns = (
            np.concatenate([getattr(part, f.name) for part in parts])
            for f in fields(cls)
        )
        return cls(*columns)

    @classmethod
    def in_order(cls, parts: Sequence[Segments]) -> Segments:
        """Several sets of one batch's segments as one, in capture order."""
        if len(parts) == 1:
            return parts[0]
        joined = cls.joined(parts)
        return joined.take(np.argsort(joined.order, kind="stable"))


class Candidates(NamedTuple):
    """Some segments that are about to be kept or not.

    Attributes:
        source_port: (n,).
        destination_port: (n,).
        interest: (n,) `Interest` as far as it is known.
    """

    source_port: Ports
    destination_port: Ports
    interest: npt.NDArray[np.uint8]


class SegmentFilter:
    """Which TCP segments may be mail.

    Kept are segments with a mail port; those whose payload begins like a mail
    greeting or command, with all else between the same two ports; those between
    two ports that are watched; and those that open a connection (SYN).

    Args:
        ports: the mail ports.
        server_beginnings: four bytes each; letters match in either case.
        client_beginnings: likewise.
        may_hide_mail: tells whether a packet that begins a TLS handshake off the mail
            ports counts as such a command.

    Attributes:
        mail_ports: the mail ports.
        watched: (65536,) int64, how many watched connections use each port.
    """

    # clears the bit that tells lower case from upper case in ASCII
    _FOLD = np.uint32(0xDFDF_DFDF)
    # RFC 8446 §5.1: a handshake record of SSL 3.0 or TLS, up to 16 KiB long
    _TLS_HANDSHAKE = np.uint32(0x1603_0000)
    _TLS_MASK = np.uint32(0xFFFF_F8C0)

    def __init__(
        self,
        ports: Iterable[int],
        server_beginnings: Iterable[bytes] = (),
        client_beginnings: Iterable[bytes] = (),
        may_hide_mail: Callable[[bytes], bool] | None = None,
    ) -> None:
        self.mail_ports = frozenset(ports)
        self.is_mail_port = port_table(self.mail_ports)
        self.watched = np.zeros(PORT_COUNT, dtype=np.int64)
        self._server_beginnings = self._folded(server_beginnings)
        self._client_beginnings = self._folded(client_beginnings)
        self._may_hide_mail = may_hide_mail

    @classmethod
    def _folded(cls, beginnings: Iterable[bytes]) -> npt.NDArray[np.uint32]:
        values = [int.from_bytes(four, "big") for four in beginnings]
        return np.array(values, dtype=np.uint32) & cls._FOLD

    def interest(
        self,
        source_port: Ports,
        destination_port: Ports,
        first_four: npt.NDArray[np.uint32],
    ) -> npt.NDArray[np.uint8]:
        """(n,) `Interest` of segments.

        Args:
            source_port: (n,).
            destination_port: (n,).
            first_four: (n,) first bytes of the payload, 0 if there are fewer.
        """
        result = self.is_mail_port[source_port] * np.uint8(Interest.FROM_MAIL_PORT)
        result |= self.is_mail_port[destination_port] * np.uint8(Interest.TO_MAIL_PORT)
        # most payloads begin like nothing of interest: look the others up only
        first_four = first_four & self._FOLD
        for beginnings, bit in (
            (self._server_beginnings, Interest.SERVER_BEGINNING),
            (self._client_beginnings, Interest.CLIENT_BEGINNING),
        ):
            result[np.isin(first_four, beginnings)] |= np.uint8(bit)
        return result

    def look_at_handshakes(
        self,
        interest: npt.NDArray[np.uint8],
        first_four: npt.NDArray[np.uint32],
        payload: Callable[[int], bytes],
    ) -> None:
        """Mark the segments that begin a TLS handshake which may hide mail.

        Args:
            interest: (n,) as from `interest`; marked here.
            first_four: (n,) as there.
            payload: the captured payload of a segment, by its index.
        """
        if self._may_hide_mail is None:
            return
        begins = first_four & self._TLS_MASK == self._TLS_HANDSHAKE
        for at in np.flatnonzero(begins).tolist():
            if not interest[at] & Interest.MAIL_PORT and self._may_hide_mail(
                payload(at)
            ):
                interest[at] |= np.uint8(Interest.CLIENT_BEGINNING)

    def watch(self, batch: Sequence[Candidates]) -> None:
        """Mark what goes between two watched ports in a batch's segments.

        That includes the ports of what begins like mail in the same batch.
        """
        watched = self.watched > 0
        for source_port, destination_port, interest in batch:
            elsewhere = np.flatnonzero(interest >= Interest.SERVER_BEGINNING)
            elsewhere = elsewhere[(interest[elsewhere] & Interest.MAIL_PORT) == 0]
            watched[source_port[elsewhere]] = True
            watched[destination_port[elsewhere]] = True
        if watched.any():
            for source_port, destination_port, interest in batch:
                both = watched[source_port] & watched[destination_port]
                interest[both] |= np.uint8(Interest.WATCHED)


def port_table(values: Iterable[int]) -> Mask:
    """A table that says for every 16-bit value whether it is one of `values`."""
    table = np.zeros(PORT_COUNT, dtype=np.bool_)
    table[list(values)] = True
    return table

"""Which TCP segments may be mail, and why."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from captures.packets.segments import PORT_COUNT, TcpFlag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from captures.packets.segments import Mask, Ports


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
    FOLLOWED_PORTS = 16
    # it completes a handshake
    HANDSHAKE = 32

    MAIL_PORT = FROM_MAIL_PORT | TO_MAIL_PORT
    BEGINNING = SERVER_BEGINNING | CLIENT_BEGINNING
    # such a segment is of a connection that may be mail
    FOLLOWED = MAIL_PORT | BEGINNING | FOLLOWED_PORTS


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
    """Decides which TCP segments may be mail.

    Kept are segments with a mail port; those whose payload begins like a mail
    greeting or command, with all else between the same two ports; those between
    two ports that are followed; and those that open a connection (SYN).

    Args:
        ports: the mail ports.
        server_beginnings: four bytes each; letters match in either case.
        client_beginnings: likewise.
        may_hide_mail: tells whether a packet that begins a TLS handshake off the mail
            ports counts as such a command.
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
        self._is_mail_port = port_table(ports)
        self._server_beginnings = self._fold_case(server_beginnings)
        self._client_beginnings = self._fold_case(client_beginnings)
        self._may_hide_mail = may_hide_mail

    @classmethod
    def _fold_case(cls, beginnings: Iterable[bytes]) -> npt.NDArray[np.uint32]:
        values = [int.from_bytes(four, "big") for four in beginnings]
        return np.array(values, dtype=np.uint32) & cls._FOLD

    def interest(
        self,
        source_port: Ports,
        destination_port: Ports,
        first_four: npt.NDArray[np.uint32],
    ) -> npt.NDArray[np.uint8]:
        """Return the (n,) `Interest` of segments.

        Args:
            source_port: (n,).
            destination_port: (n,).
            first_four: (n,) first bytes of the payload, 0 if there are fewer.
        """
        result = self._is_mail_port[source_port] * np.uint8(Interest.FROM_MAIL_PORT)
        result |= self._is_mail_port[destination_port] * np.uint8(Interest.TO_MAIL_PORT)
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

    def mark_followed(
        self, batch: Sequence[Candidates], followed_ports: Mask | None
    ) -> None:
        """Mark what goes between two followed ports in a batch's segments.

        That includes the ports of what begins like mail in the same batch.

        Args:
            batch: the segments; marked here.
            followed_ports: (65536,) bool, which ports are followed before the batch;
                `None` if none is.
        """
        followed = (
            np.zeros(PORT_COUNT, dtype=np.bool_)
            if followed_ports is None
            else followed_ports.copy()
        )
        for source_port, destination_port, interest in batch:
            elsewhere = np.flatnonzero(interest >= Interest.SERVER_BEGINNING)
            elsewhere = elsewhere[(interest[elsewhere] & Interest.MAIL_PORT) == 0]
            followed[source_port[elsewhere]] = True
            followed[destination_port[elsewhere]] = True
        if followed.any():
            for source_port, destination_port, interest in batch:
                both = followed[source_port] & followed[destination_port]
                interest[both] |= np.uint8(Interest.FOLLOWED_PORTS)


def is_by_originator(flags: int, interest: int) -> bool:
    """Return whether the originator sent a connection's first packet."""
    if flags & TcpFlag.SYN:
        return not flags & TcpFlag.ACK
    if interest & Interest.MAIL_PORT in (
        Interest.TO_MAIL_PORT,
        Interest.FROM_MAIL_PORT,
    ):
        return bool(interest & Interest.TO_MAIL_PORT)
    return not interest & Interest.SERVER_BEGINNING


def port_table(values: Iterable[int]) -> Mask:
    """Return a table that says of every 16-bit value whether it is one of these."""
    table = np.zeros(PORT_COUNT, dtype=np.bool_)
    table[list(values)] = True
    return table

"""How a connection began (RFC 9293 §3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from captures.packets.segments import TcpFlag
from captures.tcp.segment import SEQUENCE_MASK

if TYPE_CHECKING:
    from captures.tcp.flow import Flow
    from captures.tcp.segment import Segment

_ACK = int(TcpFlag.ACK)


class Handshake:
    """The handshake of a connection, as far as it was seen.

    Attributes:
        syn_sequence: sequence number of the SYN; `None` if it is not known.
        syn_ns: time of the SYN; `None` if it was not seen.
        syn_ack_ns: time of the SYN and ACK; `None` if it was not seen.
        established_ns: time of the originator's first packet after its SYN; of the SYN
            and ACK, if a connection off the mail ports was noticed before.
        acknowledged_ns: time of the ACK that completed the handshake; `None` if it
            was not seen.
    """

    __slots__ = (
        "acknowledged_ns",
        "established_ns",
        "syn_ack_ns",
        "syn_ns",
        "syn_sequence",
    )

    def __init__(self) -> None:
        self.syn_sequence: int | None = None
        self.syn_ns: int | None = None
        self.syn_ack_ns: int | None = None
        self.established_ns: int | None = None
        self.acknowledged_ns: int | None = None

    def receive_syn(self, segment: Segment) -> None:
        """Take a SYN, or a SYN and ACK."""
        if segment.flags & _ACK:
            if self.syn_ack_ns is None:
                self.syn_ack_ns = segment.time_ns
            if self.syn_sequence is None:
                # the SYN that it answers may still come
                self.syn_sequence = (segment.acknowledgment - 1) & SEQUENCE_MASK
        elif self.syn_ns is None:
            self.syn_ns = segment.time_ns
            self.syn_sequence = segment.sequence

    def is_of_another(self, sequence: int) -> bool:
        """Return whether a SYN with this sequence number opens a new connection.

        Every connection has a number of its own (RFC 9293 §3.4.1): the same one is of
        a SYN that was sent again, if that was refused too.
        """
        return sequence != self.syn_sequence


def completes(segment: Segment, originator: Flow, responder: Flow) -> bool:
    """Return whether a segment acknowledges just the responder's SYN.

    Without one of the numbers, only a bare ACK does for certain.
    """
    if originator.next_sequence is None and responder.next_sequence is None:
        return False
    fits = originator.next_sequence is None or originator.is_first(segment.sequence)
    if responder.next_sequence is None:
        return fits and not segment.length
    return fits and responder.is_first(segment.acknowledgment)

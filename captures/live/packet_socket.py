"""Live packets from a socket that Scapy opens.

Scapy opens the socket, makes the interface promiscuous and compiles the filter.
From there on packets don't pass Scapy: the kernel writes them into a ring, of which
blocks become batches (see `captures.live.ring`).
"""

from __future__ import annotations

import errno
import logging
import select
import socket
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from captures.batch import PacketBatch
from captures.errors import CaptureError
from captures.live.capture import (
    NO_RIGHTS,
    PATIENCE_S,
    Engine,
    LiveCapture,
)
from captures.live.interfaces import (
    INTERFACE_WENT_DOWN,
    InterfaceState,
    WatchedInterface,
    down_reason,
    is_loopback,
    link_type,
    no_such_interface,
    state_of,
    unsupported,
)
from captures.live.kernel_filter import NOTHING, attach, compile_filter
from captures.live.ring import RETIRE_S, PacketRing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from captures.batch import PacketColumns

# by then the kernel has handed over all it has
_DRAIN_S = 2 * RETIRE_S


class SocketCapture(LiveCapture):
    """An interface that is watched by a packet socket."""

    engine = Engine.SOCKET

    def __init__(
        self, name: str, ports: Sequence[int] | None, buffer_bytes: int
    ) -> None:
        """Open the socket.

        Args:
            name: of the interface.
            ports: TCP ports to capture; `None` for everything.
            buffer_bytes: size of the ring.

        Raises:
            CaptureError: the interface can't be watched.
        """
        super().__init__(name)
        self._device = WatchedInterface(name)
        self._scapy_socket = _open(name)
        self._socket: socket.socket = self._scapy_socket.ins
        try:
            self._set_up(ports, buffer_bytes)
        except BaseException:
            self._scapy_socket.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._frames = self._position = self._last_drops = 0
        self._is_stopped = self._is_closed = False
        self._failure: str | None = None
        # when nothing more can come
        self._end: float | None = None

    def __next__(self) -> PacketBatch:
        """Wait a moment for packets; the batch is empty if none came.

        Raises:
            CaptureError: the interface is down, or gone.
        """
        if self._is_closed:
            raise StopIteration
        if self._end is None:
            if self._is_stopped:
                self._begin_shutdown()
            elif failure := self._device.check():
                self._begin_shutdown(failure)
        packets = self._ring.take()
        if packets is None:
            self._wait()
            packets = self._ring.take()
        if packets is None:
            return PacketBatch.empty(self.captures, self._position)
        return self._number_packets(packets)

    def stop(self) -> None:
        """Deliver what is buffered, and end; a signal handler may call this."""
        self._is_stopped = True

    def drops(self) -> int:
        """Return how many packets found no room in the ring so far."""
        if not self._is_closed:
            self._last_drops = self._ring.drops()
        return self._last_drops

    def close(self) -> None:
        """Close the socket; batches that were read stay valid."""
        if self._is_closed:
            return
        self.drops()
        self._is_closed = True
        del self._ring
        self._scapy_socket.close()

    def _set_up(self, ports: Sequence[int] | None, buffer_bytes: int) -> None:
        hardware = self._socket.getsockname()[3]
        number = link_type(hardware)
        if number is None:
            raise CaptureError(self.name, unsupported(hardware), usable=False)
        if ports is not None:
            self._filter(ports, number)
        try:
            # What was received before the filter was there ends here.
            self._ring = PacketRing(
                self._socket,
                buffer_bytes,
                link_type=number,
                skips_outgoing=is_loopback(hardware),
            )
        except OSError as error:
            raise _explain(self.name, error) from error

    def _filter(self, ports: Sequence[int], number: int) -> None:
        try:
            attach(self._socket, compile_filter(ports, number))
        except (ImportError, OSError) as error:
            self.notes.append(
                f"{self.name}: the kernel can't filter packets ({error}), so mailtap "
                "looks at each; libpcap helps (Debian, Ubuntu: apt-get install "
                "libpcap0.8)"
            )

    def _wait(self) -> None:
        """Wait for the next block, or for trouble."""
        patience_s = PATIENCE_S
        if self._end is not None:
            patience_s = min(patience_s, self._end - time.monotonic())
            if patience_s <= 0:
                raise self._final_exception()
        for _, events in self._poll.poll(patience_s * 1000):
            if events & select.POLLERR and self._end is None:
                self._notice_outage()

    def _notice_outage(self) -> None:
        if self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            # it may be back already
            self._begin_shutdown(self._device.outage() or INTERFACE_WENT_DOWN)

    def _begin_shutdown(self, failure: str | None = None) -> None:
        """Let nothing more in, and give what was received time to arrive."""
        attach(self._socket, NOTHING)
        self._failure = failure
        self._end = time.monotonic() + _DRAIN_S

    def _final_exception(self) -> Exception:
        if self._failure is None:
            return StopIteration()
        return CaptureError(self.name, self._failure, usable=self._frames > 0)

    def _number_packets(self, packets: PacketColumns) -> PacketBatch:
        before = self._frames
        self._frames += len(packets)
        self._position += len(packets.buffer)
        return PacketBatch.of(
            packets,
            np.arange(before + 1, self._frames + 1),
            captures=self.captures,
            position=self._position,
        )


def _open(name: str) -> Any:
    """Open one of Scapy's sockets."""
    # Scapy warns on import about routes and addresses of this machine
    logging.getLogger("scapy").setLevel(logging.CRITICAL)
    from scapy.arch.linux import L2ListenSocket
    from scapy.config import conf

    if state_of(name) is InterfaceState.GONE:
        raise no_such_interface(name)
    # Scapy remembers interfaces that may have gone
    conf.ifaces.reload()
    try:
        return L2ListenSocket(iface=name, promisc=True)
    except OSError as error:
        raise _explain(name, error) from error


def _explain(name: str, error: OSError) -> CaptureError:
    if isinstance(error, PermissionError):
        reason = NO_RIGHTS
    elif error.errno in (errno.ENETDOWN, errno.ENODEV):
        reason = down_reason(name)
    else:
        reason = f"it can't be watched ({error.strerror})"
    return CaptureError(name, reason, usable=False)

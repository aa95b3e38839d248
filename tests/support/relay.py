"""A relay on loopback that keeps what passes through it."""

from __future__ import annotations

import selectors
import socket
import threading
from typing import TYPE_CHECKING

from dissectors.events import Side

if TYPE_CHECKING:
    from types import TracebackType

_LOOPBACK = "127.0.0.1"
_TIMEOUT_S = 20


class Relay:
    """Passes one connection after the other on to a server.

    Attributes:
        port: where clients connect to.
        connections: who sent what, in order, for each connection.
    """

    def __init__(self, server_port: int) -> None:
        self.connections: list[list[tuple[Side, bytes]]] = []
        self._server_port = server_port
        self._listener = socket.create_server((_LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Relay:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._listener.close()
        # wakes the thread, which waits for the next client
        self._thread.join(timeout=0.1)

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            steps: list[tuple[Side, bytes]] = []
            self.connections.append(steps)
            with client, socket.create_connection((_LOOPBACK, self._server_port)) as s:
                _pass_on({Side.CLIENT: client, Side.SERVER: s}, steps)


def _pass_on(ends: dict[Side, socket.socket], steps: list[tuple[Side, bytes]]) -> None:
    with selectors.DefaultSelector() as selector:
        for side, end in ends.items():
            selector.register(end, selectors.EVENT_READ, side)
        while selector.get_map() and (ready := selector.select(_TIMEOUT_S)):
            for key, _ in ready:
                sender: Side = key.data
                other = ends[Side(1 - sender)]
                try:
                    data = ends[sender].recv(65_536)
                    if data:
                        steps.append((sender, data))
                        other.sendall(data)
                        continue
                    other.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                selector.unregister(ends[sender])

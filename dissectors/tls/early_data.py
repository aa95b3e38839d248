"""Early data (RFC 8446 §4.2.10): what a client sends before the server has answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.events import EarlyData, Side
from dissectors.tls.output import ApplicationData, ApplicationGap
from dissectors.tls.registries.extensions import EARLY_DATA

if TYPE_CHECKING:
    from dissectors.tls.flow import TlsFlow
    from dissectors.tls.handshake.hello import ServerHello
    from dissectors.tls.observer import HandshakeObserver
    from dissectors.tls.output import Output


class EarlyDataBuffer:
    """Holds early data until the server accepts it, as it counts only then.

    Args:
        client: whose data it is.
        observer: is told what became of it.
        output: takes what was accepted.
        limit: how many bytes to hold.
    """

    __slots__ = ("_client", "_held", "_left_out", "_limit", "_observer", "_output")

    def __init__(
        self, client: TlsFlow, observer: HandshakeObserver, output: Output, limit: int
    ) -> None:
        self._client = client
        self._observer, self._output = observer, output
        self._limit = limit
        self._held = bytearray()
        # bytes over the limit
        self._left_out = 0

    @property
    def is_accepted(self) -> bool:
        """The server has accepted it."""
        return self._observer.seen.early_data is EarlyData.ACCEPTED

    def receive(self, data: bytes) -> None:
        """Take what was decrypted of the client's current record."""
        fate = self._observer.seen.early_data
        if fate is EarlyData.ACCEPTED:
            self._emit(data)
        elif fate is not EarlyData.REJECTED:
            self._observer.note_early_data(EarlyData.SENT)
            room = self._limit - len(self._held)
            self._held += data[:room]
            self._left_out += max(len(data) - room, 0)

    def take_answer(self, encrypted_extensions: ServerHello | None) -> None:
        """Learn from the server's EncryptedExtensions what it makes of early data."""
        is_offered = self._observer.seen.early_data is not None
        if encrypted_extensions is None or not is_offered:
            return
        if EARLY_DATA in encrypted_extensions.extensions:
            self._observer.note_early_data(EarlyData.ACCEPTED)
            self._release()
        else:
            self._observer.note_early_data(EarlyData.REJECTED)
        self._held.clear()

    def _release(self) -> None:
        if not self._held:
            return
        self._observer.later.note_decrypted()
        self._emit(bytes(self._held))
        if self._left_out:
            offset = self._client.records.offset
            self._output.add(ApplicationGap(Side.CLIENT, self._left_out, offset))

    def _emit(self, data: bytes) -> None:
        offset = self._client.records.offset
        self._output.add(ApplicationData(Side.CLIENT, data, offset))

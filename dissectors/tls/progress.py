"""How far both sides of a connection are in their handshake, and when it is reported.

- A flow is *finished* once it has done its part of the handshake: it sent Finished, or
  a protected record that proves it: up to TLS 1.2 any record after its
  ChangeCipherSpec, in TLS 1.3 application data that can hold its Finished.
- When each flow is finished or lost, or a fatal alert came, the handshake is reported;
  when nothing can be read any more of either, the connection is opaque.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.events import EarlyData, Side
from dissectors.tls.flow import FlowState, Stage

if TYPE_CHECKING:
    from dissectors.tls.flow import TlsFlow
    from dissectors.tls.observer import HandshakeObserver

_OPAQUE, _LOST = FlowState.OPAQUE, FlowState.LOST
_FINISHED = Stage.FINISHED
# RFC 8446 §4.4.4, §5.2: message header, the shortest hash in use, content type,
# the shortest authentication tag. A shorter record of a client is an alert that
# refuses the server's certificate.
_SHORTEST_PROTECTED_FINISHED = 4 + 32 + 1 + 8


class Progress:
    """Reports the handshake of two flows as soon as nothing more is to be learned.

    Attributes:
        began_before: the handshake was over when the capture began.
        is_reported: nothing is added to it any more.
    """

    __slots__ = ("_client", "_observer", "_server", "began_before", "is_reported")

    def __init__(
        self, client: TlsFlow, server: TlsFlow, observer: HandshakeObserver
    ) -> None:
        self._client, self._server = client, server
        self._observer = observer
        self.began_before = False
        self.is_reported = False

    @property
    def is_opaque(self) -> bool:
        """Nothing more can be learned from either side."""
        return self.is_reported and self._client.is_over and self._server.is_over

    def is_over(self, flow: TlsFlow) -> bool:
        """Tell whether the rest of a flow says nothing of the handshake."""
        state = flow.state
        return state is _LOST or (state is _OPAQUE and self.is_reported)

    def take_application_data(self, flow: TlsFlow, length: int) -> None:
        """Learn that a record of application data begins that can't be opened."""
        observer = self._observer
        if not observer.has_begun:
            # the capture began in the middle: all that follows is protected
            self.began_before = True
            self.give_up()
        elif self._proves_finished(flow, length):
            self.stop_decrypting(flow)
        elif flow.side is Side.CLIENT and observer.server_hello is None:
            observer.note_early_data(EarlyData.SENT)

    def finish(self, flow: TlsFlow) -> None:
        """Learn that a flow has done its part."""
        if not flow.is_finished:
            flow.stage = _FINISHED
            self._report_if_done()

    def stop_decrypting(self, flow: TlsFlow) -> None:
        """Learn that what a flow sends is protected by keys that are not known."""
        flow.go_opaque()
        self.finish(flow)

    def lose(self, flow: TlsFlow) -> None:
        """Learn that nobody knows where a flow's records begin."""
        flow.lose_boundaries()
        self._report_if_done()

    def end(self, flow: TlsFlow) -> None:
        """Learn that a flow has come to its end."""
        flow.at_end = True
        if self._client.at_end and self._server.at_end:
            self.report()

    def give_up(self) -> None:
        """Learn no more, though the handshake was not seen to end."""
        self._client.go_opaque()
        self._server.go_opaque()
        self.report()

    def report(self) -> None:
        """Report the handshake, unless it was."""
        if self.is_reported:
            return
        self.is_reported = True
        client, server = self._client, self._server
        self._observer.report(
            is_complete=client.is_finished and server.is_finished,
            began_before=self.began_before,
            goes_on=not (client.is_over and server.is_over),
        )

    def _report_if_done(self) -> None:
        if self._client.is_done and self._server.is_done:
            self.report()

    def _proves_finished(self, flow: TlsFlow, length: int) -> bool:
        """Tell whether application data shows that its sender is done.

        Early data (RFC 8446 §4.2.10) shows nothing: it comes before ServerHello.
        """
        if flow.side is Side.SERVER:
            return True
        observer = self._observer
        # once it was offered, it may be on its way while the server answers
        may_be_early = (
            observer.seen.early_data is not None or observer.server_hello is None
        )
        is_early = may_be_early and not self._server.is_done
        is_alert = observer.is_tls_1_3 and length < _SHORTEST_PROTECTED_FINISHED
        return not (is_early or is_alert)

"""One TLS connection, from the first record to the point where it goes dark.

Each direction (flow) is read on its own; three things join them:

- A flow is *dark* once it has sent a protected record that proves its part of the
  handshake: up to TLS 1.2 any record after its ChangeCipherSpec, in TLS 1.3
  application data that can hold its Finished.
- A flow is *lost* once its record boundaries are unknown, because of missing or
  impossible bytes.
- When each flow is dark or lost, or a fatal alert came, nothing more can be
  learned: the handshake is reported and the dissector is opaque.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.cipher_suites import cipher_suite_name
from dissectors.events import Anomaly, Side, TlsHandshakeSeen
from dissectors.limits import DEFAULT_LIMITS
from dissectors.tls import alerts, fingerprints, hello
from dissectors.tls.handshake import HandshakeReader, HandshakeType
from dissectors.tls.records import ContentType, RecordReader
from dissectors.tls.structs import MalformedStructError
from dissectors.tls.versions import version_name

if TYPE_CHECKING:
    from dissectors.events import Event
    from dissectors.limits import Limits
    from dissectors.tls.handshake import HandshakeMessage
    from dissectors.tls.records import Fragment

# to look up a member of an enum takes long in Python 3.11
_CLIENT = Side.CLIENT
_CHANGE_CIPHER_SPEC = ContentType.CHANGE_CIPHER_SPEC
_ALERT = ContentType.ALERT
_HANDSHAKE = ContentType.HANDSHAKE
_APPLICATION_DATA = ContentType.APPLICATION_DATA
_SSLV2_CLIENT_HELLO = ContentType.SSLV2_CLIENT_HELLO
_CLIENT_HELLO = HandshakeType.CLIENT_HELLO
_SERVER_HELLO = HandshakeType.SERVER_HELLO
_CERTIFICATE = HandshakeType.CERTIFICATE

_ALERT_BYTES = 2
# RFC 8446 §4.4.4, §5.2: message header, the shortest hash in use, content type,
# the shortest authentication tag. A shorter record of a client is an alert that
# refuses the server's certificate.
_SHORTEST_PROTECTED_FINISHED = 4 + 32 + 1 + 8


class _Flow:
    """One direction."""

    __slots__ = (
        "at_end",
        "handshake",
        "has_changed_cipher",
        "is_dark",
        "is_lost",
        "records",
        "short_message",
        "side",
    )

    def __init__(self, side: Side, limits: Limits, offset: int) -> None:
        self.side = side
        self.records = RecordReader(offset)
        self.handshake = HandshakeReader(limits.handshake)
        # body of an alert or SSLv2-compatible hello that is not complete yet
        self.short_message = bytearray()
        self.has_changed_cipher = False
        self.is_dark = False
        self.is_lost = False
        self.at_end = False

    @property
    def is_done(self) -> bool:
        return self.is_dark or self.is_lost


class TlsDissector:
    """A sans-IO machine for the TLS part of a connection.

    Feed it what each side sent, in capture order; it returns what happened: one
    `TlsHandshakeSeen` for the connection, and anomalies. Any split of the same
    bytes gives the same events. It never raises because of what a peer sent.
    """

    def __init__(
        self, limits: Limits = DEFAULT_LIMITS, offsets: tuple[int, int] = (0, 0)
    ) -> None:
        """Start where TLS starts.

        Args:
            limits: what to keep at most.
            offsets: places in the client's and the server's stream.
        """
        self._limits = limits
        self._client = _Flow(Side.CLIENT, limits, offsets[Side.CLIENT])
        self._server = _Flow(Side.SERVER, limits, offsets[Side.SERVER])
        self._seen = TlsHandshakeSeen()
        self._is_reported = False
        # a handshake record was seen on either side
        self._has_handshake = False
        self._server_hello: hello.ServerHello | None = None
        self._has_client_hello = False
        self._has_certificate = False
        self._anomaly_count = 0
        self._events: list[Event] = []
        self._time_ns = 0
        self._frame = 0

    @property
    def opaque(self) -> bool:
        """Nothing more can be learned from either side."""
        return self._is_reported

    def receive_data(
        self, side: Side, data: bytes, time_ns: int, frame: int
    ) -> list[Event]:
        """Take the next bytes of a side and return what they completed."""
        self._time_ns, self._frame = time_ns, frame
        flow = self._flow(side)
        if not self._is_reported and not flow.is_lost:
            self._read_records(flow, data)
        return self._take_events()

    def receive_gap(
        self, side: Side, length: int, time_ns: int, frame: int
    ) -> list[Event]:
        """Learn that `length` bytes of a side are missing here."""
        self._time_ns, self._frame = time_ns, frame
        flow = self._flow(side)
        if self._is_reported or flow.is_lost:
            return []
        flow.short_message.clear()
        if flow.records.content_type == _HANDSHAKE:
            flow.handshake.skip(length)
        if not flow.records.skip(length):
            self._lose(flow)
        return self._take_events()

    def receive_eof(self, side: Side, time_ns: int, frame: int) -> list[Event]:
        """Learn that a side has sent all it will send, or all that was captured."""
        self._time_ns, self._frame = time_ns, frame
        self._flow(side).at_end = True
        if self._client.at_end and self._server.at_end:
            self._report()
        return self._take_events()

    def _flow(self, side: Side) -> _Flow:
        return self._client if side is _CLIENT else self._server

    def _read_records(self, flow: _Flow, data: bytes) -> None:
        for fragment in flow.records.read(data):
            self._read_fragment(flow, fragment)
            if self._is_reported:
                return
        if flow.records.is_invalid:
            self._anomaly("tls_record_invalid", flow)
            self._lose(flow)

    def _read_fragment(self, flow: _Flow, fragment: Fragment) -> None:
        if fragment.is_first:
            self._begin_record(flow, fragment)
        if flow.is_dark or self._is_reported:
            return
        if fragment.content_type == _HANDSHAKE:
            self._read_handshake(flow, fragment.data)
        elif fragment.content_type == _ALERT:
            self._read_alert(flow, fragment)
        elif fragment.content_type == _SSLV2_CLIENT_HELLO:
            self._read_sslv2_hello(flow, fragment)

    def _begin_record(self, flow: _Flow, fragment: Fragment) -> None:
        flow.short_message.clear()
        if fragment.content_type == _APPLICATION_DATA:
            if not self._has_handshake:
                # the capture began in the middle: all that follows is protected
                self._report()
            elif self._proves_handshake(flow, fragment.length):
                self._darken(flow)
        elif fragment.content_type == _CHANGE_CIPHER_SPEC:
            flow.has_changed_cipher = True
        elif fragment.content_type == _HANDSHAKE:
            self._has_handshake = True
            # RFC 8446 §5: in TLS 1.3 ChangeCipherSpec means nothing
            if flow.has_changed_cipher and not self._is_tls_1_3():
                self._darken(flow)

    def _proves_handshake(self, flow: _Flow, length: int) -> bool:
        """Tell whether application data shows that its sender is done.

        Early data (RFC 8446 §4.2.10) shows nothing: it comes before ServerHello.
        """
        if flow is self._server:
            return True
        is_early = self._server_hello is None and not self._server.is_done
        is_alert = self._is_tls_1_3() and length < _SHORTEST_PROTECTED_FINISHED
        return not (is_early or is_alert)

    def _is_tls_1_3(self) -> bool:
        return self._server_hello is not None and self._server_hello.is_tls_1_3

    def _read_alert(self, flow: _Flow, fragment: Fragment) -> None:
        if fragment.length != _ALERT_BYTES:
            # a protected alert of an established connection
            if not self._has_handshake:
                self._report()
            return
        flow.short_message += fragment.data
        if len(flow.short_message) == _ALERT_BYTES:
            level, description = flow.short_message
            if level == alerts.FATAL:
                self._seen.alert = alerts.alert_name(description)
                self._report()

    def _read_sslv2_hello(self, flow: _Flow, fragment: Fragment) -> None:
        self._has_handshake = True
        flow.short_message += fragment.data
        if len(flow.short_message) < fragment.length:
            return
        body = bytes(flow.short_message)
        flow.short_message.clear()
        try:
            self._take_client_hello(flow, hello.read_sslv2_client_hello(body))
        except MalformedStructError as error:
            self._anomaly("tls_handshake_invalid", flow, f"CLIENT_HELLO: {error}")

    def _read_handshake(self, flow: _Flow, data: bytes) -> None:
        for message in flow.handshake.read(data):
            try:
                self._read_message(flow, message)
            except MalformedStructError as error:
                name = HandshakeType(message.message_type).name
                self._anomaly("tls_handshake_invalid", flow, f"{name}: {error}")
        if flow.handshake.is_too_large:
            flow.handshake.is_too_large = False
            self._anomaly("tls_handshake_too_large", flow)

    def _read_message(self, flow: _Flow, message: HandshakeMessage) -> None:
        message_type, body = message
        if flow is self._client:
            if message_type == _CLIENT_HELLO:
                self._take_client_hello(flow, hello.read_client_hello(body))
        elif message_type == _SERVER_HELLO:
            self._take_server_hello(flow, hello.read_server_hello(body))
        elif message_type == _CERTIFICATE and not self._has_certificate:
            self._has_certificate = True
            self._take_certificate(flow, body)

    def _take_client_hello(self, flow: _Flow, offer: hello.ClientHello) -> None:
        if self._has_client_hello:
            # the answer to a HelloRetryRequest repeats the first one
            return
        self._has_client_hello = True
        seen = self._seen
        seen.offered_version = version_name(offer.highest_version)
        if offer.sni is not None:
            seen.sni = offer.sni[: self._limits.kept_text]
        if not offer.is_sslv2:
            seen.ja3, seen.ja4 = fingerprints.client_fingerprints(offer)
        self._note_oddity(flow, offer.oddity)

    def _take_server_hello(self, flow: _Flow, choice: hello.ServerHello) -> None:
        if self._server_hello and not self._server_hello.is_retry_request:
            return
        self._server_hello = choice
        if choice.is_retry_request:
            return
        seen = self._seen
        seen.version = version_name(choice.version)
        seen.cipher = cipher_suite_name(choice.cipher_suite)
        seen.alpn = choice.alpn
        seen.ja3s = fingerprints.ja3s(choice)
        self._note_oddity(flow, choice.oddity)

    def _take_certificate(self, flow: _Flow, body: bytes) -> None:
        # late: it imports cryptography, which takes longer than a small capture
        from dissectors.tls import certificate

        der = certificate.read_certificate_message(body)
        if der is None:
            return
        facts = certificate.certificate_facts(der, self._limits.list_items)
        self._seen.certificate = facts.certificate
        if facts.oddity is not None:
            self._anomaly("tls_certificate_invalid", flow, facts.oddity)

    def _note_oddity(self, flow: _Flow, oddity: str | None) -> None:
        if oddity is not None:
            self._anomaly("tls_handshake_invalid", flow, oddity)

    def _darken(self, flow: _Flow) -> None:
        flow.is_dark = True
        self._report_if_done()

    def _lose(self, flow: _Flow) -> None:
        flow.is_lost = True
        self._report_if_done()

    def _report_if_done(self) -> None:
        if self._client.is_done and self._server.is_done:
            self._report()

    def _report(self) -> None:
        if not self._is_reported:
            self._is_reported = True
            self._seen.established = self._client.is_dark and self._server.is_dark
            self._events.append(self._seen)

    def _take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _anomaly(self, code: str, flow: _Flow, detail: str = "") -> None:
        self._anomaly_count += 1
        if self._anomaly_count <= self._limits.anomalies:
            offset = flow.records.offset
            self._events.append(
                Anomaly(code, flow.side, offset, self._time_ns, self._frame, detail)
            )

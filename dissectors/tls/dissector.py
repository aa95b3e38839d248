"""One TLS connection, from the first record to the point where it goes dark.

Each direction (flow) is read on its own; three things join them:

- A flow is *finished* once it has done its part of the handshake: it sent Finished, or
  a protected record that proves it: up to TLS 1.2 any record after its
  ChangeCipherSpec, in TLS 1.3 application data that can hold its Finished.
- A flow is *dark* when its records can't be opened, and *lost* once their boundaries
  are unknown, because of missing or impossible bytes.
- When each flow is finished or lost, or a fatal alert came, the handshake is reported;
  when nothing can be read any more, the dissector is opaque.

With the secrets of a key log, protected records are opened: their handshake messages
are read like those in clear, and what they carry is handed to the owner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dissectors.events import (
    Anomaly,
    ClientCertificate,
    EarlyData,
    Resumption,
    Side,
    TlsHandshakeSeen,
)
from dissectors.limits import DEFAULT_LIMITS
from dissectors.tls.flow import TlsFlow
from dissectors.tls.handshake import facts, hello
from dissectors.tls.handshake.structs import MalformedStructError, StructReader
from dissectors.tls.registries import alerts, extensions
from dissectors.tls.registries.content_types import ContentType
from dissectors.tls.registries.handshake_types import HandshakeType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dissectors.events import Certificate, Event
    from dissectors.limits import Limits
    from dissectors.tls.decryption.connection_keys import (
        ConnectionKeys,
        EarlyDataProtection,
    )
    from dissectors.tls.decryption.keylog import Hosts, KeyLog, Label
    from dissectors.tls.handshake.messages import HandshakeMessage
    from dissectors.tls.records import RecordPiece

# to look up a member of an enum takes long in Python 3.11
_CLIENT = Side.CLIENT
_CHANGE_CIPHER_SPEC = ContentType.CHANGE_CIPHER_SPEC
_ALERT = ContentType.ALERT
_HANDSHAKE = ContentType.HANDSHAKE
_APPLICATION_DATA = ContentType.APPLICATION_DATA
_SSLV2_HELLO = ContentType.SSLV2_HELLO
_CLIENT_HELLO = HandshakeType.CLIENT_HELLO
_SERVER_HELLO = HandshakeType.SERVER_HELLO
_MESSAGE_NAMES = {each.value: each.name.lower() for each in HandshakeType}

_ALERT_BYTES = 2
_MAX_ALERTS = 10
# RFC 8446 §4.4.4, §5.2: message header, the shortest hash in use, content type,
# the shortest authentication tag. A shorter record of a client is an alert that
# refuses the server's certificate.
_SHORTEST_PROTECTED_FINISHED = 4 + 32 + 1 + 8


@dataclass(slots=True)
class ApplicationData:
    """What a side sent through TLS; for the owner of the dissector alone.

    Attributes:
        offset: place of its record in the side's stream.
    """

    side: Side
    data: bytes
    offset: int


@dataclass(slots=True)
class ApplicationGap:
    """About so many bytes of what a side sent through TLS are missing, at `offset`."""

    side: Side
    length: int
    offset: int


class TlsDissector:
    """A sans-IO machine for the TLS part of a connection.

    Feed it what each side sent, in capture order; it returns what happened: one
    `TlsHandshakeSeen` for the connection, anomalies, and what it could decrypt. Any
    split of the same bytes gives the same events. It never raises because of what a
    peer sent.

    Attributes:
        is_aborted: a fatal alert ended the handshake; what follows may be no TLS.
        began_before: its handshake was over when the capture began.
        unread: what of the data that came last is none of its records.
        unread_offset: where that is in the stream.
        anomaly_count: how many there were, so that not too many are reported.
    """

    __slots__ = (
        "_client",
        "_client_hello",
        "_early_data",
        "_early_keys",
        "_early_overflow",
        "_events",
        "_frame",
        "_has_gap",
        "_has_handshake",
        "_has_hello_done",
        "_hosts",
        "_is_reported",
        "_key_log",
        "_keys",
        "_last_step",
        "_limits",
        "_new_ticket",
        "_seen",
        "_server",
        "_server_hello",
        "_time_ns",
        "anomaly_count",
        "began_before",
        "is_aborted",
        "unread",
        "unread_offset",
    )

    def __init__(
        self,
        limits: Limits = DEFAULT_LIMITS,
        offsets: tuple[int, int] = (0, 0),
        key_log: KeyLog | None = None,
        *,
        hosts: Hosts = (0, 0),
        after_gap: bool = False,
    ) -> None:
        """Start where TLS starts.

        Args:
            limits: what to keep at most.
            offsets: places in the client's and the server's stream.
            key_log: secrets of this and other connections.
            hosts: the addresses of both ends.
            after_gap: bytes are missing of what came before TLS.
        """
        self.began_before = False
        self.unread = b""
        self.unread_offset = 0
        self._limits = limits
        self._client = TlsFlow(Side.CLIENT, limits, offsets[Side.CLIENT])
        self._server = TlsFlow(Side.SERVER, limits, offsets[Side.SERVER])
        self._key_log = key_log
        self._hosts = hosts
        self._keys: ConnectionKeys | None = None
        self._early_keys: EarlyDataProtection | None = None
        self._seen = TlsHandshakeSeen(after_gap=after_gap)
        self._is_reported = False
        # a handshake record was seen on either side
        self._has_handshake = False
        self._has_gap = False
        self._client_hello: hello.ClientHello | None = None
        self._server_hello: hello.ServerHello | None = None
        self.is_aborted = False
        self._has_hello_done = False
        self._new_ticket = b""
        self._last_step: str | None = None
        # early data that the server has not accepted yet
        self._early_data = bytearray()
        self._early_overflow = 0
        self.anomaly_count = 0
        self._events: list[Event | ApplicationData | ApplicationGap] = []
        self._time_ns = 0
        self._frame = 0

    @property
    def client_hello(self) -> hello.ClientHello | None:
        """The last ClientHello, once it is complete."""
        return self._client_hello

    @property
    def opaque(self) -> bool:
        """Nothing more can be learned from either side."""
        return self._is_reported and self._client.is_over and self._server.is_over

    def receive_data(
        self, side: Side, data: bytes, time_ns: int, frame: int
    ) -> list[Event | ApplicationData | ApplicationGap]:
        """Take the next bytes of a side and return what they completed."""
        self._time_ns, self._frame = time_ns, frame
        flow = self._flow(side)
        self.unread = b""
        if self.is_aborted:
            self._pass_over(flow, data)
        elif flow.is_readable or not (self._is_reported or flow.is_lost):
            # somebody may still abort, and where records begin matters then
            self._read_records(flow, data)
        return self._take_events()

    def receive_gap(
        self, side: Side, length: int, time_ns: int, frame: int
    ) -> list[Event | ApplicationData | ApplicationGap]:
        """Learn that `length` bytes of a side are missing here."""
        self._time_ns, self._frame = time_ns, frame
        flow = self._flow(side)
        if flow.is_lost or (self._is_reported and flow.is_dark):
            return []
        self._has_gap = True
        flow.short_message.clear()
        if flow.protection is not None:
            self._events.append(ApplicationGap(side, length, flow.records.offset))
        elif flow.records.content_type == _HANDSHAKE:
            flow.handshake.skip(length)
        if not flow.records.skip(length):
            self._lose(flow)
        elif flow.is_sealed:
            flow.skip_sealed(length)
        return self._take_events()

    def receive_eof(
        self, side: Side, time_ns: int, frame: int
    ) -> list[Event | ApplicationData | ApplicationGap]:
        """Learn that a side has sent all it will send, or all that was captured."""
        self._time_ns, self._frame = time_ns, frame
        self._flow(side).at_end = True
        if self._client.at_end and self._server.at_end:
            self._report()
        return self._take_events()

    def _flow(self, side: Side) -> TlsFlow:
        return self._client if side is _CLIENT else self._server

    # Records

    def _read_records(self, flow: TlsFlow, data: bytes) -> None:
        for piece in flow.records.read(data):
            self._read_piece(flow, piece)
            if self.is_aborted:
                self._pass_over(flow, data[flow.records.consumed :])
            if flow.is_lost or (self._is_reported and flow.is_dark):
                return
        if flow.records.is_invalid:
            self._anomaly("tls_record_invalid", flow)
            self._lose(flow)

    def _pass_over(self, flow: TlsFlow, data: bytes) -> None:
        """Leave what is no record, or begins another handshake, to the owner."""
        records = flow.records
        if flow.is_lost:
            # nobody knows where its records begin
            self.unread, self.unread_offset = data, records.end
            return
        for piece in records.read(data):
            if self._is_client_hello(flow, piece):
                begin = records.consumed - len(piece.data)
                self._hand_back(flow, data[begin:])
                return
        if records.is_invalid:
            self._hand_back(flow, data[records.consumed :])

    @staticmethod
    def _is_client_hello(flow: TlsFlow, piece: RecordPiece) -> bool:
        """Tell a new hello from messages that were on their way with the alert."""
        data = piece.data
        is_first_byte = data != b"" and flow.records.body_bytes == len(data)
        is_handshake = flow.side is _CLIENT and piece.content_type == _HANDSHAKE
        return is_handshake and is_first_byte and data[0] == _CLIENT_HELLO

    def _hand_back(self, flow: TlsFlow, rest: bytes) -> None:
        """From the current record's header on, a flow is not ours any more."""
        self.unread = flow.records.header + rest
        self.unread_offset = flow.records.offset

    def end_of(self, side: Side) -> int:
        """Where a side's current record ends in its stream."""
        return self._flow(side).records.end

    def _read_piece(self, flow: TlsFlow, piece: RecordPiece) -> None:
        content_type = piece.content_type
        if piece.is_first and not flow.is_dark:
            self._begin_record(flow, piece)
        if flow.is_dark:
            return
        if flow.is_sealed:
            body = flow.gather(piece)
            if body is not None:
                self._open(flow, body)
        elif content_type == _HANDSHAKE and self._must_be_protected():
            if piece.is_first:
                self._anomaly("tls_record_not_authentic", flow)
        elif content_type == _HANDSHAKE:
            self._read_handshake(flow, piece.data)
        elif content_type == _ALERT:
            self._read_alert(flow, piece)
        elif content_type == _SSLV2_HELLO:
            self._read_sslv2_hello(flow, piece)

    def _begin_record(self, flow: TlsFlow, piece: RecordPiece) -> None:
        flow.begin_record(piece.content_type)
        if flow.is_sealed:
            return
        if piece.content_type == _APPLICATION_DATA:
            if self._look_again() and flow.protection is not None:
                flow.begin_record(piece.content_type)
            else:
                self._begin_application_data(flow, piece.length)
        elif piece.content_type == _CHANGE_CIPHER_SPEC:
            self._change_cipher(flow)
        elif piece.content_type in {_HANDSHAKE, _SSLV2_HELLO}:
            self._begin_handshake()
            # RFC 8446 §5: in TLS 1.3 ChangeCipherSpec means nothing
            if flow.has_changed_cipher and not self._is_tls_1_3():
                self._darken(flow)

    def _begin_handshake(self) -> None:
        if not self._has_handshake:
            self._has_handshake = True
            self._seen.begin_ns = self._time_ns

    def _begin_application_data(self, flow: TlsFlow, length: int) -> None:
        if not self._has_handshake:
            # the capture began in the middle: all that follows is protected
            self.began_before = True
            self._go_dark()
        elif self._proves_handshake(flow, length):
            self._darken(flow)
        elif flow is self._client and self._server_hello is None:
            self._seen.early_data = EarlyData.SENT

    def _change_cipher(self, flow: TlsFlow) -> None:
        flow.has_changed_cipher = True
        if self._is_tls_1_3():
            return
        if self._server_hello is not None:
            # RFC 8446 §D.4: before, it need not mean anything
            self._last_step = "change_cipher_spec"
        self._look_again()
        if flow is self._server:
            self._note_resumption()
            self._remember_session()
        if flow.successors:
            flow.advance()

    def _proves_handshake(self, flow: TlsFlow, length: int) -> bool:
        """Tell whether application data shows that its sender is done.

        Early data (RFC 8446 §4.2.10) shows nothing: it comes before ServerHello.
        """
        if flow is self._server:
            return True
        if self._seen.early_data is None:
            is_early = self._server_hello is None and not self._server.is_done
        else:
            # it may be on its way while the server answers
            is_early = not self._server.is_done
        is_alert = self._is_tls_1_3() and length < _SHORTEST_PROTECTED_FINISHED
        return not (is_early or is_alert)

    def _is_tls_1_3(self) -> bool:
        return self._server_hello is not None and self._server_hello.is_tls_1_3

    def _must_be_protected(self) -> bool:
        """Tell whether no handshake record can be in clear any more (RFC 8446 §2)."""
        choice = self._server_hello
        return choice is not None and choice.is_tls_1_3 and not choice.is_retry_request

    def _open(self, flow: TlsFlow, body: bytes) -> None:
        """Open a protected record, and read what is in it."""
        from dissectors.tls.decryption.record_protection import NotAuthenticError

        try:
            content_type, data = flow.open(body)
        except NotAuthenticError:
            self._give_record_up(flow, len(body))
            return
        if content_type == _HANDSHAKE:
            self._read_handshake(flow, data)
        elif content_type == _APPLICATION_DATA:
            if not flow.is_early:
                # its Finished may be in a hole
                self._finish(flow)
            self._deliver(flow, data)
        elif content_type == _ALERT and len(data) == _ALERT_BYTES:
            self._take_alert(flow, *data)
        elif content_type == _CHANGE_CIPHER_SPEC and not flow.advance():
            # a renegotiation whose secrets are not known
            self._darken(flow)

    def _give_record_up(self, flow: TlsFlow, length: int) -> None:
        if flow.is_early and not self._knows_early_data():
            # RFC 8446 §4.2.10: so does a server that rejects it
            return
        if not (flow.has_opened or flow.has_hole):
            self._anomaly("tls_secret_wrong", flow)
            self._darken(flow)
            return
        if not flow.has_hole:
            self._anomaly("tls_record_not_authentic", flow)
        self._events.append(ApplicationGap(flow.side, length, flow.records.offset))

    def _knows_early_data(self) -> bool:
        is_accepted = self._seen.early_data is EarlyData.ACCEPTED
        return (
            is_accepted and self._early_keys is not None and self._early_keys.is_known
        )

    def _deliver(self, flow: TlsFlow, data: bytes) -> None:
        if flow.is_early:
            self._deliver_early(data)
        elif data:
            self._seen.decrypted = True
            self._events.append(ApplicationData(flow.side, data, flow.records.offset))

    def _deliver_early(self, data: bytes) -> None:
        """Early data counts once the server accepts it (RFC 8446 §4.2.10)."""
        if self._seen.early_data is EarlyData.ACCEPTED:
            self._append_early(data)
        elif self._seen.early_data is not EarlyData.REJECTED:
            self._seen.early_data = EarlyData.SENT
            room = self._limits.held - len(self._early_data)
            self._early_data += data[:room]
            self._early_overflow += max(len(data) - room, 0)

    def _append_early(self, data: bytes) -> None:
        offset = self._client.records.offset
        self._events.append(ApplicationData(_CLIENT, data, offset))

    # Alerts and old hellos

    def _read_alert(self, flow: TlsFlow, piece: RecordPiece) -> None:
        if piece.length != _ALERT_BYTES:
            # a protected alert of an established connection
            if not self._has_handshake:
                self._go_dark()
            return
        flow.short_message += piece.data
        if len(flow.short_message) == _ALERT_BYTES:
            level, description = flow.short_message
            self._take_alert(flow, level, description)
            if level == alerts.FATAL and flow.protection is None:
                self._go_dark()

    def _take_alert(self, flow: TlsFlow, level: int, description: int) -> None:
        seen = self._seen
        if level == alerts.FATAL and seen.alert is None:
            seen.alert = alerts.alert_name(description)
        if description != alerts.CLOSE_NOTIFY and len(seen.alerts) < _MAX_ALERTS:
            side = flow.side.name.lower()
            seen.alerts.append(alerts.describe_alert(side, level, description))
        if level == alerts.FATAL:
            self._report()
            if not seen.established:
                self.is_aborted = True
                self._go_dark()

    def _read_sslv2_hello(self, flow: TlsFlow, piece: RecordPiece) -> None:
        flow.short_message += piece.data
        if len(flow.short_message) < piece.length:
            return
        body = bytes(flow.short_message)
        flow.short_message.clear()
        try:
            if flow is self._client:
                self._take_client_hello(flow, hello.read_sslv2_client_hello(body))
            else:
                self._take_sslv2_server_hello(flow, hello.read_sslv2_server_hello(body))
        except MalformedStructError as error:
            name = "CLIENT_HELLO" if flow is self._client else "SERVER_HELLO"
            self._anomaly("tls_handshake_invalid", flow, f"{name}: {error}")

    def _take_sslv2_server_hello(self, flow: TlsFlow, answer: bytes) -> None:
        """The version and the certificate of SSL 2.0."""
        self._seen.version = "SSLv2"
        self._seen.weak_choices.append("old version SSLv2")
        # records of another kind follow, which nobody reads here
        self._last_step = None
        if answer:
            self._seen.chain = self._read_chain(flow, [answer])
        self._go_dark()

    # Handshake messages

    def _read_handshake(self, flow: TlsFlow, data: bytes) -> None:
        for message in flow.handshake.read(data):
            try:
                self._read_message(flow, message)
            except MalformedStructError as error:
                name = _MESSAGE_NAMES.get(message.message_type, "?").upper()
                self._anomaly("tls_handshake_invalid", flow, f"{name}: {error}")
        if flow.handshake.is_too_large:
            flow.handshake.is_too_large = False
            self._anomaly("tls_handshake_too_large", flow)

    def _read_message(self, flow: TlsFlow, message: HandshakeMessage) -> None:
        message_type, body = message
        if not self._is_reported:
            self._last_step = _MESSAGE_NAMES.get(message_type, self._last_step)
        if flow is self._client:
            if message_type == _CLIENT_HELLO:
                self._take_client_hello(flow, hello.read_client_hello(body))
            elif message_type in self._CLIENT_MESSAGES:
                self._CLIENT_MESSAGES[message_type](self, flow, body)
        elif message_type == _SERVER_HELLO:
            self._take_server_hello(flow, hello.read_server_hello(body))
        elif message_type in self._SERVER_MESSAGES:
            self._SERVER_MESSAGES[message_type](self, flow, body)

    def _take_client_hello(self, flow: TlsFlow, offer: hello.ClientHello) -> None:
        is_first = self._client_hello is None
        if not is_first and not flow.is_finished:
            # the answer to a HelloRetryRequest repeats the first one
            return
        self._client_hello = offer
        if is_first:
            self._last_step = "client_hello"
            facts.note_client_hello(self._seen, offer, self._limits)
            self._note_oddity(flow, offer.oddity)
        else:
            self._seen.renegotiations += 1
            self._server_hello = None
        self._find_keys(offer)

    def _take_server_hello(self, flow: TlsFlow, choice: hello.ServerHello) -> None:
        if self._server_hello and not self._server_hello.is_retry_request:
            return
        self._server_hello = choice
        if choice.is_retry_request:
            self._seen.retried = True
            return
        if self._seen.version is None:
            facts.note_server_hello(self._seen, choice)
            facts.note_secure_renegotiation(self._seen, self._client_hello, choice)
            if choice.is_tls_1_3:
                is_psk = extensions.PRE_SHARED_KEY in choice.extensions
                self._seen.resumption = Resumption.PSK if is_psk else Resumption.NONE
            self._note_oddity(flow, choice.oddity)
        if not self._look_again():
            self._install_keys(choice)

    def _note_oddity(self, flow: TlsFlow, oddity: str | None) -> None:
        if oddity is not None:
            self._anomaly("tls_handshake_invalid", flow, oddity)

    def _note_resumption(self) -> None:
        """Up to TLS 1.2 a server that resumes sends ChangeCipherSpec at once."""
        seen, offer, choice = self._seen, self._client_hello, self._server_hello
        if seen.resumption is not None or choice is None or self._has_gap:
            return
        if self._server.handshake.is_lost:
            # what it sent may have been a certificate
            return
        if self._has_hello_done:
            seen.resumption = Resumption.NONE
        elif offer is not None and offer.ticket:
            # RFC 5077 §3.4
            seen.resumption = Resumption.TICKET
        else:
            seen.resumption = Resumption.SESSION_ID

    def _take_encrypted_extensions(self, flow: TlsFlow, body: bytes) -> None:
        chosen = hello.read_encrypted_extensions(body)
        if chosen.alpn is not None:
            self._seen.alpn = chosen.alpn
        self._note_oddity(flow, chosen.oddity)
        if self._seen.early_data is not None:
            accepted = extensions.EARLY_DATA in chosen.extensions
            self._end_early_data(accepted=accepted)

    def _end_early_data(self, *, accepted: bool) -> None:
        self._seen.early_data = EarlyData.ACCEPTED if accepted else EarlyData.REJECTED
        if accepted and self._early_data:
            self._seen.decrypted = True
            self._append_early(bytes(self._early_data))
            if self._early_overflow:
                gap = ApplicationGap(
                    _CLIENT, self._early_overflow, self._client.records.offset
                )
                self._events.append(gap)
        self._early_data.clear()

    def _take_end_of_early_data(self, flow: TlsFlow, _body: bytes) -> None:
        if flow.is_early and not flow.advance():
            self._darken(flow)

    def _take_certificate(self, flow: TlsFlow, body: bytes) -> None:
        from dissectors.tls.handshake import certificate

        ders = certificate.read_certificate_message(body, tls_1_3=self._is_tls_1_3())
        if self._seen.chain:
            self._take_further(flow, ders)
            return
        self._seen.chain = self._read_chain(flow, ders)
        if self._seen.client_certificate is None:
            self._seen.client_certificate = ClientCertificate.NOT_REQUESTED

    def _take_client_certificate(self, flow: TlsFlow, body: bytes) -> None:
        from dissectors.tls.handshake import certificate

        ders = certificate.read_certificate_message(body, tls_1_3=self._is_tls_1_3())
        if self._seen.client_chain:
            self._take_further(flow, ders)
            return
        self._seen.client_chain = self._read_chain(flow, ders)
        self._seen.client_certificate = (
            ClientCertificate.GIVEN if ders else ClientCertificate.REFUSED
        )

    def _take_further(self, flow: TlsFlow, ders: list[bytes]) -> None:
        """The certificates of a renegotiation; only the first handshake is judged."""
        if len(self._seen.further) < self._limits.list_items:
            for each in self._read_chain(flow, ders):
                self._seen.further.append((flow.side, each))

    def _read_chain(self, flow: TlsFlow, ders: list[bytes]) -> list[Certificate]:
        # late: it imports cryptography, which takes longer than a small capture
        from dissectors.tls.handshake import certificate

        chain = []
        for der in ders[: certificate.LONGEST_CHAIN]:
            read = certificate.certificate_facts(der, self._limits.list_items)
            chain.append(read.certificate)
            if read.oddity is not None:
                self._anomaly("tls_certificate_invalid", flow, read.oddity)
        return chain

    def _take_server_key_exchange(self, _flow: TlsFlow, body: bytes) -> None:
        if self._server_hello is not None and self._seen.group is None:
            facts.note_server_key_exchange(self._seen, body, self._server_hello)

    def _take_certificate_request(self, _flow: TlsFlow, _body: bytes) -> None:
        if self._seen.client_certificate in {None, ClientCertificate.NOT_REQUESTED}:
            self._seen.client_certificate = ClientCertificate.REQUESTED

    def _take_server_hello_done(self, _flow: TlsFlow, _body: bytes) -> None:
        self._has_hello_done = True

    def _take_certificate_verify(self, _flow: TlsFlow, body: bytes) -> None:
        if self._seen.signature is None and self._is_tls_1_3():
            facts.note_signature(self._seen, StructReader(body[:2]).uint(2))

    def _take_finished(self, flow: TlsFlow, _body: bytes) -> None:
        if flow.protection is None or flow.is_finished:
            return
        if self._is_tls_1_3() and not (flow.advance() or self._protect_late(flow)):
            self._darken(flow)
        self._finish(flow)

    def _take_key_update(self, flow: TlsFlow, _body: bytes) -> None:
        from dissectors.tls.decryption.tls13_protection import Tls13Protection

        if isinstance(flow.protection, Tls13Protection):
            flow.protection = flow.protection.updated()

    # Keys

    def _find_keys(self, offer: hello.ClientHello) -> None:
        self._keys = None
        if self._key_log is None:
            return
        secrets = self._key_log.secrets_of(offer.random)
        if secrets is None:
            return
        from dissectors.tls.decryption.connection_keys import ConnectionKeys

        self._keys = ConnectionKeys(offer.random, secrets)
        if extensions.EARLY_DATA in offer.extensions:
            self._early_keys = self._keys.of_early_data(offer.cipher_suites)
            self._client.is_tls_1_3 = True
            self._client.protect([self._early_keys])
            self._client.is_early = True

    def _look_again(self) -> bool:
        """Look for secrets that were logged only after the ClientHello; true if found.

        A client has some of them when it has the ServerHello.
        """
        offer, choice = self._client_hello, self._server_hello
        if self._keys is not None or offer is None or choice is None:
            return False
        if self._key_log is None or self._client.is_dark or self._server.is_dark:
            return False
        self._use_secrets(self._key_log.secrets_of(offer.random))
        return self._keys is not None

    def _protect_late(self, flow: TlsFlow) -> bool:
        """Look for the secret of a flow's data, logged after those of the handshake."""
        if self._keys is None or self._server_hello is None:
            return False
        following = self._keys.of_tls_1_3(self._server_hello)[flow.side][1:]
        if following:
            flow.protect(following)
        return bool(following)

    def _remember_session(self) -> None:
        """Use the secrets of a session that is resumed, or note how this one may be."""
        log, offer, choice = self._key_log, self._client_hello, self._server_hello
        if log is None or offer is None or choice is None:
            return
        if self._keys is None and self._seen.resumption is Resumption.TICKET:
            self._use_secrets(log.secrets_of_session(self._hosts, offer.ticket))
        elif self._keys is None and self._seen.resumption is Resumption.SESSION_ID:
            self._use_secrets(log.secrets_of_session(self._hosts, choice.session_id))
        if self._keys is not None:
            log.remember_session(self._hosts, choice.session_id, self._keys.secrets)
            log.remember_session(self._hosts, self._new_ticket, self._keys.secrets)

    def _use_secrets(self, secrets: Mapping[Label, bytes] | None) -> None:
        if secrets is None:
            return
        from dissectors.tls.decryption.connection_keys import ConnectionKeys

        assert self._client_hello is not None
        assert self._server_hello is not None
        self._keys = ConnectionKeys(self._client_hello.random, secrets)
        self._install_keys(self._server_hello)

    def _take_new_session_ticket(self, _flow: TlsFlow, body: bytes) -> None:
        if not self._is_tls_1_3():
            reader = StructReader(body)
            reader.take(4)  # how long it is good for
            self._new_ticket = reader.vector(2)

    def _install_keys(self, choice: hello.ServerHello) -> None:
        keys, client, server = self._keys, self._client, self._server
        if keys is None:
            # those of a renegotiation may be missing
            client.successors, server.successors = [], []
            return
        if choice.is_tls_1_3:
            client.is_tls_1_3 = server.is_tls_1_3 = True
            of_client, of_server = keys.of_tls_1_3(choice)
            if of_server:
                server.protect(of_server)
            if client.is_early:
                client.successors = of_client
            elif of_client:
                client.protect(of_client)
            return
        encrypt_then_mac = extensions.ENCRYPT_THEN_MAC in choice.extensions
        client.successors, server.successors = keys.of_legacy(
            choice, encrypt_then_mac=encrypt_then_mac
        )

    # The end

    def _finish(self, flow: TlsFlow) -> None:
        if not flow.is_finished:
            flow.is_finished = True
            self._report_if_done()

    def _darken(self, flow: TlsFlow) -> None:
        """What a flow sends is protected, and its keys are not known."""
        flow.protection = None
        flow.is_dark = True
        self._finish(flow)

    def _lose(self, flow: TlsFlow) -> None:
        flow.is_lost = True
        self._report_if_done()

    def _go_dark(self) -> None:
        """Nothing more will be learned, though the handshake was not seen to end."""
        self._report()
        self._client.is_dark = self._server.is_dark = True

    def _report_if_done(self) -> None:
        if self._client.is_done and self._server.is_done:
            self._report()

    def _report(self) -> None:
        if self._is_reported:
            return
        self._is_reported = True
        seen = self._seen
        seen.established = self._client.is_finished and self._server.is_finished
        if seen.established:
            seen.end_ns = self._time_ns
        elif self.began_before:
            # data is sent when a handshake is over
            seen.established = True
        elif not self._has_gap and self._has_handshake:
            seen.failed_after = self._last_step
        self._events.append(seen)

    def _take_events(self) -> list[Event | ApplicationData | ApplicationGap]:
        events, self._events = self._events, []
        return events

    def _anomaly(self, code: str, flow: TlsFlow, detail: str = "") -> None:
        self.anomaly_count += 1
        # what hides the rest of a flow is said in any case
        is_last = code == "tls_record_invalid"
        if self.anomaly_count <= self._limits.anomalies or is_last:
            offset = flow.records.offset
            self._events.append(
                Anomaly(code, flow.side, offset, self._time_ns, self._frame, detail)
            )

    _CLIENT_MESSAGES: ClassVar[dict[int, Callable[..., None]]] = {
        HandshakeType.END_OF_EARLY_DATA: _take_end_of_early_data,
        HandshakeType.CERTIFICATE: _take_client_certificate,
        HandshakeType.FINISHED: _take_finished,
        HandshakeType.KEY_UPDATE: _take_key_update,
    }
    _SERVER_MESSAGES: ClassVar[dict[int, Callable[..., None]]] = {
        HandshakeType.NEW_SESSION_TICKET: _take_new_session_ticket,
        HandshakeType.ENCRYPTED_EXTENSIONS: _take_encrypted_extensions,
        HandshakeType.CERTIFICATE: _take_certificate,
        HandshakeType.SERVER_KEY_EXCHANGE: _take_server_key_exchange,
        HandshakeType.CERTIFICATE_REQUEST: _take_certificate_request,
        HandshakeType.SERVER_HELLO_DONE: _take_server_hello_done,
        HandshakeType.CERTIFICATE_VERIFY: _take_certificate_verify,
        HandshakeType.FINISHED: _take_finished,
        HandshakeType.KEY_UPDATE: _take_key_update,
    }

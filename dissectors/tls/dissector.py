"""One TLS connection, from the first record to the point where it becomes opaque.

Each direction (flow) is read on its own, by a `TlsFlow` of its own. Three things join
them: a `HandshakeObserver` keeps what their messages say, a `KeyFinder` finds their
keys, and `Progress` knows when the handshake is over.

With the secrets of a key log, protected records are opened: their handshake messages
are read like those in plaintext, and what they carry is handed to the owner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.events import Side
from dissectors.limits import DEFAULT_LIMITS
from dissectors.tls.abort import behind_abort
from dissectors.tls.early_data import EarlyDataBuffer
from dissectors.tls.flow import FlowState, Sync, TlsFlow
from dissectors.tls.handshake import hello
from dissectors.tls.handshake.structs import MalformedStructError
from dissectors.tls.key_finder import KeyFinder
from dissectors.tls.observer import HandshakeObserver
from dissectors.tls.output import ApplicationData, ApplicationGap, Output
from dissectors.tls.progress import Progress
from dissectors.tls.registries import alerts
from dissectors.tls.registries.content_types import ContentType
from dissectors.tls.registries.handshake_types import HandshakeType

if TYPE_CHECKING:
    from dissectors.limits import Limits
    from dissectors.tls.decryption.keylog import Hosts, KeyLog
    from dissectors.tls.output import TlsEvent
    from dissectors.tls.records import RecordPiece

# to look up a member of an enum takes long in Python 3.11
_CLIENT = Side.CLIENT
_PLAINTEXT, _PROTECTED, _OPAQUE, _LOST = FlowState
_CHANGE_CIPHER_SPEC = ContentType.CHANGE_CIPHER_SPEC
_ALERT = ContentType.ALERT
_HANDSHAKE = ContentType.HANDSHAKE
_APPLICATION_DATA = ContentType.APPLICATION_DATA
_SSLV2_HELLO = ContentType.SSLV2_HELLO
_END_OF_EARLY_DATA = HandshakeType.END_OF_EARLY_DATA
_ENCRYPTED_EXTENSIONS = HandshakeType.ENCRYPTED_EXTENSIONS
_FINISHED = HandshakeType.FINISHED
_MESSAGE_NAMES = {known.value: known.name for known in HandshakeType}


_ALERT_BYTES = 2


class TlsDissector:
    """A sans-IO machine for the TLS part of a connection.

    Feed it what each side sent, in capture order; it returns what happened: one
    `TlsHandshakeSeen` for the connection, behind it what was learned besides,
    anomalies, and what it could decrypt. Any split of the same bytes gives the same
    events. It never raises because of what a peer sent.

    Attributes:
        is_aborted: a fatal alert ended the handshake; what follows may be no TLS.
        unread: what of the data that came last is none of its records.
        unread_offset: where that is in the stream.
        opaque_bytes: how many were in records of which nothing can be read.
    """

    __slots__ = (
        "_client",
        "_early_data",
        "_keys",
        "_observer",
        "_output",
        "_progress",
        "_server",
        "is_aborted",
        "opaque_bytes",
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
        counts_keys: bool = True,
    ) -> None:
        """Start where TLS starts.

        Args:
            limits: what to keep at most.
            offsets: places in the client's and the server's stream.
            key_log: secrets of this and other connections.
            hosts: the addresses of both ends.
            after_gap: bytes are missing of what came before TLS.
            counts_keys: note in the key log what is found there; else only once
                `count_keys` is called.
        """
        self.is_aborted = False
        self.unread = b""
        self.unread_offset = 0
        self.opaque_bytes = 0
        self._output = Output(limits.anomalies)
        self._client = TlsFlow(Side.CLIENT, limits, offsets[Side.CLIENT])
        self._server = TlsFlow(Side.SERVER, limits, offsets[Side.SERVER])
        self._observer = HandshakeObserver(limits, self._output, after_gap=after_gap)
        self._keys = KeyFinder(
            key_log,
            hosts,
            self._observer,
            self._client,
            self._server,
            counts=counts_keys,
        )
        self._progress = Progress(self._client, self._server, self._observer)
        self._early_data = EarlyDataBuffer(
            self._client, self._observer, self._output, limits.held
        )

    @property
    def client_hello(self) -> hello.ClientHello | None:
        """The last ClientHello, once it is complete."""
        return self._observer.client_hello

    @property
    def began_before(self) -> bool:
        """Its handshake was over when the capture began."""
        return self._progress.began_before

    @property
    def anomaly_count(self) -> int:
        """How many anomalies there were, so that not too many are reported."""
        return self._output.anomaly_count

    @anomaly_count.setter
    def anomaly_count(self, count: int) -> None:
        self._output.anomaly_count = count

    def count_keys(self) -> None:
        """Note in the key log what was found there, and what will be."""
        self._keys.count()

    @property
    def opaque(self) -> bool:
        """Nothing more can be learned from either side."""
        return self._progress.is_opaque

    def receive_data(
        self, side: Side, data: bytes, time_ns: int, frame: int
    ) -> list[TlsEvent]:
        """Take the next bytes of a side and return what they completed."""
        self._output.time_ns, self._output.frame = time_ns, frame
        flow = self._flow(side)
        self.unread = b""
        if self.is_aborted:
            self._skip_behind_abort(flow, data)
        elif not self._progress.is_over(flow):
            # somebody may still abort, and where records begin matters then
            self._read_records(flow, data)
        return self._output.take()

    def receive_gap(
        self, side: Side, length: int, time_ns: int, frame: int
    ) -> list[TlsEvent]:
        """Learn that `length` bytes of a side are missing here."""
        self._output.time_ns, self._output.frame = time_ns, frame
        flow = self._flow(side)
        if self._progress.is_over(flow):
            return []
        self._observer.has_gap = True
        flow.short_message.clear()
        if flow.state is _PROTECTED:
            self._output.add(ApplicationGap(side, length, flow.records.offset))
        elif flow.records.content_type == _HANDSHAKE:
            flow.handshake.skip(length)
        if not flow.records.skip(length):
            self._progress.lose(flow)
        elif flow.has_protected_record:
            flow.skip_protected(length)
        return self._output.take()

    def receive_eof(self, side: Side, time_ns: int, frame: int) -> list[TlsEvent]:
        """Learn that a side has sent all it will send, or all that was captured."""
        self._output.time_ns, self._output.frame = time_ns, frame
        self._progress.end(self._flow(side))
        return self._output.take()

    def _flow(self, side: Side) -> TlsFlow:
        return self._client if side is _CLIENT else self._server

    # Records

    def _read_records(self, flow: TlsFlow, data: bytes) -> None:
        for piece in flow.records.read(data):
            self._read_piece(flow, piece)
            if self.is_aborted:
                self._skip_behind_abort(flow, data[flow.records.consumed :])
            if flow.state is not _PLAINTEXT and self._progress.is_over(flow):
                return
        if flow.records.is_invalid:
            self._output.add_anomaly("tls_record_invalid", flow)
            self._progress.lose(flow)

    def _skip_behind_abort(self, flow: TlsFlow, data: bytes) -> None:
        """Leave what is no record, or begins another handshake, to the owner."""
        rest = behind_abort(flow, data)
        if rest is not None:
            self.unread, self.unread_offset = rest

    def end_of(self, side: Side) -> int:
        """Tell where a side's current record ends in its stream."""
        return self._flow(side).records.end

    def _read_piece(self, flow: TlsFlow, piece: RecordPiece) -> None:
        content_type = piece.content_type
        if piece.is_first and flow.state is not _OPAQUE:
            self._begin_record(flow, piece)
        if flow.state is _OPAQUE:
            self.opaque_bytes += len(piece.data)
            return
        if flow.has_protected_record:
            body = flow.collect_body(piece)
            if body is not None:
                self._open(flow, body)
        elif content_type == _HANDSHAKE and self._observer.must_be_protected:
            if piece.is_first:
                self._output.add_anomaly("tls_record_not_authentic", flow)
        elif content_type == _HANDSHAKE:
            self._read_handshake(flow, piece.data)
        elif content_type == _ALERT:
            self._read_alert(flow, piece)
        elif content_type == _SSLV2_HELLO:
            self._read_sslv2_hello(flow, piece)

    def _begin_record(self, flow: TlsFlow, piece: RecordPiece) -> None:
        flow.begin_record(piece.content_type)
        if flow.has_protected_record:
            return
        if piece.content_type == _APPLICATION_DATA:
            if self._keys.retry_lookup() and flow.state is _PROTECTED:
                flow.begin_record(piece.content_type)
            else:
                self._progress.take_application_data(flow, piece.length)
        elif piece.content_type == _CHANGE_CIPHER_SPEC:
            self._change_cipher(flow)
        elif piece.content_type in {_HANDSHAKE, _SSLV2_HELLO}:
            self._observer.begin()
            # RFC 8446 §5: in TLS 1.3 ChangeCipherSpec means nothing
            if flow.has_changed_cipher and not self._observer.is_tls_1_3:
                self._progress.stop_decrypting(flow)

    def _change_cipher(self, flow: TlsFlow) -> None:
        flow.change_cipher()
        if self._observer.is_tls_1_3:
            return
        self._observer.take_change_cipher_spec()
        self._keys.retry_lookup()
        if flow is self._server:
            self._observer.note_resumption(flow)
            self._keys.remember_session()
        if flow.successors:
            flow.advance()

    def _open(self, flow: TlsFlow, body: bytes) -> None:
        """Open a protected record, and read what is in it."""
        from dissectors.tls.decryption.record_protection import NotAuthenticError

        try:
            content_type, data = flow.open(body)
        except NotAuthenticError:
            self._skip_undecryptable(flow, len(body))
            return
        if content_type == _HANDSHAKE:
            self._read_handshake(flow, data)
        elif content_type == _APPLICATION_DATA:
            if not flow.is_early:
                # its Finished may be in a gap
                self._progress.finish(flow)
            self._deliver(flow, data)
        elif content_type == _ALERT and len(data) == _ALERT_BYTES:
            self._take_alert(flow, *data)
        elif content_type == _CHANGE_CIPHER_SPEC and not flow.advance():
            # a renegotiation whose secrets are not known
            self._progress.stop_decrypting(flow)

    def _skip_undecryptable(self, flow: TlsFlow, length: int) -> None:
        is_expected = self._early_data.is_accepted and self._keys.knows_early_data
        if flow.is_early and not is_expected:
            # RFC 8446 §4.2.10: so does a server that rejects it
            return
        if flow.sync is Sync.UNTRIED:
            self._output.add_anomaly("tls_secret_wrong", flow)
            self._progress.stop_decrypting(flow)
            return
        if flow.sync is Sync.IN_STEP:
            self._output.add_anomaly("tls_record_not_authentic", flow)
        self._output.add(ApplicationGap(flow.side, length, flow.records.offset))

    def _deliver(self, flow: TlsFlow, data: bytes) -> None:
        if flow.is_early:
            self._early_data.receive(data)
        elif data:
            self._observer.later.note_decrypted()
            self._output.add(ApplicationData(flow.side, data, flow.records.offset))

    # Alerts and old hellos

    def _read_alert(self, flow: TlsFlow, piece: RecordPiece) -> None:
        if piece.length != _ALERT_BYTES:
            # a protected alert of an established connection
            if not self._observer.has_begun:
                self._progress.give_up()
            return
        flow.short_message += piece.data
        if len(flow.short_message) == _ALERT_BYTES:
            level, description = flow.short_message
            self._take_alert(flow, level, description)
            if level == alerts.FATAL and flow.state is not _PROTECTED:
                self._progress.give_up()

    def _take_alert(self, flow: TlsFlow, level: int, description: int) -> None:
        self._observer.take_alert(flow.side, level, description)
        if level == alerts.FATAL:
            self._progress.report()
            if not self._observer.seen.established:
                self.is_aborted = True
                self._progress.give_up()

    def _read_sslv2_hello(self, flow: TlsFlow, piece: RecordPiece) -> None:
        flow.short_message += piece.data
        if len(flow.short_message) < piece.length:
            return
        body = bytes(flow.short_message)
        flow.short_message.clear()
        try:
            if flow is self._client:
                offer = hello.read_sslv2_client_hello(body)
                if self._observer.take_client_hello(flow, offer):
                    self._keys.begin(offer)
            else:
                certificate = hello.read_sslv2_server_hello(body)
                self._observer.take_sslv2_server_hello(flow, certificate)
                self._progress.give_up()
        except MalformedStructError as error:
            name = "CLIENT_HELLO" if flow is self._client else "SERVER_HELLO"
            self._output.add_anomaly("tls_handshake_invalid", flow, f"{name}: {error}")

    # Handshake messages

    def _read_handshake(self, flow: TlsFlow, data: bytes) -> None:
        for message_type, body in flow.handshake.read(data):
            if body is None:
                self._output.add_anomaly("tls_handshake_too_large", flow)
                continue
            try:
                self._read_message(flow, message_type, body)
            except MalformedStructError as error:
                name = _MESSAGE_NAMES.get(message_type, "?")
                self._output.add_anomaly(
                    "tls_handshake_invalid", flow, f"{name}: {error}"
                )

    def _read_message(self, flow: TlsFlow, message_type: int, body: bytes) -> None:
        if not self._observer.take_message(flow, message_type, body):
            return
        self._keys.take_message(flow, message_type, body)
        if message_type == _FINISHED:
            self._take_finished(flow)
        elif message_type == _END_OF_EARLY_DATA:
            if flow.is_early and not flow.advance():
                self._progress.stop_decrypting(flow)
        elif message_type == _ENCRYPTED_EXTENSIONS:
            self._early_data.take_answer(self._observer.encrypted_extensions)

    def _take_finished(self, flow: TlsFlow) -> None:
        if flow.state is not _PROTECTED or flow.is_finished:
            return
        if self._observer.is_tls_1_3 and not (
            flow.advance() or self._keys.install_late_secret(flow)
        ):
            self._progress.stop_decrypting(flow)
        self._progress.finish(flow)

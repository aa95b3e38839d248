"""Reads one connection: detects its protocol, dissects it, and writes its rows."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.sessions.memory import held_bytes
from analyzer.sessions.plugin_session import PluginSession
from analyzer.sessions.session import Session
from captures import End, Wanted
from dissectors import new_dissector, registry
from dissectors.detection.detector import Chunk, Detector, Verdict
from dissectors.events import Anomaly, Side
from dissectors.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from analyzer.sessions.details import Details
    from captures import Attempt, Connection
    from dissectors import KeyLog, MailDissector
    from dissectors.conversation.reporter import Counts
    from dissectors.events import Event
    from dissectors.message import Copies
    from dissectors.tls import ReadAhead

    # who wants copies of the messages of a connection says where they go
    CopiesFor = Callable[[Connection], Copies | None]

logger = logging.getLogger(__name__)
_FAILED = "a dissector failed on frame ID %d: %s in %s"

# when so many details of a session are known, their rows are made; but not those of
# the last exchanges, as others that began before them may still come to an end
_MANY_DETAILS = 1024
_LAST_EXCHANGES = 256
# to forget so few would save nothing: what they tell of the session is kept
_FEW_DETAILS = 8
# How much memory may be taken for each byte that is read. For a packet, its time and
# place are kept, for an exchange its verb and more, and a dissector takes some at
# once; that is like so many bytes.
_GROWTH_PER_BYTE = 32
_PACKET_AS_BYTES, _EXCHANGE_AS_BYTES, _DISSECTOR_AS_BYTES = 8, 24, 224

# what a dissector may raise that has a bug: those of plug-ins may be of any kind
_FAULTS = (Exception, SystemExit)

# to look them up in the class takes longer
_DATA, _ENDS_ONLY = Wanted.DATA, Wanted.ENDS

# the originator is the client
_SIDES = (Side.CLIENT, Side.SERVER)
_ENDS = (End.ORIGINATOR, End.RESPONDER)


class SessionSink:
    """Is told of sessions as they are read; what it does not override, it lets pass."""

    def attempt_ended(self, attempt: Attempt) -> bool:
        """Learn that a connection got no further than a SYN and its answer.

        Returns:
            Whether that is all that is wanted of it. If not, it ends as a session.
        """
        return True

    def session_started(self) -> None:
        """Learn that a connection is mail."""

    def details_ready(self, details: Details, connection: Connection) -> None:
        """Take details of a session that won't change: rows can be written."""

    def session_ended(self, session: Session, connection: Connection) -> None:
        """Learn that both sides are done; retransmissions may still come."""

    def session_closed(self, session: Session, connection: Connection) -> None:
        """Learn that the connection is over, however it ended."""


def _log(error: BaseException, frame: int) -> None:
    """Say where a dissector failed; what the exception says may quote a secret."""
    locations = [
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    logger.error(_FAILED, frame, type(error).__name__, " > ".join(locations))


class SessionReader:
    """Takes the streams of one connection (a `captures.ConnectionConsumer`).

    Data is wanted up to the start of encryption that can't be undone, or until it is
    cut short; nothing of a connection that is not mail.
    """

    __slots__ = (
        "_connection",
        "_copies",
        "_copies_for",
        "_counts",
        "_detector",
        "_dissector",
        "_ended",
        "_fed",
        "_hosts",
        "_is_not_mail",
        "_key_log",
        "_ports",
        "_server_port",
        "_session",
        "_sink",
    )

    def __init__(
        self,
        connection: Connection,
        *,
        ports: Mapping[int, str],
        sink: SessionSink,
        key_log: KeyLog | None = None,
        copies_for: CopiesFor | None = None,
    ) -> None:
        # not mail
        self._is_not_mail = False
        self._server_port = connection.responder.port
        # only until it is over, so that no reference cycle stays
        self._connection: Connection | None = connection
        self._ports = ports
        self._sink = sink
        self._hosts = (connection.originator.address, connection.responder.address)
        self._key_log = key_log
        self._copies_for = copies_for
        # where copies of the messages go, if somebody wants them
        self._copies: Copies | None = None
        self._detector: Detector | None = None
        self._dissector: MailDissector | None = None
        # those of the dissector, also when that is no more
        self._counts: Counts | None = None
        self._session: Session | None = None
        self._ended = [False, False]
        # bytes and packets
        self._fed = 0

    def receive_data(self, end: End, data: bytes, time_ns: int, frame: int) -> Wanted:
        """Take the next bytes of one end."""
        self._fed += len(data) + _PACKET_AS_BYTES
        dissector = self._dissector
        if dissector is None:
            return self._detect(Chunk(_SIDES[end], data, 0, time_ns, frame))
        try:
            return self._take(dissector.receive_data(_SIDES[end], data, time_ns, frame))
        except _FAULTS as error:
            return self._give_up(error, end, time_ns, frame)

    def receive_gap(self, end: End, length: int, time_ns: int, frame: int) -> Wanted:
        """Learn of a gap in what one end sent."""
        dissector = self._dissector
        if dissector is None:
            return self._detect(Chunk(_SIDES[end], b"", length, time_ns, frame))
        try:
            return self._take(
                dissector.receive_gap(_SIDES[end], length, time_ns, frame)
            )
        except _FAULTS as error:
            return self._give_up(error, end, time_ns, frame)

    def receive_eof(self, end: End, time_ns: int, frame: int) -> Wanted:
        """Learn that one end has sent everything."""
        dissector = self._dissector
        if dissector is None:
            return self._detect(Chunk(_SIDES[end], None, 0, time_ns, frame))
        assert self._session is not None
        if self._session.ended_by is None:
            self._session.ended_by = _SIDES[end]
        try:
            self._take(dissector.receive_eof(_SIDES[end], time_ns, frame))
        except _FAULTS as error:
            self._give_up(error, end, time_ns, frame)
        self._ended[end] = True
        if all(self._ended):
            # the connection lingers for a while; its dissector need not
            self._dissector = None
        return self._wanted

    def streams_ended(self, connection: Connection) -> Wanted:
        """Learn that both ends are done, or that the connection was refused."""
        self._finish_detection()
        if self._session is not None:
            self._sink.session_ended(self._session, connection)
        return self._wanted

    def close(self, connection: Connection) -> None:
        """Learn that the connection is over."""
        self._finish_detection()
        if self._session is not None:
            self._sink.session_closed(self._session, connection)
        self._connection = None

    @property
    def growth_bytes(self) -> int:
        """By how much what is held may have grown so far."""
        grown, counts = self._fed, self._counts
        if counts is None:
            return _GROWTH_PER_BYTE * grown
        grown += counts.inflated_bytes + _EXCHANGE_AS_BYTES * counts.exchanges
        grown -= counts.opaque_bytes
        return _GROWTH_PER_BYTE * grown + counts.window_bytes

    @property
    def held_bytes(self) -> int:
        """About how much memory is taken, measured, which takes a while."""
        mine = (self._detector, self._dissector, self._session)
        shared = (self, self._key_log, DEFAULT_LIMITS, self._copies)
        return held_bytes(mine, shared)

    def shrink(self) -> bool:
        """Hand over what won't change; false if there is nothing."""
        session, connection = self._session, self._connection
        if session is None or connection is None:
            return False
        dissector = self._dissector
        if dissector is not None and dissector.opaque:
            self._dissector = None
            at = (connection.end_ns, connection.last_frame)
            try:
                for side in Side:
                    session.fold(dissector.receive_eof(side, *at))
            except _FAULTS as error:
                self._give_up(error, End.ORIGINATOR, *at)
        has_details = session.detail_count > _FEW_DETAILS
        if has_details:
            self._emit_details(session, connection)
        return has_details or dissector is not self._dissector

    def cut_short(self) -> Wanted | None:
        """Read no more, and keep only what is known; `None` if there is no more."""
        if self._wanted is not Wanted.DATA or not self._fed:
            return None
        detector, self._detector = self._detector, None
        if detector is not None:
            self._begin(detector, detector.finish())
        self._dissector = None
        session, connection = self._session, self._connection
        if session is not None and connection is not None:
            at = (connection.end_ns, connection.last_frame)
            session.fold([Anomaly("cut_short", Side.CLIENT, -1, *at)])
            self._emit_details(session, connection)
            session.seal()
        return self._wanted

    @property
    def _wanted(self) -> Wanted:
        """What is wanted next."""
        if self._is_not_mail:
            return Wanted.NOTHING
        if self._session is None:
            return Wanted.DATA
        dissector = self._dissector
        return _ENDS_ONLY if dissector is None or dissector.opaque else _DATA

    def _emit_details(self, session: Session, connection: Connection) -> None:
        """Have the rows made of all details but the last exchange."""
        details = session.take_details(connection, kept=1)
        self._sink.details_ready(details, connection)

    def _finish_detection(self) -> None:
        if not self._is_not_mail and self._session is None:
            detector = self._detector or self._new_detector()
            self._decide(detector, detector.finish())

    def _detect(self, chunk: Chunk) -> Wanted:
        if not self._is_not_mail and self._session is None:
            detector = self._detector or self._new_detector()
            self._decide(detector, detector.receive(chunk))
        return self._wanted

    def _new_detector(self) -> Detector:
        self._detector = Detector(
            self._ports.get(self._server_port),
            saw_start=self._saw_start(),
            key_log=self._key_log,
            hosts=self._hosts,
        )
        return self._detector

    def _saw_start(self) -> bool:
        """Return whether the connection began with a SYN."""
        return (
            self._connection is not None
            and self._connection.handshake.syn_ns is not None
        )

    def _begin(self, detector: Detector, verdict: Verdict) -> bool:
        """Begin a session if the connection is mail, or forget it if it is not."""
        if verdict is Verdict.OTHER:
            self._is_not_mail = True
            self._connection = None
        elif verdict is Verdict.MAIL and detector.protocol is not None:
            self._detector = None
            is_plugin = registry.is_plugin(detector.protocol)
            kind = PluginSession if is_plugin else Session
            self._session = kind(detector.protocol)
            self._sink.session_started()
        return self._session is not None

    def _decide(self, detector: Detector, verdict: Verdict) -> None:
        protocol, connection = detector.protocol, self._connection
        if not self._begin(detector, verdict) or protocol is None or connection is None:
            return
        try:
            dissector = self._new_dissector(protocol)
            counts = dissector.counts
        except _FAULTS as error:
            at = (connection.end_ns, connection.last_frame)
            self._give_up(error, End.ORIGINATOR, *at)
            return
        if self._copies_for is not None:
            self._copies = self._copies_for(connection)
        if self._copies is not None:
            dissector.copy_messages(self._copies)
        self._dissector, self._counts = dissector, counts
        # what the detector held is taken once more, and was counted before
        fed = self._fed + _DISSECTOR_AS_BYTES
        ahead = detector.take_tls()
        if ahead is not None:
            self._continue_tls(dissector, ahead)
        else:
            self._replay(detector.release())
        # also what of it is dark
        self._fed = fed + counts.opaque_bytes

    def _new_dissector(self, protocol: str) -> MailDissector:
        return new_dissector(protocol, self._server_port, self._key_log, self._hosts)

    def _continue_tls(self, dissector: MailDissector, ahead: ReadAhead) -> None:
        """Go on where the detector has come to."""
        try:
            self._take(dissector.continue_tls(ahead))
        except _FAULTS as error:
            self._give_up(error, End.ORIGINATOR, *ahead.last_packet)

    def _replay(self, chunks: Iterator[Chunk]) -> None:
        """Read what the detector has held."""
        for side, data, gap, time_ns, frame in chunks:
            if gap:
                self.receive_gap(_ENDS[side], gap, time_ns, frame)
            elif data is None:
                self.receive_eof(_ENDS[side], time_ns, frame)
            else:
                self.receive_data(_ENDS[side], data, time_ns, frame)

    def _take(self, events: list[Event]) -> Wanted:
        """Fold what happened, and see whether there is more to read."""
        session, dissector = self._session, self._dissector
        assert session is not None
        assert dissector is not None
        if events:
            session.fold(events)
            connection = self._connection
            if session.detail_count > _MANY_DETAILS and connection is not None:
                details = session.take_details(connection, kept=_LAST_EXCHANGES)
                self._sink.details_ready(details, connection)
        return _ENDS_ONLY if dissector.opaque else _DATA

    def _give_up(
        self, error: BaseException, end: End, time_ns: int, frame: int
    ) -> Wanted:
        """Stop reading where a dissector failed, and keep what it found.

        Raises:
            MemoryError: that is nobody's fault: who reads the capture sees to it.
        """
        if isinstance(error, MemoryError):
            raise error
        _log(error, frame)
        bug = Anomaly("dissector_bug", _SIDES[end], -1, time_ns, frame)
        assert self._session is not None
        self._session.fold([bug])
        self._dissector = None
        return self._wanted

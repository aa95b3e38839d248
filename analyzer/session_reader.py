"""Reads one connection: detects its protocol, dissects it, and writes its rows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from typing import Protocol as Interface

from analyzer.sessions import Session
from captures import End
from dissectors import new_dissector
from dissectors.detect import Chunk, Detector, Verdict
from dissectors.events import Anomaly, Side

if TYPE_CHECKING:
    from collections.abc import Mapping

    from captures import Connection
    from dissectors import KeyLog, MailDissector
    from dissectors.events import Event
    from dissectors.services import Protocol

logger = logging.getLogger(__name__)
_FAILED = "a dissector failed on frame ID %d"

# the originator is the client
_SIDES = (Side.CLIENT, Side.SERVER)
_ENDS = (End.ORIGINATOR, End.RESPONDER)


class SessionSink(Interface):
    """Is told of the sessions that end."""

    def session_started(self) -> None:
        """A connection turned out to be mail."""

    def session_ended(self, session: Session, connection: Connection) -> None:
        """Both sides have sent everything; some of it may be retransmitted yet."""

    def session_closed(self, session: Session, connection: Connection) -> None:
        """The connection is over, however it ended."""


class SessionReader:
    """Takes the streams of one connection (a `captures.ConnectionConsumer`).

    Attributes:
        reading: whether data is wanted: not behind the start of encryption.
        wanted: whether the connection is mail, as far as is known.
    """

    __slots__ = (
        "_connection",
        "_detector",
        "_dissector",
        "_ended",
        "_hosts",
        "_key_log",
        "_ports",
        "_server_port",
        "_session",
        "_sink",
        "reading",
        "wanted",
    )

    def __init__(
        self,
        connection: Connection,
        *,
        ports: Mapping[int, Protocol],
        sink: SessionSink,
        key_log: KeyLog | None = None,
    ) -> None:
        self.reading = True
        self.wanted = True
        self._server_port = connection.responder.port
        # only until the first data, so that no reference cycle stays
        self._connection: Connection | None = connection
        self._ports = ports
        self._sink = sink
        self._hosts = (connection.originator.address, connection.responder.address)
        self._key_log = key_log
        self._detector: Detector | None = None
        self._dissector: MailDissector | None = None
        self._session: Session | None = None
        self._ended = [False, False]

    def receive_data(self, end: End, data: bytes, time_ns: int, frame: int) -> None:
        """Take the next bytes of one end."""
        dissector = self._dissector
        if dissector is None:
            self._detect(Chunk(_SIDES[end], data, 0, time_ns, frame))
            return
        try:
            self._take(dissector.receive_data(_SIDES[end], data, time_ns, frame))
        except Exception:
            logger.exception(_FAILED, frame)
            self._give_up(end, time_ns, frame)

    def receive_gap(self, end: End, length: int, time_ns: int, frame: int) -> None:
        """Learn of a hole in what one end sent."""
        dissector = self._dissector
        if dissector is None:
            self._detect(Chunk(_SIDES[end], b"", length, time_ns, frame))
            return
        try:
            self._take(dissector.receive_gap(_SIDES[end], length, time_ns, frame))
        except Exception:
            logger.exception(_FAILED, frame)
            self._give_up(end, time_ns, frame)

    def receive_eof(self, end: End, time_ns: int, frame: int) -> None:
        """Learn that one end has sent everything."""
        dissector = self._dissector
        if dissector is None:
            self._detect(Chunk(_SIDES[end], None, 0, time_ns, frame))
            return
        assert self._session is not None
        if self._session.ended_by is None:
            self._session.ended_by = _SIDES[end]
        try:
            self._take(dissector.receive_eof(_SIDES[end], time_ns, frame))
        except Exception:
            logger.exception(_FAILED, frame)
            self._give_up(end, time_ns, frame)
        self._ended[end] = True
        if all(self._ended):
            # the connection lingers for a while; its dissector need not
            self._dissector = None
            self.reading = False

    def streams_ended(self, connection: Connection) -> None:
        """Learn that both ends are done, or that the connection was refused."""
        self._finish_detection()
        if self._session is not None:
            self._sink.session_ended(self._session, connection)

    def close(self, connection: Connection) -> None:
        """Learn that the connection is over."""
        self._finish_detection()
        if self._session is not None:
            self._sink.session_closed(self._session, connection)

    def _finish_detection(self) -> None:
        if self.wanted and self._session is None:
            detector = self._detector or self._new_detector()
            self._decide(detector, detector.finish())

    def _detect(self, chunk: Chunk) -> None:
        if not self.reading:
            return
        detector = self._detector or self._new_detector()
        self._decide(detector, detector.receive(chunk))

    def _new_detector(self) -> Detector:
        self._detector = Detector(
            self._ports.get(self._server_port),
            saw_start=self._saw_start(),
            key_log=self._key_log,
        )
        return self._detector

    def _saw_start(self) -> bool:
        """Whether the connection began with a SYN; asked once, then forgotten."""
        connection, self._connection = self._connection, None
        return connection is not None and connection.syn_ns is not None

    def _decide(self, detector: Detector, verdict: Verdict) -> None:
        if verdict is Verdict.OTHER:
            self.wanted = self.reading = False
        elif verdict is Verdict.MAIL and detector.protocol is not None:
            self._detector = None
            self._session = Session(detector.protocol)
            self._sink.session_started()
            self._dissector = new_dissector(
                detector.protocol, self._server_port, self._key_log, self._hosts
            )
            for side, data, gap, time_ns, frame in detector.release():
                if gap:
                    self.receive_gap(_ENDS[side], gap, time_ns, frame)
                elif data is None:
                    self.receive_eof(_ENDS[side], time_ns, frame)
                else:
                    self.receive_data(_ENDS[side], data, time_ns, frame)

    def _take(self, happened: list[Event]) -> None:
        """Fold what happened, and see whether there is more to read."""
        session, dissector = self._session, self._dissector
        assert session is not None
        assert dissector is not None
        if happened:
            session.fold(happened)
        self.reading = not dissector.opaque

    def _give_up(self, end: End, time_ns: int, frame: int) -> None:
        """A dissector failed, a bug: keep what it found, and all other connections."""
        bug = Anomaly("dissector_bug", _SIDES[end], -1, time_ns, frame)
        assert self._session is not None
        self._session.fold([bug])
        self._dissector = None
        self.reading = False

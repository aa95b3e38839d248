"""Takes the messages of sessions that are chosen, and puts them into a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.extraction.store import ATTACHMENTS, MESSAGES, PARTIAL, Copies, StoredCopy
from analyzer.sessions.identity import capture_and_frame, session_id
from analyzer.sessions.reader import SessionSink
from dissectors.events import Delivery

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from analyzer.extraction.store import Store
    from analyzer.sessions.details import Details
    from analyzer.sessions.session import Session
    from captures import Connection
    from dissectors.events import Attachment, Copy, MessageTransferred

_EML = ".eml"
# what is there is not the whole message
_IN_PART = (Delivery.CUT, Delivery.PARTIAL)


class Extractor(SessionSink):
    """Takes messages of sessions as they are read.

    Attributes:
        rows: of the index, in the order in which messages ended.
        met: the sessions that were chosen, and are there.
        fetched_in_part: messages of which only header fields or parts were fetched,
            and nothing is written.
    """

    def __init__(
        self, store: Store, chosen: Container[str], captures: Sequence[str]
    ) -> None:
        """Expect sessions.

        Args:
            store: where messages and files go.
            chosen: IDs of the sessions whose messages are wanted.
            captures: names of all captures.
        """
        self.rows: list[dict[str, Any]] = []
        self.met: set[str] = set()
        self.fetched_in_part = 0
        self._store = store
        self._chosen = chosen
        self._captures = captures
        self._open: dict[str, Copies] = {}

    def copies_for(self, connection: Connection) -> Copies | None:
        """Return where copies of a connection's messages go, if it is chosen."""
        name = session_id(connection)
        if name not in self._chosen:
            return None
        self.met.add(name)
        copies = self._open[name] = Copies(self._store)
        return copies

    def details_ready(self, details: Details, connection: Connection) -> None:
        """Take messages that have ended."""
        self._take(details.messages, connection)

    def session_closed(self, session: Session, connection: Connection) -> None:
        """Take the last messages, and forget what belongs to none."""
        self._take(session.messages, connection)
        copies = self._open.pop(session_id(connection), None)
        if copies is not None:
            copies.close()

    def _take(
        self, messages: Iterable[MessageTransferred], connection: Connection
    ) -> None:
        name = session_id(connection)
        copies = self._open.get(name)
        if copies is None:
            return
        for message in messages:
            self._store.check()
            self._extract(message, name, copies)

    def _extract(
        self, message: MessageTransferred, session: str, copies: Copies
    ) -> None:
        facts = message.facts
        capture, frame = capture_and_frame(message.frame, self._captures)
        shared = {
            "session_id": session,
            "time": message.time_ns,
            "capture": capture,
            "frame": frame,
            "direction": str(message.direction),
            "outcome": str(message.outcome),
            "mail_from": message.sender,
            "rcpt_to": message.recipients,
            "message_id": facts.message_id,
            "from": facts.from_,
            "subject": facts.subject,
        }
        # one of which only parts were fetched has no file of its own
        is_partial = facts.cut or message.outcome in _IN_PART
        ending = _EML + PARTIAL * is_partial
        stored = _finish(copies, facts.copy, MESSAGES, ending)
        if stored is None:
            self.fetched_in_part += message.outcome is Delivery.PARTIAL
        else:
            row = {"kind": "message", "partial": is_partial, "type": facts.content_type}
            self.rows.append({**shared, **row, **stored})
        message_file = None if stored is None else stored["file"]
        for attachment in facts.attachments:
            shared["message_file"] = message_file
            self._extract_file(attachment, shared, copies)

    def _extract_file(
        self, attachment: Attachment, shared: dict[str, Any], copies: Copies
    ) -> None:
        is_partial = attachment.sha256 is None
        ending = PARTIAL * is_partial
        stored = _finish(copies, attachment.copy, ATTACHMENTS, ending)
        if stored is not None:
            row = {
                "kind": "attachment",
                "partial": is_partial,
                "name": attachment.name,
                "type": attachment.content_type,
                "detected_type": attachment.detected_type,
                "part": attachment.part,
            }
            self.rows.append({**shared, **row, **stored})


def _finish(
    copies: Copies, copy: Copy | None, kind: str, ending: str
) -> dict[str, Any] | None:
    """Store a copy, and return what the index says of its file."""
    if not isinstance(copy, StoredCopy):
        return None
    stored = copies.finish(copy, kind, ending)
    return {
        "file": stored.name,
        "sha256": stored.sha256,
        "size_bytes": stored.size_bytes,
    }

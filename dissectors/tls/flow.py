"""One direction of a TLS connection: its records, messages and protection.

    PLAINTEXT --keys--> PROTECTED --no keys--> OPAQUE --no boundaries--> LOST

A flow begins in plaintext. Its records are opened once there are keys for them, one
set of keys after the other; without keys it is opaque. Where bytes are missing, or
are no records, nobody knows any more where records begin.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from dissectors.tls.messages import HandshakeReader
from dissectors.tls.records import TlsRecordReader
from dissectors.tls.registries.content_types import ContentType

if TYPE_CHECKING:
    from dissectors.events import Side
    from dissectors.limits import Limits
    from dissectors.tls.decryption.record_protection import (
        OpenedRecord,
        RecordProtection,
    )
    from dissectors.tls.decryption.tls13_protection import Tls13Protection
    from dissectors.tls.records import RecordPiece

# to look up a member of an enum takes long in Python 3.11
_APPLICATION_DATA = ContentType.APPLICATION_DATA


class FlowState(enum.Enum):
    """What can be read of a flow."""

    PLAINTEXT = enum.auto()
    PROTECTED = enum.auto()
    OPAQUE = enum.auto()
    LOST = enum.auto()


class Change(enum.Enum):
    """What changes the state of a flow."""

    KEYS = enum.auto()
    NO_KEYS = enum.auto()
    NO_BOUNDARIES = enum.auto()


_PLAINTEXT, _PROTECTED, _OPAQUE, _LOST = FlowState

TRANSITIONS: dict[Change, dict[FlowState, FlowState]] = {
    Change.KEYS: {
        _PLAINTEXT: _PROTECTED,
        _PROTECTED: _PROTECTED,
        # keys that come too late: records were passed over, which count, too
        _OPAQUE: _OPAQUE,
        _LOST: _LOST,
    },
    Change.NO_KEYS: {
        _PLAINTEXT: _OPAQUE,
        _PROTECTED: _OPAQUE,
        _OPAQUE: _OPAQUE,
        _LOST: _LOST,
    },
    Change.NO_BOUNDARIES: {
        _PLAINTEXT: _LOST,
        _PROTECTED: _LOST,
        _OPAQUE: _LOST,
        _LOST: _LOST,
    },
}


class Stage(enum.Enum):
    """How far a flow is in its handshake.

        BEGUN --ChangeCipherSpec--> CIPHER_CHANGED --Finished--> FINISHED

    In TLS 1.3 ChangeCipherSpec means nothing (RFC 8446 §5). That a Finished came which
    can't be read, records behind it tell.
    """

    BEGUN = enum.auto()
    CIPHER_CHANGED = enum.auto()
    FINISHED = enum.auto()


class Epoch(enum.Enum):
    """Which records are protected once there are keys.

    LEGACY: up to TLS 1.2, all of them. TLS_1_3: those of application data, which hold
    the handshake, too (RFC 8446 §5). EARLY_DATA: likewise, before the server's answer.
    """

    LEGACY = enum.auto()
    EARLY_DATA = enum.auto()
    TLS_1_3 = enum.auto()


class Sync(enum.Enum):
    """What the last record tells of the keys.

    UNTRIED: they have opened none. IN_STEP: they opened the last one. AFTER_GAP: bytes
    of protected records were missing, and none was opened since.
    """

    UNTRIED = enum.auto()
    IN_STEP = enum.auto()
    AFTER_GAP = enum.auto()


class _Record(enum.Enum):
    """What the current record is; DAMAGED: protected, and bytes of it are missing."""

    PLAINTEXT = enum.auto()
    PROTECTED = enum.auto()
    DAMAGED = enum.auto()


_BEGUN, _CIPHER_CHANGED, _FINISHED = Stage
_LEGACY, _EARLY_DATA, _TLS_1_3 = Epoch
_UNTRIED, _IN_STEP, _AFTER_GAP = Sync
_PLAIN_RECORD, _PROTECTED_RECORD, _DAMAGED_RECORD = _Record


class TlsFlow:
    """What is known of one direction.

    Attributes:
        side: who sends.
        records: cuts its bytes into records.
        handshake: cuts those of the handshake into messages.
        short_message: body of an alert or SSLv2 hello that is not complete yet.
        state: what can be read of it.
        epoch: which of its records are protected.
        sync: what the last record tells of the keys.
        successors: the protections that come after the present one.
        stage: how far it is in its handshake.
        at_end: nothing more comes.
    """

    __slots__ = (
        "_body",
        "_body_bytes",
        "_protection",
        "_record",
        "at_end",
        "epoch",
        "handshake",
        "records",
        "short_message",
        "side",
        "stage",
        "state",
        "successors",
        "sync",
    )

    def __init__(self, side: Side, limits: Limits, offset: int) -> None:
        self.side = side
        self.records = TlsRecordReader(offset)
        self.handshake = HandshakeReader(limits.handshake)
        self.short_message = bytearray()
        self.state = _PLAINTEXT
        self.epoch = _LEGACY
        self.sync = _UNTRIED
        self.successors: list[RecordProtection] = []
        self.stage = _BEGUN
        self.at_end = False
        self._protection: RecordProtection | None = None
        self._record = _PLAIN_RECORD
        # of a protected record, as far as it came
        self._body = bytearray()
        self._body_bytes = 0

    @property
    def has_changed_cipher(self) -> bool:
        """ChangeCipherSpec was seen in plaintext, or is not expected any more."""
        return self.stage is not _BEGUN

    @property
    def is_finished(self) -> bool:
        """It has done its part of the handshake."""
        return self.stage is _FINISHED

    @property
    def is_done(self) -> bool:
        """It has done its part, or nobody will see whether it does."""
        return self.is_finished or self.state is _LOST

    @property
    def is_over(self) -> bool:
        """Nothing more will be learned of it."""
        return self.at_end or self.state is _OPAQUE or self.state is _LOST

    @property
    def is_early(self) -> bool:
        """What its keys open is early data."""
        return self.epoch is _EARLY_DATA

    @property
    def has_protected_record(self) -> bool:
        """The current record is to be opened."""
        return self._record is not _PLAIN_RECORD

    def change_cipher(self) -> None:
        """Take a ChangeCipherSpec in plaintext."""
        if self.stage is _BEGUN:
            self.stage = _CIPHER_CHANGED

    def lose_boundaries(self) -> None:
        """Learn that nobody knows where its records begin."""
        self.state = TRANSITIONS[Change.NO_BOUNDARIES][self.state]

    def go_opaque(self) -> None:
        """Learn that there are no keys for what it sends from now on."""
        self.state = TRANSITIONS[Change.NO_KEYS][self.state]

    def protect(self, protections: list[RecordProtection]) -> None:
        """Let the next records be opened, by one protection after the other."""
        self.state = TRANSITIONS[Change.KEYS][self.state]
        self._protection, *self.successors = protections
        if self.sync is _IN_STEP:
            self.sync = _UNTRIED

    def protect_early_data(self, protection: RecordProtection) -> None:
        """Let what comes before the server's answer be opened."""
        self.protect([protection])
        self.epoch = _EARLY_DATA

    def protect_tls_1_3(self, protections: list[RecordProtection]) -> None:
        """Let the rest of the handshake be opened, and what follows it."""
        if self.epoch is _EARLY_DATA:
            self.successors = protections
            return
        self.epoch = _TLS_1_3
        if protections:
            self.protect(protections)

    def advance(self) -> bool:
        """Take the next protection; false if there is none."""
        if self.epoch is _EARLY_DATA:
            self.epoch = _TLS_1_3
        if self.successors:
            self.protect(self.successors)
            return True
        return False

    def update_keys(self) -> None:
        """Let the next records be opened by the keys after a KeyUpdate."""
        from dissectors.tls.decryption.tls13_protection import Tls13Protection

        if isinstance(self._protection, Tls13Protection):
            self._protection = self._protection.updated()

    def begin_record(self, content_type: int) -> None:
        """Tell whether the record that begins is protected, and forget the last one."""
        self.short_message.clear()
        # RFC 8446 §5: alerts and ChangeCipherSpec may come in plaintext for a while
        is_protected = self.state is _PROTECTED and (
            content_type == _APPLICATION_DATA or self.epoch is _LEGACY
        )
        self._record = _PROTECTED_RECORD if is_protected else _PLAIN_RECORD
        self._body.clear()
        self._body_bytes = 0

    def collect_body(self, piece: RecordPiece) -> bytes | None:
        """Add a piece of a protected record; its body once that is complete.

        A record that lacks bytes is passed over.
        """
        self._body += piece.data
        self._body_bytes += len(piece.data)
        if self._body_bytes < piece.length:
            return None
        body = bytes(self._body)
        self._body.clear()
        if self._record is _DAMAGED_RECORD:
            self._skip_record(body)
            return None
        return body

    def skip_protected(self, length: int) -> None:
        """Learn that bytes of a protected record are missing."""
        self._record = _DAMAGED_RECORD
        self._body.clear()
        self._body_bytes += length
        if self._body_bytes == self.records.length:
            self._skip_record(b"")

    def _skip_record(self, tail: bytes) -> None:
        assert self._protection is not None
        self._protection.skip(tail)
        self.sync = _AFTER_GAP

    def open(self, body: bytes) -> OpenedRecord:
        """Open a protected record.

        Raises:
            NotAuthenticError: it can't be.
        """
        # late: it imports cryptography, which takes longer than a small capture
        from dissectors.tls.decryption.record_protection import NotAuthenticError

        assert self._protection is not None
        header = self.records.header
        try:
            opened = self._protection.open(header, body)
        except NotAuthenticError:
            following = self._following()
            if following is None:
                raise
            opened = following.try_open(header, body)
            if self.successors:
                self.advance()
            else:
                self._protection = following
        self.sync = _IN_STEP
        return opened

    def _following(self) -> Tls13Protection | None:
        """Return what may protect the record if the end of the present keys was missed.

        RFC 8446 §4.2.10: nothing ends early data that was rejected. In TLS 1.3, what
        does end keys (Finished, KeyUpdate) may be in a gap.
        """
        from dissectors.tls.decryption.tls13_protection import Tls13Protection

        if self.epoch is not _EARLY_DATA and self.sync is not _AFTER_GAP:
            return None
        if self.successors:
            following = self.successors[0]
            return following if isinstance(following, Tls13Protection) else None
        present = self._protection
        return present.updated() if isinstance(present, Tls13Protection) else None

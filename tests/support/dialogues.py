"""The conversations of the committed captures, as the dissectors are told of them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple
from unittest import mock

import analyzer
from dissectors import new_dissector
from tests.support.analyses import CAPTURES, DATA
from tests.support.playbook import Step

if TYPE_CHECKING:
    from dissectors import KeyLog, MailDissector
    from dissectors.conversation.reporter import Counts
    from dissectors.events import Event, Side
    from dissectors.services import Protocol
    from dissectors.tls import Hosts


# how records of handshakes begin
_RECORD = b"\x16\x03"


class RecordedTalk(NamedTuple):
    """A conversation of a capture: what each packet added, in order.

    Attributes:
        key_log: the secrets of its TLS.
        is_tls: it has some, and they are known.
    """

    capture: str
    protocol: Protocol
    server_port: int
    steps: list[Step]
    key_log: KeyLog

    @property
    def is_tls(self) -> bool:
        return len(self.key_log) > 0 and any(
            isinstance(each.content, bytes) and each.content.startswith(_RECORD)
            for each in self.steps
        )


class _Recorder:
    """Passes everything on to a dissector, and keeps it."""

    def __init__(self, dissector: MailDissector, steps: list[Step]) -> None:
        self._dissector = dissector
        self._steps = steps

    @property
    def opaque(self) -> bool:
        return self._dissector.opaque

    @property
    def counts(self) -> Counts:
        return self._dissector.counts

    def receive_data(self, side: Side, data: bytes, *at: int) -> list[Event]:
        self._steps.append(Step(side, data))
        return self._dissector.receive_data(side, data, *at)

    def receive_gap(self, side: Side, length: int, *at: int) -> list[Event]:
        self._steps.append(Step(side, length))
        return self._dissector.receive_gap(side, length, *at)

    def receive_eof(self, side: Side, *at: int) -> list[Event]:
        self._steps.append(Step(side, None))
        return self._dissector.receive_eof(side, *at)


@functools.cache
def dialogues() -> list[RecordedTalk]:
    """All of them; those with TLS whose keys are not known up to where it begins."""
    found: list[RecordedTalk] = []
    for name, path in CAPTURES.items():

        def record(
            protocol: Protocol,
            port: int,
            key_log: KeyLog,
            hosts: Hosts,
            *,
            name: str = name,
        ) -> _Recorder:
            steps: list[Step] = []
            found.append(RecordedTalk(name, protocol, port, steps, key_log))
            return _Recorder(new_dissector(protocol, port, key_log, hosts), steps)

        secrets = DATA / f"{name}.keys"
        with mock.patch("analyzer.sessions.reader.new_dissector", record):
            analyzer.analyze(path, key_log=secrets if secrets.exists() else None)
    return found

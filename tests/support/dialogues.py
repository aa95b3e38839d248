"""The conversations of the committed captures, as the dissectors are told of them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple
from unittest import mock

import analyzer
from dissectors import new_dissector
from tests.support.analyses import CAPTURES
from tests.support.playbook import Step

if TYPE_CHECKING:
    from dissectors import MailDissector
    from dissectors.events import Event, Side
    from dissectors.services import Protocol


class Dialogue(NamedTuple):
    """A conversation of a capture: what each packet added, in order."""

    capture: str
    protocol: Protocol
    server_port: int
    steps: list[Step]


class _Recorder:
    """Passes everything on to a dissector, and keeps it."""

    def __init__(self, dissector: MailDissector, steps: list[Step]) -> None:
        self._dissector = dissector
        self._steps = steps

    @property
    def opaque(self) -> bool:
        return self._dissector.opaque

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
def dialogues() -> list[Dialogue]:
    """All of them, up to where encryption begins."""
    found: list[Dialogue] = []
    for name, path in CAPTURES.items():

        def record(protocol: Protocol, port: int, name: str = name) -> _Recorder:
            steps: list[Step] = []
            found.append(Dialogue(name, protocol, port, steps))
            return _Recorder(new_dissector(protocol, port), steps)

        with mock.patch("analyzer.session_reader.new_dissector", record):
            analyzer.analyze(path)
    return found

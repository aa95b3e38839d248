from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.dialogue.dialogue import rows_of
from analyzer.dialogue.recording import record
from analyzer.sessions.recording import RecordingReader
from tests.support.analyses import CAPTURES, analysis_of

if TYPE_CHECKING:
    import pytest


def test_times_are_those_of_the_first_packets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.sessions.recording._MAX_PACKETS", 3)
    readers = []
    begin = RecordingReader.__init__

    def note(self: RecordingReader, *arguments: object, **options: object) -> None:
        begin(self, *arguments, **options)  # type: ignore[arg-type]
        readers.append(self)

    monkeypatch.setattr(RecordingReader, "__init__", note)
    sessions = analysis_of("smtp-relay-plain").tables["sessions"]
    [row] = rows_of(sessions, sessions["session_id"][0].as_py())

    record([CAPTURES["smtp-relay-plain"]], row, None)

    [reader] = readers
    assert list(reader.times_ns) == [4, 6, 8]

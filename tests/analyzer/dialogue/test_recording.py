from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from analyzer.dialogue.dialogue import dialogue_from_tables, rows_of
from analyzer.dialogue.recording import can_be_read_again, record
from analyzer.dialogue.step import StepKind
from analyzer.runs.pipeline import find_sessions
from tests.support.analyses import CAPTURES, DATA, analysis_of

if TYPE_CHECKING:
    from pathlib import Path


def row_of(name: str, number: int = 0) -> dict[str, Any]:
    sessions = analysis_of(name).tables["sessions"]
    [row] = rows_of(sessions, sessions["session_id"][number].as_py())
    return row


def test_lines_of_one_session_among_many_are_found() -> None:
    recording = record([CAPTURES["office"]], row_of("office", 6), None)

    assert recording is not None
    commands = [step for step in recording.said if step.kind is StepKind.COMMAND]
    assert [step.text.split(" ")[0] for step in commands] == [
        *("EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT")
    ]
    assert recording.ended_by == "client"


def test_answers_take_as_long_as_the_table_says() -> None:
    table = analysis_of("smtp-bdat-chunking").tables["exchanges"].to_pylist()
    latencies = [row["latency_s"] for row in table if row["latency_s"] is not None]

    recording = record(
        [CAPTURES["smtp-bdat-chunking"]], row_of("smtp-bdat-chunking"), None
    )

    assert recording is not None
    told = [step.latency_s for step in recording.said if step.latency_s is not None]
    assert told == latencies


def test_two_sessions_between_the_same_ports_are_told_apart() -> None:
    recordings = [
        record([CAPTURES["port-reuse"]], row_of("port-reuse", number), None)
        for number in range(2)
    ]

    texts = [[step.text for step in each.said] for each in recordings if each]
    assert len(texts) == 2
    assert texts[0] != texts[1]


def test_session_of_another_capture_is_not_found() -> None:
    assert record([CAPTURES["office"]], row_of("port-reuse"), None) is None


def test_decrypted_lines_come_behind_the_handshake() -> None:
    name = "smtp-submission-starttls-tls13"
    keys = DATA / f"{name}.keys"
    tables = find_sessions([CAPTURES[name]], key_log=keys).tables
    session_id = tables["sessions"]["session_id"][0].as_py()
    [row] = rows_of(tables["sessions"], session_id)

    recording = record([CAPTURES[name]], row, None, key_log=keys)
    dialogue = dialogue_from_tables(tables, session_id, None, recording)

    kinds = [step.kind for step in dialogue.steps]
    last_of_tls = len(kinds) - kinds[::-1].index(StepKind.TLS)
    told = [step.text for step in dialogue.steps[last_of_tls:]]
    assert told[0].upper().startswith("EHLO ")
    assert all(step.time_ns is not None for step in dialogue.steps)
    [hello] = [step for step in dialogue.steps if step.text.startswith("ClientHello")]
    assert hello.frame == row["tls_frame"] - 1


def test_without_the_key_log_the_tables_tell_what_was_decrypted() -> None:
    name = "imap-implicit-tls"
    tables = find_sessions([CAPTURES[name]], key_log=DATA / f"{name}.keys").tables
    session_id = tables["sessions"]["session_id"][0].as_py()
    [row] = rows_of(tables["sessions"], session_id)

    recording = record([CAPTURES[name]], row, None)
    dialogue = dialogue_from_tables(tables, session_id, None, recording)

    assert not dialogue.has_lines
    assert "SELECT INBOX" in [step.text for step in dialogue.steps]


def test_only_files_that_are_there_can_be_read_again(tmp_path: Path) -> None:
    here = shutil.copy(CAPTURES["port-reuse"], tmp_path / "x.pcap")

    assert can_be_read_again([here])
    assert not can_be_read_again([here, tmp_path / "gone.pcap"])
    assert not can_be_read_again(["-"])
    assert not can_be_read_again(["/dev/null"])
    assert not can_be_read_again(["/proc/version"])
    assert not can_be_read_again([])


@pytest.mark.parametrize("limit", [1, 5])
def test_lines_over_the_limit_are_counted(limit: int) -> None:
    whole = record([CAPTURES["office"]], row_of("office", 6), None)
    cut = record([CAPTURES["office"]], row_of("office", 6), limit)

    assert whole is not None
    assert cut is not None
    assert list(cut.said) == list(whole.said[:limit])
    assert cut.left_out == len(whole.said) - limit

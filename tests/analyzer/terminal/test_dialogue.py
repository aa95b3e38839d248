from __future__ import annotations

from dataclasses import replace

import pytest

from analyzer.dialogue.dialogue import Dialogue, dialogue_from_tables, table_of
from analyzer.dialogue.step import Step, StepKind
from analyzer.findings.subset import of_session
from analyzer.terminal.dialogue import print_dialogue
from analyzer.text import escape_controls
from tests.support.analyses import analysis_of, judgement_of, rows_of
from tests.support.hostile import ATTACKS
from tests.support.terminal import plain, printed


def shown(name: str, number: int, width: int | None, *steps: Step) -> str:
    analysis = analysis_of(name)
    session_id = rows_of(name)[number]["session_id"]
    dialogue = dialogue_from_tables(analysis.tables, session_id)
    if steps:
        dialogue = replace(dialogue, steps=steps)
    return told(name, dialogue, width)


def told(name: str, dialogue: Dialogue, width: int | None) -> str:
    tables = analysis_of(name).tables
    session_id = dialogue.session["session_id"]
    place = tables["sessions"]["session_id"].to_pylist().index(session_id)
    findings = of_session(judgement_of(name), place)
    anomalies = table_of(tables["anomalies"], session_id)
    return plain(
        printed(
            lambda console: print_dialogue(dialogue, findings, anomalies, console),
            width,
        )
    )


def test_line_has_time_packet_latency_side_and_text() -> None:
    lines = shown("office", 6, None).splitlines()

    assert "0.006625    266        > QUIT" in [line.rstrip() for line in lines]
    [reply] = [line for line in lines if "221 2.0.0 Bye" in line]
    assert reply.split() == ["0.006752", "267", "127", "µs", "<", "221", "2.0.0", "Bye"]


@pytest.mark.parametrize("width", [80, 140])
def test_everything_but_the_filter_fits_the_terminal(width: int) -> None:
    for number in (6, 11):
        *lines, display_filter = shown("office", number, width).splitlines()

        assert max(map(len, lines)) <= width
        assert "frame.time_epoch" in display_filter


def test_facts_findings_and_anomalies_come_last() -> None:
    text = shown("smtp-capture-loss", 0, 100)

    facts, anomalies = text.index("\nFacts"), text.index("\nAnomalies")
    assert text.index("connection opened") < facts < anomalies
    assert "stream_gap" in text[anomalies:]
    assert text.index("\nFindings") < anomalies


@pytest.mark.parametrize("attack", ATTACKS)
def test_text_of_the_traffic_controls_no_terminal(attack: str) -> None:
    step = Step(StepKind.REPLY, "server", f"220 {attack}", 0, None, "x.pcap", 1)
    text = shown("office", 6, None, step)

    assert f"220 {escape_controls(attack)}" in text
    assert "\x1b" not in text


def test_packet_of_another_capture_is_marked() -> None:
    step = Step(StepKind.REPLY, "server", "220 hello", 0, None, "other.pcap", 7)
    text = shown("office", 6, None, step)

    assert "7*" in text
    assert "\n* in other.pcap\n" in text

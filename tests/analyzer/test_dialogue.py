from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.dialogue.dialogue import (
    Dialogue,
    dialogue_from_tables,
    dialogue_of_rows,
)
from analyzer.dialogue.step import Step, StepKind, in_order
from analyzer.tables.table import as_rows
from tests.support.analyses import analysis_of, rows_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pytest


def dialogue(name: str, number: int = 0, limit: int | None = None) -> Dialogue:
    session_id = rows_of(name)[number]["session_id"]
    return dialogue_from_tables(analysis_of(name).tables, session_id, limit)


def texts(shown: Dialogue, *kinds: StepKind) -> list[str]:
    return [step.text for step in shown.steps if step.kind in kinds]


def test_session_in_plaintext_is_told_from_its_first_packet_to_its_last() -> None:
    shown = dialogue("smtp-bdat-chunking")

    first, last = shown.steps[0], shown.steps[-1]
    assert (first.kind, first.frame) == (StepKind.OPENED, 1)
    assert (last.kind, last.text) == (StepKind.ENDED, "connection closed")
    assert texts(shown, StepKind.COMMAND)[:4] == [
        "EHLO mx.example.net",
        "MAIL FROM:<marta@example.net>",
        "RCPT TO:<tom@example.com>",
        "BDAT 1000",
    ]
    assert texts(shown, StepKind.LINE)[0] == "250-mail.example.com"
    replies = [step for step in shown.steps if step.kind is StepKind.REPLY]
    assert replies[1].text == "250 CHUNKING"
    assert replies[1].latency_s == 0.000101
    assert texts(shown, StepKind.MESSAGE)[0].endswith("accepted: In chunks")


def test_steps_are_in_the_order_of_their_packets() -> None:
    for name in ("smtp-bdat-chunking", "imap-extensions", "pop3-user-pass"):
        shown = dialogue(name)
        frames = [step.frame for step in shown.steps if step.frame is not None]

        assert frames == sorted(frames)
        assert len(frames) > 5


def test_handshake_stands_behind_the_answer_that_led_to_it() -> None:
    shown = dialogue("smtp-relay-starttls")

    told = [step.text for step in shown.steps]
    upgrade = told.index("STARTTLS")
    assert told[upgrade + 1].startswith("220 ")
    assert [text.split(":")[0] for text in told[upgrade + 2 : upgrade + 4]] == [
        "ClientHello",
        "ServerHello",
    ]
    assert "encrypted from here on" in told


def test_handshake_stands_behind_the_command_of_exchange_too() -> None:
    tables = analysis_of("smtp-relay-starttls").tables
    [session], exchanges = (as_rows(tables[name]) for name in ("sessions", "exchanges"))
    for exchange in exchanges:
        if exchange["verb"] == "STARTTLS":
            exchange["verb"] = "X-ANONYMOUSTLS"

    told = [step.text for step in dialogue_of_rows(session, exchanges, [], []).steps]

    upgrade = told.index("X-ANONYMOUSTLS")
    assert told[upgrade + 2].startswith("ClientHello")


def test_implicit_tls_begins_with_the_handshake() -> None:
    shown = dialogue("smtp-implicit-tls")

    assert shown.steps[1].text.startswith("ClientHello")
    assert any("Server" in step.text for step in shown.steps)


def test_what_is_over_the_limit_is_counted() -> None:
    whole, cut = dialogue("office", 6), dialogue("office", 6, limit=5)

    assert whole.left_out == 0
    assert list(cut.steps) == list(whole.steps[:5])
    assert 15 < cut.left_out <= len(whole.steps) - 5


def test_what_tables_hold_over_the_limit_is_counted_and_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = []

    def count(table: pa.Table) -> list[dict[str, Any]]:
        read.append(len(table))
        return as_rows(table)

    monkeypatch.setattr("analyzer.dialogue.dialogue.as_rows", count)
    cut = dialogue("pop3-user-pass", limit=2)

    assert len(cut.steps) == 2
    assert cut.left_out >= 11
    assert max(read) == 2


def test_missing_bytes_are_a_step() -> None:
    shown = dialogue("smtp-capture-loss")

    [gap, *_] = [step for step in shown.steps if step.kind is StepKind.GAP]
    assert gap.text.startswith("not captured: ")
    assert gap.frame is not None


def test_no_step_has_a_password() -> None:
    told = "\n".join(texts(dialogue("imap-login-plain"), *StepKind))

    assert "LOGIN tom@example.com ***" in told


def test_step_without_time_stays_behind_the_one_before_it() -> None:
    steps = [
        Step(StepKind.COMMAND, "client", "first", 10),
        Step(StepKind.TLS, None, "second"),
        Step(StepKind.REPLY, "server", "fourth", 30),
        Step(StepKind.MESSAGE, "client", "third", 20),
    ]

    assert [step.text for step in in_order(steps)] == [
        *("first", "second", "third", "fourth")
    ]


def test_frame_has_a_row_for_each_step() -> None:
    shown = dialogue("pop3-user-pass")
    frame = shown.to_frame()

    assert frame["text"].to_list() == [step.text for step in shown.steps]
    assert frame["since_start_s"][0] == 0
    assert set(frame["kind"]) <= {kind.value for kind in StepKind}


def test_rows_of_a_session_are_enough() -> None:
    shown = dialogue("pop3-user-pass")
    alone = dialogue_of_rows(shown.session, [], [], [])

    assert [step.kind for step in alone.steps] == [StepKind.OPENED, StepKind.ENDED]

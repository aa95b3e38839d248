from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import analyzer
from analyzer import reports
from analyzer.findings.review import review
from analyzer.terminal.summary import (
    SECTIONS,
    nothing_found,
    print_summary,
    summary_json,
)
from tests.support.analyses import analysis_of, judgement_of, rows_of
from tests.support.plugins import ECHO, plugins
from tests.support.tables import sessions_of, with_sessions
from tests.support.terminal import plain, printed
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer import Analysis


def shown(analysis: Analysis, width: int | None = None, **options: object) -> str:
    """The summary on a terminal of some width, or in a pipe."""
    return printed(lambda console: print_summary(analysis, console), width, **options)


def test_pipe_gets_plain_text_without_folded_lines() -> None:
    text = shown(analysis_of("office"))

    assert "\x1b" not in text
    errors = {row["last_error"] for row in rows_of("office") if row["auth_failures"]}
    assert all(f"  {error}" in text for error in errors)


@pytest.mark.parametrize("width", [80, 100, 140, 250])
def test_addresses_and_ids_are_whole_on_terminals(width: int) -> None:
    analysis = analysis_of("office")

    text = shown(analysis, width, no_color=True)
    words = plain(text)

    assert max(map(len, words.splitlines())) <= width
    assert {row["client_ip"] for row in rows_of("office")} <= set(words.split())
    slowest = reports.slowest(analysis.sessions)["session_id"]
    assert set(slowest) <= set(words.split())
    assert "…" not in words


def test_quick_answers_are_told_in_units_that_suit_them() -> None:
    quick = {"slowest_verb": "NOOP", "slowest_s": 0.000_012}

    text = shown(with_sessions(sessions_of(quick)))

    assert re.search("NOOP +12 \N{MICRO SIGN}s", text)


def test_reply_of_several_lines_is_one_row() -> None:
    busy = {"failure": "turned-away", "failure_detail": "421 busy\ncome back"}

    assert "  421 busy come back" in shown(with_sessions(sessions_of(busy)))


def test_narrow_terminal_still_tells_exposed_accounts_from_refused_ones() -> None:
    text = plain(shown(analysis_of("office"), 80))

    assert re.search(r"^ines@example\.com .* no +yes *$", text, re.MULTILINE)


def test_colours_are_for_terminals_that_want_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    colour = re.compile(r"\x1b\[[0-9;]*3[0-9]m")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    assert colour.search(shown(analysis_of("office"), 80))

    monkeypatch.setenv("NO_COLOR", "1")

    assert not colour.search(shown(analysis_of("office"), 80))


def test_most_important_facts_come_first() -> None:
    lines = shown(analysis_of("office")).splitlines()

    assert lines[0] == "29 mail sessions in 1,162 packets (441.6 kB)"
    assert lines[1] == "2026-11-23 15:26:37 to 15:27:27 UTC"
    assert (
        lines[2] == "48% encrypted, 11 sessions with a password or token in plaintext"
    )
    titles = [line.strip() for line in lines]
    assert titles.index("Services") < titles.index("Plaintext logins")
    assert titles.index("Plaintext logins") < titles.index("Failures")
    assert titles.index("Failures") < titles.index("Busiest servers")


def test_capture_without_mail_says_what_may_be_missing() -> None:
    text = shown(analysis_of("negative-redis"))

    assert text.startswith("0 mail sessions in ")
    assert "\nNothing looked like SMTP, IMAP or POP3. " in text
    assert "--port 10993=imap" in text
    assert text.count("\n") == 2


def test_one_session_of_one_day_is_told_in_the_singular() -> None:
    lines = shown(analysis_of("imap-no-login")).splitlines()

    assert lines[0].startswith("1 mail session in ")
    assert lines[2] == "100% encrypted, no plaintext login was seen"


def test_long_lists_end_in_a_count(tmp_path: Path) -> None:
    dialogues = [
        PacketScript(110, client_port=40_000 + i)
        .server(b"+OK\r\n")
        .client(b"USER tom-%d\r\n" % i)
        .server(b"+OK\r\n")
        .client(b"PASS x\r\n")
        .server(b"-ERR no\r\n")
        for i in range(12)
    ]
    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", *dialogues))

    text = shown(analysis, 80)

    # their logins in plaintext, and the accounts
    assert text.count("tom-") == 2 * 10
    assert text.count("and 2 more") == 2


@pytest.mark.parametrize("width", [20, 80, None])
def test_hostile_words_can_not_control_the_terminal(
    width: int | None, tmp_path: Path
) -> None:
    word = "\x1b]0;x\x07\x1b[31m\u202e\x9b\x00[red]".encode()
    dialogue = (
        PacketScript(110)
        .server(b"+OK " + word + b"\r\n")
        .client(b"USER " + b"x" * 300 + b"\r\n")
        .server(b"+OK\r\n")
        .client(b"PASS hush\r\n")
        .server(b"-ERR " + word + b"\r\n")
        .close()
    )
    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue))

    text = shown(analysis, width, color_system=None)

    plain = re.sub(r"\x1b\[[0-9;]*m", "", text) if width else text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", plain)
    if width != 20:
        assert r"-ERR\x1b]0;x\x07\x1b[31m\u202e" in re.sub(r"\s", "", plain)


def test_json_has_every_section_of_the_terminal() -> None:
    summary = json.loads(summary_json(analysis_of("office")))

    for section in SECTIONS:
        rows = section.report(analysis_of("office"))
        assert len(summary[section.name]) == len(rows)
        for told, row in zip(
            summary[section.name], rows.to_dict("records"), strict=True
        ):
            assert told == {name: as_told(value) for name, value in row.items()}


def as_told(value: object) -> object:
    if pd.api.types.is_list_like(value):
        return list(value)  # type: ignore[call-overload]
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%dT%H:%M:%S.%f}{value.nanosecond:03}Z"
    return None if pd.isna(value) else value  # type: ignore[call-overload]


def test_optional_columns_are_columns() -> None:
    for section in SECTIONS:
        rows = section.report(analysis_of("office"))
        assert set(section.optional) <= set(rows.columns)


def test_slowest_commands_and_accounts_are_few() -> None:
    lines = shown(analysis_of("office")).splitlines()

    titles = [line.strip() for line in lines]
    verbs = titles.index("Slowest commands")
    assert titles[verbs + 2].startswith("pop3      PASS")
    assert re.fullmatch("and [0-9]+ more", titles[verbs + 7])
    accounts = titles.index("Accounts")
    assert titles[accounts + 3].startswith("scanner@example.com  pop3, submission")


def test_nothing_is_said_of_every_protocol_that_was_looked_for() -> None:
    with plugins() as install:
        install(ECHO)

        assert nothing_found().startswith("looked like SMTP, IMAP, POP3 or ECHO. ")


def test_findings_come_first_on_terminals_and_in_json() -> None:
    analysis = analysis_of("office")
    findings = review(judgement_of("office").findings)

    text = printed(lambda console: print_summary(analysis, console, findings))
    document = json.loads(summary_json(analysis, findings))

    assert text.index("\nFindings ") < text.index("\nServices ")
    groups = document["findings"]
    assert groups[0]["rule"] == "plaintext-password"
    assert (groups[0]["severity"], groups[0]["findings"]) == ("high", 7)
    assert document["certificates_unseen"] == {"tls": 14, "sessions": 12, "hidden": 12}
    assert [*document].index("findings") < [*document].index("services")

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from analyzer import reports
from analyzer.findings.attacks import attacks
from analyzer.runs.pipeline import find_sessions
from analyzer.terminal.plaintext import plaintext_csv, plaintext_json, print_plaintext
from tests.support.analyses import DATA, analysis_of, analysis_of_all
from tests.support.plaintext import Sessions, send_mail
from tests.support.tables import sessions_of, with_sessions
from tests.support.terminal import plain, printed

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer import Analysis

SECRETS = (DATA / "secrets.txt").read_text(encoding="utf-8").splitlines()


def shown(analysis: Analysis, width: int | None = None, **options: object) -> str:
    """The report on a terminal of some width, or in a pipe."""
    return printed(lambda console: print_plaintext(analysis, console), width, **options)


def cells(analysis: Analysis) -> list[dict[str, str]]:
    text = plaintext_csv(analysis).decode("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_headline_says_what_matters() -> None:
    lines = shown(analysis_of("office")).splitlines()

    assert lines[:4] == [
        "29 mail sessions, 15 in plaintext (3 of them between servers)",
        (
            "11 sessions with a password or token in plaintext, of 3 accounts "
            "(1 more was refused)"
        ),
        "1 client would be cut off if plaintext were disabled",
        "",
    ]
    titles = [line.strip() for line in lines if line.strip() and line[0].isupper()]
    assert titles == [
        "What to do about each client",
        "Servers and ports",
        "Plaintext logins and mail",
        "Mail relayed in plaintext",
    ]


def test_long_lines_about_ports_go_on_below_what_they_say() -> None:
    lines = plain(shown(analysis_of("office"), 60)).splitlines()

    at = lines.index("  587: 1 client on 1 server (1 account) would be cut off; 1")
    assert lines[at + 1] == "       client guessing passwords"


def test_headline_says_whose_logins_were_all_refused() -> None:
    is_guess = {"auth_user": "tom", "auth_result": "failure", "auth_failures": 1}
    shows = {"auth_exposure": "password", "credentials_exposed": True}
    rows = [{**is_guess, **shows, "protection": "plaintext-login"}] * 2
    guesses = with_sessions(sessions_of(*rows))

    assert shown(guesses).splitlines()[1] == (
        "2 sessions with a password or token in plaintext, "
        "of 1 account that was refused"
    )


def test_headline_says_how_many_sessions_nobody_can_judge() -> None:
    dark = with_sessions(sessions_of({"protection": "unknown", "client_bytes": 9}))

    assert shown(dark).splitlines()[1] == (
        "no plaintext login was seen; 1 session can't be judged"
    )


def test_headline_of_protected_mail_is_good_news() -> None:
    text = shown(analysis_of("imap-implicit-tls"))

    assert text.splitlines()[:3] == [
        "1 mail session, 0 in plaintext",
        "no plaintext login was seen",
        "no client would be cut off if plaintext were disabled",
    ]
    assert "Logins" not in text


def test_no_mail_is_told_in_a_line() -> None:
    assert shown(analysis_of("negative-redis")) == "0 mail sessions\n"


def test_verdict_is_the_same_text_everywhere() -> None:
    analysis = analysis_of("office")
    ports = reports.plaintext_ports(analysis.sessions, attacks(analysis.tables))

    text, document = shown(analysis), json.loads(plaintext_json(analysis))

    assert [port["verdict"] for port in document["ports"]] == list(ports["verdict"])
    assert {row["verdict"] for row in cells(analysis)} == set(ports["verdict"])
    assert all(f"  {verdict}" in text for verdict in ports["verdict"])


@pytest.mark.parametrize("width", [80, 100, 140, 250])
def test_addresses_are_whole_on_terminals(width: int) -> None:
    analysis = analysis_of("office")

    text = plain(shown(analysis, width, no_color=True))

    assert max(map(len, text.splitlines())) <= width
    words = set(text.split())
    assert set(analysis.sessions["server_ip"]) <= words
    assert set(reports.plaintext_users(analysis.sessions)["client_ip"]) <= words
    assert "…" not in text


def test_narrow_terminal_tells_who_where_and_what() -> None:
    lines = plain(shown(analysis_of("office"), 80)).splitlines()

    [heading] = [line.split() for line in lines if "exposed" in line]
    assert {"client", "user", "port", "exposed", "cut", "off"} <= set(heading)


@pytest.mark.parametrize(
    ("capture", "words", "colour"),
    [
        ("pop3-user-pass", "1 client would be cut off", "31"),
        ("smtp-relay-plain", "the only session was in plaintext", "33"),
        ("imap-implicit-tls", "always encrypted", "32"),
        ("smtp-starttls-failed", "nobody got in", "33"),
    ],
)
def test_verdicts_have_the_colour_of_what_they_say(
    capture: str, words: str, colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    assert f"\x1b[{colour}m{words}" in shown(analysis_of(capture), 200)


def test_csv_has_a_row_per_client_and_per_port_without_one() -> None:
    rows = cells(analysis_of("office"))

    users = reports.plaintext_users(analysis_of("office").sessions)
    others = [row for row in rows if row["client_ip"] and not row["exposed"]]
    assert len([row for row in rows if row["client_ip"]]) == len(users) + len(others)
    assert [(row["client_ip"], row["server_port"]) for row in others] == [
        ("203.0.113.66", "25")
    ]
    assert [row["server_port"] for row in rows if not row["client_ip"]] == [
        *("993", "995", "465", "587", "25")
    ]
    assert rows[0] == {
        "server_ip": "192.0.2.10",
        "server_port": "587",
        "service": "submission",
        "role": "submission",
        "verdict": "1 client would be cut off: 192.0.2.150; "
        "1 client guessing passwords: 203.0.113.66",
        "offered": "STARTTLS",
        "total": "1 client on 1 server (1 account) would be cut off; "
        "1 client guessing passwords",
        "client_ip": "192.0.2.150",
        "use": "plaintext only",
        "client_software": "",
        "action": "turn on STARTTLS",
        "seen": "STARTTLS offered to it in 2 sessions and to others in 6 sessions",
        "auth_user": "scanner@example.com",
        "auth_mechanism": "LOGIN",
        "result": "success",
        "exposed": "password and mail",
        "sessions": "2",
        "used_tls": "false",
        "would_be_cut_off": "true",
        "first_seen": "2026-11-23T15:26:39.178549000Z",
        "last_seen": "2026-11-23T15:26:39.209581000Z",
    }


def test_csv_without_sessions_is_its_heading() -> None:
    text = plaintext_csv(analysis_of("negative-redis")).decode()

    assert text.count("\n") == 1
    assert text.startswith('"server_ip","server_port",')


def test_json_has_the_figures_and_both_tables() -> None:
    analysis = analysis_of("office")

    document = json.loads(plaintext_json(analysis))

    totals = reports.plaintext_totals(analysis.sessions)._asdict()
    assert document["plaintext"] is True
    assert document["clear"] == totals["plaintext_sessions"] == 15
    assert {name: document[name] for name in totals} == totals
    assert len(document["ports"]) == 11
    assert document["users"][0] | {"first_seen": None} == {
        "client_ip": "192.0.2.150",
        "auth_user": "scanner@example.com",
        "server_ip": "192.0.2.10",
        "server_port": 587,
        "service": "submission",
        "role": "submission",
        "auth_mechanism": "LOGIN",
        "result": "success",
        "exposed": "password and mail",
        "sessions": 2,
        "offered": "STARTTLS",
        "used_tls": False,
        "would_be_cut_off": True,
        "first_seen": None,
        "last_seen": "2026-11-23T15:26:39.209581000Z",
    }


def test_json_has_totals_by_port_and_what_each_client_needs() -> None:
    document = json.loads(plaintext_json(analysis_of("office")))

    assert document["totals"][0] == {
        "server_port": 587,
        "service": "submission",
        "role": "submission",
        "sessions": 9,
        "plaintext": 6,
        "cut_off_clients": 1,
        "cut_off_servers": 1,
        "cut_off_accounts": 1,
        "plaintext_only_clients": 1,
        "also_tls_clients": 0,
        "attacking_clients": 1,
        "failed_login_clients": 0,
        "incomplete_clients": 0,
        "connected_only_clients": 0,
        "total": "1 client on 1 server (1 account) would be cut off; "
        "1 client guessing passwords",
    }
    assert document["clients"][0]["action"] == "turn on STARTTLS"
    assert document["clients"][0]["accounts"] == "scanner@example.com"


def test_totals_by_port_come_first() -> None:
    lines = shown(analysis_of("office")).splitlines()

    assert lines[4].lstrip().startswith("587: 1 client on 1 server (1 account) would")
    assert lines[7] == "  993: nobody was seen in plaintext"


def test_reader_is_told_how_many_clients_are_not_shown(tmp_path: Path) -> None:
    sessions = Sessions()
    for number in range(103):
        sessions.pop3(f"192.0.2.{number}")

    analysis = sessions.analyse(tmp_path)
    text = shown(analysis)

    assert "  110: 103 clients on 1 server (1 account) would be cut off" in text
    assert text.count("and 3 more") == 2
    assert text.endswith("Not all is shown here; --csv and --json have it.\n")
    assert len(json.loads(plaintext_json(analysis))["clients"]) == 103
    assert len(cells(analysis)) == 103


def test_reader_is_told_that_columns_are_left_out() -> None:
    hint = "Not all is shown here"

    assert hint in shown(analysis_of("office"), 80)
    assert hint not in shown(analysis_of("office"))


def test_json_tells_what_could_not_be_read(tmp_path: Path) -> None:
    missing = [str(tmp_path / "missing.pcap"), str(tmp_path / "gone.pcap")]

    document = json.loads(plaintext_json(find_sessions(missing)))

    assert document["captures"] == missing
    assert [each["capture"] for each in document["problems"]] == missing
    assert document["ports"] == document["users"] == []


HOSTILE = dict(
    enumerate(
        [
            b"\x1b]0;x\x07\x1b[31m",
            "\u202egnp".encode(),
            b"=cmd|' /C calc'!A0",
            b"@SUM(A1)",
            b"[red]x[/red]",
            b'"a","b"',
            b"\xff\xfe",
            b"x" * 300,
        ],
        1,
    )
)


def test_hostile_user_names_do_no_harm(tmp_path: Path) -> None:
    sessions = Sessions()
    for number, name in HOSTILE.items():
        sessions.pop3(f"192.0.2.{number}", name)
        dialogue = sessions.smtp(587, f"192.0.2.{100 + number}")
        dialogue.client(b"AUTH " + name + b"\r\n").server(b"535 no\r\n")
        send_mail(dialogue)
    analysis = sessions.analyse(tmp_path)
    rows = cells(analysis)

    outputs = [
        plain(shown(analysis, 80)),
        shown(analysis),
        plaintext_csv(analysis).decode("utf-8"),
        plaintext_json(analysis),
    ]

    for output in outputs:
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", output)
    assert all(len(line) <= 80 for line in outputs[0].splitlines())
    for row in rows:
        assert not any(cell.startswith(("=", "@")) for cell in row.values())
    users = reports.plaintext_users(analysis.sessions)
    names = 0
    for number in HOSTILE:
        client = f"192.0.2.{number}"
        [told] = users.loc[users["client_ip"] == client, "auth_user"]
        # what can't be a name is not shown at all
        if pd.notna(told) and told.isprintable():
            names += 1
            [user] = {row["auth_user"] for row in rows if row["client_ip"] == client}
            assert user == (f"'{told}" if told.startswith(("=", "@")) else told)
            assert told[:39] in outputs[1]
    assert names > 4


def test_secrets_are_in_no_output() -> None:
    analysis = analysis_of_all()

    outputs = (
        shown(analysis, 80),
        shown(analysis),
        plaintext_csv(analysis).decode(),
        plaintext_json(analysis),
    )

    assert len(SECRETS) > 20
    for output in outputs:
        assert "zoe@example.com" in output
        assert [secret for secret in SECRETS if secret in output] == []

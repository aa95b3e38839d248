"""What docs/security.md promises, and the tests that hold it.

`PROMISES` has each paragraph and each list item of the two sections by its first
words, with the tests of what it says. What had no better place is tested here.
"""

from __future__ import annotations

import ast
import base64
import re
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING

import analyzer
from analyzer.html import render_page
from analyzer.tables.attempts import MAX_ROWS
from analyzer.tables.folder import write_folder
from analyzer.terminal.plaintext import plaintext_json
from analyzer.terminal.summary import summary_json
from captures.packets.peeler import MAX_TUNNELS
from captures.tcp.budget import MAX_HELD_BYTES
from captures.tcp.table import MAX_CONNECTIONS
from captures.tcp.waiting import MAX_TOTAL_WAITING_BYTES
from dissectors.limits import DEFAULT_LIMITS
from tests.support.documents import DOCS, ROOT
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

PROMISES: dict[str, dict[str, dict[str, list[str]]]] = {
    "Privacy": {
        "Kept, because": {
            "analyzer/test_facts.py": [
                "test_tables_agree_with_clients_and_servers",
            ],
        },
        "Never kept, shown or written": {
            "analyzer/test_facts.py": [
                "test_no_secret_is_kept",
            ],
            "analyzer/test_cli.py": [
                "test_no_secret_is_printed_or_written",
            ],
            "analyzer/terminal/test_plaintext.py": [
                "test_secrets_are_in_no_output",
            ],
            "analyzer/html/test_page.py": [
                "test_no_secret_is_in_the_page",
            ],
            "analyzer/terminal/test_live_view.py": [
                "test_no_secret_is_printed",
            ],
            "analyzer/runs/test_secrets.py": [
                "test_no_secret_gets_into_any_table",
            ],
            "dissectors/credentials/test_withheld.py": [
                "test_what_crossed_is_masked_however_it_is_repeated",
            ],
            "dissectors/credentials/test_strays.py": [
                "test_what_fits_no_grammar_is_not_shown",
                "test_verb_is_shown_if_the_server_announced_it_or_another_protocol_has_it",
            ],
            "fuzz/test_fuzz.py": [
                "test_no_login_shows_its_secret",
            ],
            "test_promises.py": [
                "test_bodies_of_messages_are_kept_nowhere",
                "test_mailtap_talks_to_no_one",
            ],
        },
        "`mailtap extract` alone": {
            "analyzer/cli/test_extract.py": [
                "test_nothing_is_written_unless_somebody_agrees",
                "test_folder_that_is_not_empty_is_told_before_anything_is_read",
            ],
            "analyzer/extraction/test_folder.py": [
                "test_files_are_for_their_owner_alone_and_not_executable",
                "test_folder_that_is_led_elsewhere_takes_what_it_was_opened_for",
                "test_link_to_a_folder_is_not_followed",
                "test_links_in_the_way_lead_nowhere",
            ],
            "analyzer/extraction/test_run.py": [
                "test_names_that_senders_choose_name_no_file",
            ],
            "dissectors/smtp/test_transfer.py": [
                "test_nobody_gets_a_copy_of_what_may_be_a_login",
            ],
        },
        "`mailtap cut` is asked": {
            "analyzer/runs/test_cutting.py": [
                "test_only_packets_of_the_session_are_written",
            ],
            "captures/files/test_raw_records.py": [
                "test_other_blocks_are_not_copied",
            ],
        },
    },
    "Hostile input": {
        "Every byte of a capture": {
            "fuzz/test_fuzz.py": [
                "test_damaged_conversation_breaks_no_promise",
                "test_damaged_tls_breaks_no_promise",
            ],
            "analyzer/test_extremes.py": [
                "test_extreme_times_are_only_odd",
            ],
        },
        "Time grows linearly": {
            "dissectors/test_cost.py": [
                "test_cost_is_linear_and_memory_bounded",
            ],
            "analyzer/test_crowds.py": [
                "test_crowd_stays_within_the_budget",
            ],
            "captures/test_packets.py": [
                "test_packet_in_thousands_of_tunnels_costs_no_memory",
            ],
        },
        "`python -m tests.fuzz`": {
            "fuzz/test_fuzz.py": [
                "test_broken_promise_is_noticed",
                "test_login_that_shows_its_secret_is_noticed",
            ],
        },
        "Every buffer has a limit": {
            "dissectors/test_limits.py": [
                "test_every_limit_limits_something",
            ],
            "dissectors/test_cost.py": [
                "test_row_says_what_was_cut",
            ],
            "captures/tcp/test_table.py": [
                "test_oldest_connection_makes_room",
            ],
            "test_promises.py": [
                "test_limits_are_those_that_are_promised",
            ],
        },
        "All open connections together": {
            "analyzer/test_memory.py": [
                "test_processes_share_one_budget",
                "test_rows_of_a_long_session_are_made_before_its_end",
                "test_unanswered_commands_of_many_connections_are_cut_short",
                "test_password_before_a_session_was_cut_short_is_still_exposed",
            ],
            "captures/tcp/test_budget.py": [
                "test_largest_are_cut_short_until_half_of_the_budget_is_free",
            ],
        },
        "Connections that carried no data": {
            "analyzer/tables/test_attempts.py": [
                "test_attempts_are_counted_and_the_first_ones_have_rows",
            ],
            "captures/tcp/test_attempts.py": [
                "test_flood_of_syns_makes_no_connection",
            ],
        },
        "A packet whose clock is wrong": {
            "analyzer/sessions/test_wrong_clock.py": [
                "test_packet_with_a_wrong_clock_changes_no_session",
                "test_anomaly_says_what_the_clock_said",
            ],
        },
        "If memory runs out nevertheless": {
            "analyzer/test_out_of_memory.py": [
                "test_what_was_found_until_memory_ran_out_is_told",
                "test_sessions_of_the_process_that_was_not_killed_are_told",
            ],
        },
        "A damaged capture gives": {
            "analyzer/test_cli.py": [
                "test_damaged_capture_is_named_in_one_line",
                "test_bad_capture_leaves_the_others_alone",
            ],
            "analyzer/runs/test_pipeline.py": [
                "test_log_rotation_empties_a_capture_while_it_is_read",
            ],
            "captures/files/test_source.py": [
                "test_file_is_not_read_further_than_it_went_at_first",
            ],
        },
        "Control characters are escaped": {
            "analyzer/test_text.py": [
                "test_nothing_unsafe_is_left",
            ],
            "analyzer/tables/test_export.py": [
                "test_csv_is_safe_to_open",
            ],
            "analyzer/html/test_page.py": [
                "test_attacks_add_no_element",
            ],
            "analyzer/test_extremes.py": [
                "test_odd_names_of_captures_are_shown_as_text",
            ],
            "analyzer/cli/test_streams.py": [
                "test_text_that_the_locale_has_not_is_escaped",
            ],
        },
        "A condition (`--where`)": {
            "analyzer/selection/test_condition.py": [
                "test_whatever_is_written_is_answered_or_explained",
            ],
            "analyzer/selection/test_grammar.py": [
                "test_endless_condition_is_refused_in_a_few_words",
                "test_what_a_database_may_do_more_means_nothing",
            ],
        },
        "Folders of tables, key logs": {
            "analyzer/test_extremes.py": [
                "test_tables_that_mailtap_did_not_write_are_refused_in_a_line",
                "test_texts_of_tables_can_not_control_the_terminal",
            ],
            "analyzer/test_cli.py": [
                "test_unusable_key_log_is_said",
            ],
            "analyzer/runs/test_secrets.py": [
                "test_lines_that_are_no_secrets_are_noted",
            ],
            "analyzer/sessions/test_trust.py": [
                "test_unusable_authorities_are_said",
                "test_authority_that_can_not_be_read_is_left_out",
            ],
            "analyzer/cli/test_main.py": [
                "test_bug_is_one_line_that_says_where",
            ],
        },
    },
}


def section(title: str) -> str:
    """What is promised below a heading."""
    text = (DOCS / "security.md").read_text(encoding="utf-8")
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def paragraphs(title: str) -> list[str]:
    """The paragraphs and list items of a section, each as one line."""
    blocks = re.split(r"\n\n|\n- ", f"\n{section(title)}".replace("\n\n- ", "\n- "))
    return [" ".join(each.split()) for each in blocks if each.strip()]


@cache
def names_in(path: str) -> set[str]:
    """The names of the tests in a file."""
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_promise_has_its_tests() -> None:
    for title, promises in PROMISES.items():
        said = paragraphs(title)
        assert len(said) == len(promises)
        for text, (beginning, tests) in zip(said, promises.items(), strict=True):
            assert text.startswith(beginning)
            assert all({*names} <= names_in(path) for path, names in tests.items())


def test_limits_are_those_that_are_promised() -> None:
    text = " ".join(section("Hostile input").split())

    for words in (
        f"{DEFAULT_LIMITS.line >> 10} KiB for a line",
        f"{DEFAULT_LIMITS.list_items:,} recipients for a session",
        f"{MAX_CONNECTIONS:,} connections at a time",
        f"may hold {MAX_HELD_BYTES >> 20} MiB",
        f"{MAX_TOTAL_WAITING_BYTES >> 20} MiB of what waits behind lost packets",
        f"the first {MAX_ROWS:,} also have rows",
    ):
        assert words in text
    formats = (DOCS / "formats.md").read_text(encoding="utf-8")
    assert f"## Tunnels\n\nUp to {MAX_TUNNELS} nested in each other" in formats


BODY = b"Heisenbug meets Schroedinbug at noon in the orangery"
FILE = b"the attached ledger has a quince in every column" * 2


def test_bodies_of_messages_are_kept_nowhere(tmp_path: Path) -> None:
    encoded = base64.encodebytes(FILE).replace(b"\n", b"\r\n")
    message = (
        b"Subject: see below\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
        b"--x\r\n\r\n" + BODY + b"\r\n--x\r\n"
        b"Content-Disposition: attachment; filename=a.txt\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded + b"--x--\r\n"
    )
    smtp = PacketScript(25, client_port=40_001).server(b"220 mx\r\n")
    for line, reply in (
        (b"HELO a\r\n", b"250 mx\r\n"),
        (b"MAIL FROM:<a@example.com>\r\n", b"250 ok\r\n"),
        (b"RCPT TO:<b@example.com>\r\n", b"250 ok\r\n"),
        (b"DATA\r\n", b"354 go\r\n"),
        (message + b".\r\n", b"250 ok\r\n"),
    ):
        smtp.client(line).server(reply)
    pop3 = PacketScript(110, client_port=40_002).server(b"+OK\r\n")
    pop3.client(b"RETR 1\r\n").server(b"+OK\r\n" + message + b".\r\n")
    size = len(message)
    imap = PacketScript(143, client_port=40_003).server(b"* PREAUTH hi\r\n")
    imap.client(b"a FETCH 1 BODY[]\r\n")
    imap.server(b"* 1 FETCH (BODY[] {%d}\r\n%b)\r\na OK\r\n" % (size, message))
    imap.client(b"b APPEND INBOX {%d}\r\n" % size).server(b"+ go\r\n")
    imap.client(message + b"\r\n").server(b"b OK\r\n")

    analysis = analyzer.analyze(
        write_pcap(tmp_path / "a.pcap", smtp.close(), pop3.close(), imap.close())
    )
    write_folder(analysis, tmp_path / "tables", "jsonl")
    told = summary_json(analysis) + plaintext_json(analysis) + render_page(analysis)
    told += "".join(each.read_text() for each in (tmp_path / "tables").iterdir())

    assert len(analysis.messages) == 4
    assert set(analysis.messages["subject"]) == {"see below"}
    assert all(analysis.messages["attachments"].map(len))
    for kept in (BODY, BODY[:12], FILE[:12], encoded[:16]):
        assert kept.decode() not in told


# Python tells of sockets and names before it uses them
LISTENER = """
import os, sys
HARMLESS = {"socket.__new__", "socket.gethostname"}
def forbid(event, arguments):
    if event.startswith(("socket.", "urllib.")) and event not in HARMLESS:
        os.write(2, event.encode())
        os._exit(99)
sys.addaudithook(forbid)
"""


def listened(code: str, *arguments: str) -> tuple[int, str]:
    """The exit status of a program that may not talk to anybody, and its errors."""
    done = subprocess.run(
        [sys.executable, "-c", LISTENER + code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_mailtap_talks_to_no_one(tmp_path: Path) -> None:
    demo, folder = f"{ROOT}/analyzer/data/office.pcap", f"{tmp_path}/tables/"

    for arguments in (
        ("analyze", demo, "--html", f"{tmp_path}/page.html", "-o", folder),
        ("plaintext", folder),
        ("protocols", folder),
    ):
        assert listened("from analyzer.cli import main; main()", *arguments) == (0, "")


def test_who_talks_to_somebody_is_noticed() -> None:
    ask = "import socket; socket.getaddrinfo('localhost', 25)"

    assert listened(ask) == (99, "socket.getaddrinfo")

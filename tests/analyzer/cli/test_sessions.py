from __future__ import annotations

import csv
import io
import json
from functools import partial
from typing import TYPE_CHECKING

import pytest
from click.shell_completion import ShellComplete
from pyarrow import parquet

from analyzer.cli import main
from analyzer.selection import source
from analyzer.tables.results import Results
from analyzer.tables.store import Store
from tests.support import commands
from tests.support.analyses import CAPTURES, DEMO, analysis_of, rows_of
from tests.support.stored import some

if TYPE_CHECKING:
    from pathlib import Path


run = partial(commands.run, "sessions")


def lines_of(*arguments: str | Path | int) -> list[dict[str, object]]:
    result = run(*arguments, "-o", "-")
    assert (result.exit_code, result.stderr) == (0, "")
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_sessions_are_listed_for_people() -> None:
    result = run(DEMO)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("29 sessions")
    assert all(row["session_id"][:4] in result.stdout for row in rows_of("office"))


def test_programs_get_every_column_and_whole_ids() -> None:
    lines = lines_of(DEMO)
    document = json.loads(run(DEMO, "--json").stdout)
    cells = list(csv.DictReader(io.StringIO(run(DEMO, "--csv").stdout)))

    expected = rows_of("office")
    assert document["sessions"] == lines
    assert document["sessions_in_all"] is None
    for rows in (lines, cells):
        ids = [row["session_id"] for row in rows]
        assert ids == [row["session_id"] for row in expected]
        assert list(rows[0]) == list(expected[0])


def test_chosen_sessions_are_sorted_cut_and_written(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    choice = ["--service", "pop3", "--sort", "-duration_s", "--limit", "2"]

    result = run(DEMO, *choice, "--columns", "duration_s, client_ip", "-o", path)

    assert (result.exit_code, result.output) == (0, "")
    pop3 = [row for row in rows_of("office") if row["service"] == "pop3"]
    longest = sorted((row["duration_s"] for row in pop3), reverse=True)
    written = parquet.read_table(path)
    assert written.column_names == ["duration_s", "client_ip"]
    assert written["duration_s"].to_pylist() == longest[:2]


def test_list_says_that_it_is_of_a_choice() -> None:
    text = run(DEMO, "--service", "pop3", "--limit", 2).stdout
    document = json.loads(run(DEMO, "--service", "pop3", "--json").stdout)

    assert text.startswith("5 of 29 sessions")
    assert text.endswith("and 3 more: --limit shows as many as you ask for\n")
    assert document["sessions_in_all"] == 29


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_folder_lists_what_its_captures_do(file_format: str, tmp_path: Path) -> None:
    analysis_of("office").save(tmp_path, file_format=file_format)
    choice = ["--user", "scanner@example.com", "--where", "duration_s > 0.1"]

    assert run(tmp_path, *choice).stdout == run(DEMO, *choice).stdout
    assert lines_of(tmp_path, "--finding", "password-guessing") == lines_of(
        DEMO, "--finding", "password-guessing"
    )


def test_sessions_are_listed_while_a_monitor_runs(tmp_path: Path) -> None:
    store = Store(tmp_path / "tables", Results({}, ["eth0"]))
    store.add(some(9, 20), some(0, 0))
    store.add(some(0, 9), some(20, 29))

    assert run(store.folder).stdout == run(DEMO).stdout
    choice = ["--finding", "plaintext-password"]
    assert run(store.folder, *choice).stdout == run(DEMO, *choice).stdout


def test_parts_that_are_put_together_meanwhile_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "tables", Results({}, ["eth0"]))
    store.add(some(0, 29), some(0, 0))
    expected = run(store.folder).stdout
    gone = [tmp_path / "gone"]
    monkeypatch.setattr(source, "list_sources", lambda _: gone)

    result = run(store.folder)

    assert (result.exit_code, result.stdout, result.stderr) == (0, expected, "")


def test_folder_that_is_damaged_is_named(tmp_path: Path) -> None:
    analysis_of("office").save(tmp_path)
    table = tmp_path / "sessions.parquet"
    table.write_bytes(table.read_bytes()[:-9])

    result = run(tmp_path)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"mailtap: {table}: this is not mailtap's table")


def test_damaged_capture_is_listed_as_far_as_it_goes(tmp_path: Path) -> None:
    capture = tmp_path / "a.pcap"
    capture.write_bytes(CAPTURES["pop3-apop"].read_bytes()[:-3])

    result = run(capture)

    assert result.exit_code == 1
    assert result.stdout.startswith("1 session")
    assert str(capture) in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing argument 'CAPTURE...'"),
        (
            [DEMO, "--sort", "strat"],
            "there is no column 'strat': did you mean state or",
        ),
        ([DEMO, "--columns", "start,servce"], "no column 'servce': did you mean serv"),
        ([DEMO, "--columns", "start,"], "there is no column ''"),
        ([DEMO, "-o", "list.txt"], "must end in .jsonl, .csv, .parquet"),
        ([DEMO, "--keylog", DEMO, "--where", "x"], "there is no column x"),
    ],
)
def test_wrong_use_is_explained(arguments: list[str | Path], said: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert said in result.stderr


def test_key_log_is_not_for_tables(tmp_path: Path) -> None:
    analysis_of("office").save(tmp_path)

    result = run(tmp_path, "--keylog", tmp_path / "keys")

    assert result.exit_code == 1
    assert "tables hold nothing that could be decrypted" in result.stderr


@pytest.mark.parametrize(
    ("option", "begun", "completed"),
    [
        ("--columns", "start,client_i", ["start,client_ip", "start,client_id"]),
        ("--sort", "client_i", ["client_ip", "client_id"]),
    ],
)
def test_columns_are_completed(option: str, begun: str, completed: list[str]) -> None:
    complete = ShellComplete(main, {}, "mailtap", "_MAILTAP_COMPLETE")

    found = complete.get_completions(["sessions", option], begun)

    assert [each.value for each in found] == completed

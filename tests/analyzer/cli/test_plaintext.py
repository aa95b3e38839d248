from __future__ import annotations

import csv
import io
import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.support import commands
from tests.support.analyses import CAPTURES, DATA, DEMO

if TYPE_CHECKING:
    from pathlib import Path


SECRETS = (DATA / "secrets.txt").read_text(encoding="utf-8").splitlines()


run = partial(commands.run, "plaintext")


def test_table_has_a_verdict_per_port_and_a_row_per_account() -> None:
    result = run(DEMO)

    assert (result.exit_code, result.stderr) == (0, "")
    assert "1 client would be cut off: 192.0.2.150" in result.stdout
    assert "always encrypted" in result.stdout
    assert "scanner@example.com" in result.stdout


def test_json_and_csv_have_the_same_figures() -> None:
    document = json.loads(run(DEMO, "--json").stdout)
    rows = list(csv.DictReader(io.StringIO(run(DEMO, "--csv").stdout)))

    # clients that neither logged in nor moved mail are no users
    in_csv = [int(row["sessions"]) for row in rows if row["exposed"]]
    assert sum(in_csv) == sum(row["sessions"] for row in document["users"])
    assert {row["client_ip"] for row in rows} - {""} == {
        client["client_ip"] for client in document["clients"]
    }
    assert {row["verdict"] for row in rows} == {
        row["verdict"] for row in document["ports"]
    }


def test_who_guesses_is_judged_by_the_settings(tmp_path: Path) -> None:
    config = tmp_path / "mailtap.toml"
    config.write_text("[rules.password-guessing]\nenabled = false\n", "utf-8")

    def uses(*options: str | Path) -> set[str]:
        document = json.loads(run(DEMO, "--json", *options).stdout)
        clients = document["clients"]
        guesser = [each for each in clients if each["client_ip"] == "203.0.113.66"]
        return {each["use"] for each in guesser if each["role"] != "relay"}

    assert uses() == {"attack"}
    assert uses("--config", config) == {"failed login"}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_folder_of_tables_gives_what_the_capture_gives(
    kind: str, tmp_path: Path
) -> None:
    output = ["-o", f"{tmp_path}/tables/", "--format", kind]
    commands.run("analyze", "-q", str(DEMO), *output)

    assert run(tmp_path / "tables").stdout == run(DEMO).stdout
    assert run(tmp_path / "tables", "--json").stdout == run(DEMO, "--json").stdout


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("pop3-user-pass", 3),
        ("pop3-failed-login", 3),
        ("imap-login-plain", 3),
        ("smtp-submission-plain-auth-login", 3),
        ("pop3-implicit-tls", 0),
        ("smtp-submission-starttls-tls13", 0),
        # servers relay to servers: RFC 8314 is not about them
        ("smtp-relay-plain", 0),
        ("negative-http", 0),
    ],
)
def test_plaintext_is_a_failure_if_asked_for(name: str, status: int) -> None:
    assert run(CAPTURES[name], "--fail-on-plaintext").exit_code == status
    assert run(CAPTURES[name]).exit_code == 0


def test_capture_that_can_not_be_read_counts_more_than_plaintext(
    tmp_path: Path,
) -> None:
    result = run(DEMO, tmp_path / "nowhere.pcap", "--fail-on-plaintext")

    assert result.exit_code == 1
    assert "nowhere.pcap" in result.stderr
    assert "1 client would be cut off" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-i", "eth0"],
        ["-i", "eth0", "--duration", "1", "a.pcap"],
        ["-i", "eth0", "--duration", "0"],
        ["--duration", "1", "a.pcap"],
        ["--engine", "socket", "a.pcap"],
        ["-i", "eth0", "--duration", "1", "--engine", "tshark"],
    ],
    ids=" ".join,
)
def test_wrong_use_ends_with_status_2(arguments: list[str]) -> None:
    result = run(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1].startswith("Error: ")


def test_user_who_names_nothing_is_told_what_to_name() -> None:
    result = run()

    assert "plaintext [OPTIONS] [CAPTURE]..." in result.stderr
    assert result.stderr.endswith("Error: Name captures, or an --interface.\n")


@pytest.mark.parametrize("options", [[], ["--csv"], ["--json"]])
def test_no_secret_is_printed(options: list[str]) -> None:
    printed = run(*options, *CAPTURES.values()).stdout

    assert [each for each in SECRETS if each in printed] == []

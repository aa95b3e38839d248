from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.shell_completion import ShellComplete

from analyzer.cli import main
from tests.support.analyses import DEMO, analysis_of
from tests.support.commands import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    analysis_of("office").save(folder)
    return folder


def chosen(folder: Path, *arguments: str) -> list[str]:
    """The IDs of the sessions that options choose."""
    table = folder.parent / "chosen.jsonl"
    command = ["analyze", "-q", str(folder), "-o", str(table), *arguments]
    result = run(*command)
    assert (result.exit_code, result.stderr) == (0, "")
    return [json.loads(line)["session_id"] for line in table.read_text().splitlines()]


def ids(condition: str) -> list[str]:
    """The IDs of the sessions that a condition chooses."""
    return list(analysis_of("office").where(condition).sessions["session_id"])


@pytest.mark.parametrize(
    ("arguments", "condition"),
    [
        (["--where", "service = 'imap'"], "service = 'imap'"),
        (
            ["--where", "service = 'pop3'", "--where", "complete"],
            "service = 'pop3' and complete",
        ),
        (["--client", "192.0.2.150"], "client_ip = '192.0.2.150'"),
        (["--client", "192.0.2.128/25"], "client_ip <<= '192.0.2.128/25'"),
        (
            ["--client", "192.0.2.150", "--client", "192.0.2.101"],
            "client_ip in ('192.0.2.150', '192.0.2.101')",
        ),
        (["--server", "2001:DB8:2::10"], "server_ip = '2001:db8:2::10'"),
        (["--server", "192.0.2.10:587"], "server_ip like '192%' and server_port = 587"),
        (
            ["--server", "[2001:db8::/32]:143"],
            "server_port = 143 and server_ip like '2001:%'",
        ),
        (["--service", "imap", "--service", "POP3"], "service in ('imap', 'pop3')"),
        (["--user", "INES@example.com"], "auth_user = 'ines@example.com'"),
        (["--since", "2026-11-23 15:27"], "start >= '2026-11-23 15:27'"),
        (
            ["--until", "2026-11-23T16:27:00+01:00", "--service", "pop3"],
            "start < '2026-11-23 15:27' and service = 'pop3'",
        ),
    ],
)
def test_sessions_are_chosen(
    folder: Path, arguments: list[str], condition: str
) -> None:
    expected = ids(condition)

    assert expected
    assert chosen(folder, *arguments) == expected


def test_sessions_of_a_finding_are_chosen(folder: Path) -> None:
    rows = analysis_of("office").findings.to_dict("records")
    of_rule = [
        row["session_ids"] for row in rows if row["rule"] == "plaintext-password"
    ]

    found = chosen(folder, "--finding", "plaintext-password")

    assert set(found) == {each for session_ids in of_rule for each in session_ids}


def test_sessions_of_one_finding_are_chosen(folder: Path) -> None:
    finding = analysis_of("office").findings.to_dict("records")[-1]

    found = chosen(folder, "--finding", finding["finding_id"])

    assert set(found) == set(finding["session_ids"])


@pytest.mark.parametrize("command", ["analyze", "sessions"])
def test_finding_that_is_not_there_is_named(command: str, folder: Path) -> None:
    result = run(command, folder, "--finding", "ffff")

    assert result.exit_code == 1
    assert result.stderr == "mailtap: --finding: there is no finding ffff\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--client", "mail"], "'mail' is no network"),
        (["--client", "' or 1=1"], '"\' or 1=1" is no network'),
        (["--server", "mail:25"], "'mail' is no network"),
        (["--service", "imapz"], "there is no service 'imapz': did you mean imap or"),
        (["--finding", "plaintxt"], "there is no rule 'plaintxt'"),
        (["--since", "yesterday"], "a time is written as 2026-01-31 or"),
        (["--until", "' or 1=1"], "a time is written as 2026-01-31 or"),
    ],
)
def test_wrong_choice_is_explained(arguments: list[str], reason: str) -> None:
    result = run("analyze", DEMO, *arguments)

    assert result.exit_code == 2
    assert reason in result.stderr.replace("\n", " ")


def test_sessions_of_nothing_are_not_chosen() -> None:
    result = run("protocols", "--service", "imap")

    assert result.exit_code == 2
    assert "Name captures whose sessions are to be chosen" in result.stderr


def test_mistake_in_a_condition_is_pointed_at() -> None:
    result = run("analyze", DEMO, "--where", "complete and duraton_s > 5")

    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "mailtap: --where: there is no column duraton_s: did you mean duration_s?",
        "  complete and duraton_s > 5",
        "               ^^^^^^^^^",
    ]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("analyze", "5 of 29 mail sessions in 1,162 packets"),
        ("findings", ", in 5 of 29 sessions"),
        ("plaintext", "Of 5 of 29 sessions:"),
        ("protocols", "5 of 29 mail sessions in 1,162 packets"),
        ("messages", "Of 5 of 29 sessions:\n"),
        ("attachments", "Of 5 of 29 sessions:\n"),
    ],
)
def test_output_says_that_it_is_of_a_choice(
    command: str, told: str, folder: Path
) -> None:
    choice = ["--where", "service = 'pop3'"]
    assert len(ids(choice[1])) == 5

    assert told in run(command, folder, *choice).stdout
    document = json.loads(run(command, folder, "--json", *choice).stdout)
    assert document["sessions_in_all"] == 29


def test_page_says_that_it_is_of_a_choice(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "a.html"

    run("report", folder, "-q", "-o", page, "--service", "pop3", "--where", "1 < 2")

    text = page.read_text()
    assert "5 of 29 mail sessions" in text
    assert "<li>--service pop3</li>" in text
    assert "<li>--where 1 &lt; 2</li>" in text


def test_baseline_is_compared_as_far_as_it_is_chosen(folder: Path) -> None:
    told = run(
        "findings", folder, "--baseline", folder, "--service", "pop3", "--json"
    ).stdout

    standings = json.loads(told)["standings"]
    assert standings["unchanged"] > 0
    assert (standings["new"], standings["gone"]) == (0, 0)


def test_acceptances_of_other_sessions_are_not_missed(
    folder: Path, tmp_path: Path
) -> None:
    finding = analysis_of("office").findings.to_dict("records")[0]
    accept = tmp_path / "accept.toml"
    accept.write_text(f'[[accept]]\nid = "{finding["finding_id"]}"\nreason = "known"\n')

    result = run("findings", folder, "--accept", accept, "--where", "1 = 2")

    assert result.stderr == ""


def test_columns_of_a_condition_are_completed() -> None:
    complete = ShellComplete(main, {}, "mailtap", "_MAILTAP_COMPLETE")

    found = complete.get_completions(["analyze", "--where"], "complete and client_i")

    assert [each.value for each in found] == [
        "complete and client_ip",
        "complete and client_id",
    ]

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from tests.support import commands
from tests.support.analyses import CAPTURES, DEMO

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

APOP = CAPTURES["pop3-apop"]


def run(*arguments: str | Path, command: str = "findings") -> Result:
    return commands.run(command, *arguments)


def found(*arguments: str | Path) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads(run(*arguments, "--json").stdout)[
        "findings"
    ]
    return rows


def test_findings_are_listed_for_people_and_programs() -> None:
    text, table, sarif = run(DEMO), run(DEMO, "--csv"), run(DEMO, "--sarif")

    ids = [row["finding_id"] for row in found(DEMO)]
    assert ids
    assert all(each in text.stdout for each in ids)
    rows = csv.DictReader(io.StringIO(table.stdout))
    assert [row["finding_id"] for row in rows] == ids
    results = json.loads(sarif.stdout)["runs"][0]["results"]
    assert [each["partialFingerprints"]["finding_id/v1"] for each in results] == ids
    assert text.stderr == table.stderr == sarif.stderr == ""


def test_folder_of_tables_has_the_findings_of_its_captures(tmp_path: Path) -> None:
    run(DEMO, "-q", "-o", f"{tmp_path}/tables/", command="analyze")

    assert run(tmp_path / "tables").stdout == run(DEMO).stdout
    lines = (tmp_path / "tables" / "findings.jsonl").read_text().splitlines()
    written = [json.loads(line) for line in lines]
    told = found(DEMO)
    assert written == [{name: row[name] for name in written[0]} for row in told]


def test_folder_of_parquet_has_the_findings_of_its_captures(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    run(DEMO, "-q", "-o", f"{folder}/", "--format", "parquet", command="analyze")

    assert run(folder).stdout == run(DEMO).stdout
    assert found(folder, "--client", "192.0.2.150") == found(
        DEMO, "--client", "192.0.2.150"
    )
    (folder / "exchanges.parquet").write_bytes(b"no table")
    damaged = run(folder)
    assert (damaged.exit_code, damaged.stdout) == (1, "")
    assert "not mailtap's table 'exchanges', or it is damaged" in damaged.stderr


def test_findings_are_filtered() -> None:
    everything = found(DEMO)

    severe = found(DEMO, "--severity", "medium")
    assert severe == [e for e in everything if e["severity"] in ("medium", "high")]
    of_rule = found(DEMO, "--rule", "plaintext-access", "--rule", "plaintext-relay")
    assert {row["rule"] for row in of_rule} == {"plaintext-access", "plaintext-relay"}
    of_client = found(DEMO, "--client", "192.0.2.150")
    assert {row["client_ip"] for row in of_client} == {"192.0.2.150", None}
    of_server = found(DEMO, "--server", "2001:DB8:2::10")
    assert {row["server_ip"] for row in of_server} <= {"2001:db8:2::10", None}
    assert of_server


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "Missing argument 'CAPTURE...'"),
        ([APOP, "--client", "mail"], "'mail' is no network"),
        ([APOP, "--severity", "bad"], "'bad' is not one of"),
        (
            [APOP, "--rule", "plaintext-pasword"],
            "there is no rule 'plaintext-pasword': did you mean plaintext-password",
        ),
        ([APOP, "--rule", "\x1b[2J"], "there is no rule '\\x1b[2J'"),
    ],
)
def test_wrong_use_is_explained(arguments: list[str | Path], reason: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert reason in result.stderr.replace("\n", " ")


@pytest.mark.parametrize("command", ["findings", "analyze"])
@pytest.mark.parametrize(
    ("severity", "status"), [("critical", 0), ("high", 0), ("medium", 3), ("info", 3)]
)
def test_status_tells_of_findings_that_are_so_severe(
    command: str, severity: str, status: int
) -> None:
    result = run(APOP, "--fail-on", severity, command=command)

    assert result.exit_code == status


def test_findings_that_are_not_listed_do_not_fail() -> None:
    assert run(DEMO, "--fail-on", "medium", "--rule", "plaintext-relay").exit_code == 0


def test_capture_that_can_not_be_read_is_worse_than_a_finding() -> None:
    result = run(DEMO, "/nowhere.pcap", "--fail-on", "info")

    assert result.exit_code == 1
    assert "/nowhere.pcap: there is no such file" in result.stderr

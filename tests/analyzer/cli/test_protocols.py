from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.support import commands
from tests.support.analyses import CAPTURES, DATA, DEMO

if TYPE_CHECKING:
    from pathlib import Path


SECRETS = (DATA / "secrets.txt").read_text(encoding="utf-8").splitlines()


run = partial(commands.run, "protocols")


def test_protocols_are_compared_without_a_capture() -> None:
    result = run()

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.split()[:3] == ["SMTP", "IMAP", "POP3"]
    assert "seen" not in result.stdout.split()
    assert list(json.loads(run("--json").stdout)) == ["profiles"]


def test_captures_are_held_beside_the_claims() -> None:
    result = run(DEMO)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("29 mail sessions")
    assert result.stdout.split().count("seen") == 9
    document = json.loads(run("--json", DEMO, CAPTURES["pop3-apop"]).stdout)
    assert sum(row["sessions"] for row in document["use"]) == 30


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_folder_of_tables_gives_what_the_capture_gives(
    kind: str, tmp_path: Path
) -> None:
    output = ["-o", f"{tmp_path}/tables/", "--format", kind]
    commands.run("analyze", "-q", str(DEMO), *output)

    assert run(tmp_path / "tables").stdout == run(DEMO).stdout
    assert run(tmp_path / "tables", "--json").stdout == run(DEMO, "--json").stdout


def test_port_of_ones_own_is_counted_for_its_protocol() -> None:
    def sessions(*options: str) -> int:
        document = json.loads(run(CAPTURES["smtp-implicit-tls"], *options).stdout)
        return int(document["use"][1]["sessions"])

    assert sessions("--json") == 0
    assert sessions("--json", "--port", "465=imap") == 1


def test_capture_that_can_not_be_read_is_a_failure_and_the_others_are_shown(
    tmp_path: Path,
) -> None:
    result = run(DEMO, tmp_path / "nowhere.pcap")

    assert result.exit_code == 1
    assert "nowhere.pcap" in result.stderr
    assert "2 submitted" in result.stdout


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_no_secret_is_printed(options: list[str]) -> None:
    printed = run(*options, *CAPTURES.values()).stdout

    assert "POP3" in printed or "pop3" in printed
    assert [each for each in SECRETS if each in printed] == []

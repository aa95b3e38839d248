from __future__ import annotations

import json
from functools import partial

from tests.support import commands
from tests.support.analyses import CAPTURES, DATA, DEMO

run = partial(commands.run, "attachments")


def test_files_are_those_that_the_client_sent() -> None:
    facts = json.loads((DATA / "smtp-attachments.json").read_text())
    (sent,) = facts["sessions"][0]["messages"]

    result = run(CAPTURES["smtp-attachments"], "--json")

    assert (result.exit_code, result.stderr) == (0, "")
    files = json.loads(result.stdout)["attachments"]
    assert {(row["name"], row["sha256"]) for row in files} == {
        (each["name"], each["sha256"]) for each in sent["attachments"]
    }


def test_files_are_listed_for_people_each_once() -> None:
    text = run(DEMO, CAPTURES["smtp-attachments"]).stdout

    assert text.startswith("Attachments")
    assert text.count("scan0002.pdf") == 1


def test_column_that_there_is_not_is_told() -> None:
    result = run("no-such.pcap", "--sort", "sha")

    assert result.exit_code == 2
    assert "no column 'sha': did you mean" in result.stderr

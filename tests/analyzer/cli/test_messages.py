from __future__ import annotations

import csv
import io
import json
from functools import partial
from typing import TYPE_CHECKING

import pytest
from pyarrow import parquet

from tests.support import commands
from tests.support.analyses import CAPTURES, DATA, DEMO, rows_of
from tests.support.deliveries import Delivery
from tests.support.traffic import write_pcap

if TYPE_CHECKING:
    from pathlib import Path


run = partial(commands.run, "messages")


def test_messages_are_listed_for_people() -> None:
    result = run(DEMO)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Messages")
    assert result.stdout.count("Scan 0002") == 2


def test_lists_are_printed_as_json_csv_and_json_lines() -> None:
    document = json.loads(run(DEMO, "--json").stdout)
    lines = [json.loads(line) for line in run(DEMO, "-o", "-").stdout.splitlines()]
    cells = list(csv.DictReader(io.StringIO(run(DEMO, "--csv").stdout)))

    assert document["captures"] == [str(DEMO)]
    assert document["messages"] == lines
    assert len(lines) == len(cells) == len(rows_of("office", "messages"))
    assert [row["message_id"] for row in cells] == [row["message_id"] for row in lines]
    files = [line["attachments"] for line in lines]
    assert ["scan0001.pdf"] in files
    assert [json.loads(row["attachments"]) for row in cells] == files
    assert lines[0]["time"].endswith("Z")


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_list_is_written_to_a_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"messages.{suffix}"

    result = run(DEMO, "-o", path)

    assert (result.exit_code, result.output) == (0, "")
    if suffix == "parquet":
        columns = parquet.read_table(path).column_names
        assert columns[:2] == ["time", "direction"]
    else:
        assert path.read_text(encoding="utf-8").count("<scan0001.c0ffee@") == 2


def test_list_is_sorted_and_cut() -> None:
    lines = run(DEMO, "-o", "-", "--sort", "-size_bytes", "--limit", 3)

    sizes = [json.loads(line)["size_bytes"] for line in lines.stdout.splitlines()]
    every = [row["size_bytes"] for row in rows_of("office", "messages")]
    assert sizes == sorted(every, reverse=True)[:3]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sort", "sise_bytes"], "no column 'sise_bytes': did you mean size_bytes?"),
        (["--sort", "zzz"], "there are time, direction, "),
        (["-o", "list.txt"], "must end in .jsonl, .csv, .parquet"),
        (["-o", "list.csv", "--json"], "--json and --csv are for standard output"),
        (["--limit", "0"], "0 is not in the range"),
    ],
)
def test_wrong_use_is_told_before_anything_is_read(
    arguments: list[str], said: str
) -> None:
    result = run("no-such.pcap", *arguments)

    assert result.exit_code == 2
    assert said in result.stderr
    assert "no-such.pcap" not in result.stderr


def test_file_that_is_read_is_not_written_over(tmp_path: Path) -> None:
    capture = tmp_path / "a.csv"
    capture.write_bytes(DEMO.read_bytes())

    result = run(capture, "-o", capture)

    assert result.exit_code == 1
    assert "this is what is to be read" in result.stderr
    assert capture.read_bytes() == DEMO.read_bytes()


def test_file_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    result = run(DEMO, "-o", tmp_path / "none" / "list.csv")

    assert result.exit_code == 1
    assert "can't be written" in result.stderr


def test_cells_of_a_spreadsheet_are_no_formulas(tmp_path: Path) -> None:
    script = Delivery().sender().recipient("250 ok")
    script.client(b"DATA\r\n").server(b"354 go on\r\n")
    script.client(b"Subject: =1+1\r\nFrom: \x1b[2J\r\n\r\n.\r\n").server(b"250 ok\r\n")
    capture = write_pcap(tmp_path / "a.pcap", script)

    for option in ("--csv", "--json", None):
        text = run(capture, *filter(None, [option])).stdout
        assert "\x1b" not in text
    (row,) = csv.DictReader(io.StringIO(run(capture, "--csv").stdout))
    assert row["subject"] == "'=1+1"


def test_journeys_are_listed() -> None:
    keys = ("--keylog", DATA / "office.keys")
    document = json.loads(run(DEMO, *keys, "--journey", "--json").stdout)
    people = run(DEMO, *keys, "--journey").stdout

    photo = [
        (row["hop"], row["direction"])
        for row in document["transfers"]
        if row["message_id"] == "<a81f22d0-phone@example.com>"
    ]
    assert photo == [(1, "submitted"), (2, "relayed")]
    assert people.count("<a81f22d0-phone@example.com>") == 1


def test_folder_of_tables_gives_what_the_capture_gives(tmp_path: Path) -> None:
    folder = f"{tmp_path}/tables/"
    commands.run("analyze", "-q", str(DEMO), "-o", folder)

    for arguments in ([], ["--journey"], ["--csv"]):
        assert run(folder, *arguments).stdout == run(DEMO, *arguments).stdout


def test_capture_that_can_not_be_read_is_told() -> None:
    result = run(CAPTURES["smtp-attachments"], "no-such.pcap")

    assert result.exit_code == 1
    assert "no-such.pcap" in result.stderr
    assert "contract.pdf" in result.stdout

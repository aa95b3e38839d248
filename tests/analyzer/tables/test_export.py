from __future__ import annotations

import csv
import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import parquet

import analyzer
from analyzer.errors import ExportError
from analyzer.tables import export, schema
from analyzer.text import UNSAFE
from tests.support.analyses import analysis_of, rows, rows_of
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer import Analysis

# what a sender may put into any word: a terminal's title, colours, text that runs
# backwards, formulas, a NUL, bytes that are no UTF-8
HOSTILE = (
    b"\x1b]0;owned\x07",
    b"\x1b[31mred",
    b"=cmd|' /C calc'!A0",
    b"+1+1",
    b"-1-1",
    b"@SUM(A1)",
    b"\t=1+1",
    b" =1+1",
    b"\xc2\xa0=1+1",
    b"a\x00b",
    b"\xff\xfe\x80",
    "\u202egnp.exe".encode(),
    "\u2066x\u2069".encode(),
    b"\xc2\x9b31m",
    b"\x7f",
    b"a\xe2\x80\xa8b",
    b'"quoted", and; more',
    "\U0001f4e7 \u00fc".encode(),
)


def dialogue(number: int, word: bytes) -> PacketScript:
    """Mail with a word in every place where the peers choose words."""
    # a file name in quotes can't hold one
    name = word.replace(b'"', b"")
    return (
        PacketScript(25, client_port=40_000 + number, start_ms=100 * number)
        .server(b"220 " + word + b"\r\n")
        .client(b"EHLO " + word + b"\r\n")
        .server(b"250-" + word + b"\r\n250 " + word + b"\r\n")
        .client(b"MAIL FROM:<" + word + b">\r\n")
        .server(b"250 " + word + b"\r\n")
        .client(b"RCPT TO:<" + word + b">\r\n")
        .server(b"250 ok\r\n")
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(
            b"From: " + word + b"\r\nTo: " + word + b"\r\nSubject: " + word + b"\r\n"
            b"Message-ID: "
            + word
            + b"\r\nDate: "
            + word
            + b"\r\nX-Mailer: "
            + word
            + b'\r\nContent-Disposition: attachment; filename="'
            + name
            + b'"\r\n'
            b"\r\nx\r\n.\r\n"
        )
        .server(b"554 " + word + b"\r\n")
        .client(word + b"\r\n")
        .server(b"500 " + word + b"\r\n")
        .close()
    )


def pop3_login(number: int, word: bytes) -> PacketScript:
    return (
        PacketScript(110, client_port=41_000 + number, start_ms=100 * number)
        .server(b"+OK " + word + b"\r\n")
        # what holds any name
        .client(b"AUTH PLAIN " + b64encode(b"\0" + word + b"\0hush") + b"\r\n")
        .server(b"-ERR " + word + b"\r\n")
        .close()
    )


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    dialogues = [dialogue(i, word) for i, word in enumerate(HOSTILE)]
    dialogues += [pop3_login(i, word) for i, word in enumerate(HOSTILE)]
    path = write_pcap(tmp_path_factory.mktemp("hostile") / "a.pcap", *dialogues)
    return analyzer.analyze(path)


def test_hostile_words_reach_the_tables(hostile: Analysis) -> None:
    sessions, messages = rows(hostile), rows(hostile, "messages")

    assert len(sessions) == 2 * len(HOSTILE)
    assert len(messages) == len(HOSTILE)
    for words in (
        {each["banner"] for each in sessions},
        {each["auth_user"] for each in sessions},
        {each["subject"] for each in messages},
        {each["attachments"][0]["name"] for each in messages},
    ):
        assert "=cmd|' /C calc'!A0" in words
    # of formulas, only this may be a domain
    assert "-1-1" in {each["helo"] for each in sessions}


@pytest.mark.parametrize("name", ["sessions", "messages", "exchanges", "anomalies"])
def test_csv_is_safe_to_open(hostile: Analysis, name: str, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"

    export.write_table(hostile.tables[name], path)

    with path.open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert len(written) == len(hostile.tables[name])
    for row in written:
        for cell in row.values():
            assert not UNSAFE.search(cell)
            assert not cell.lstrip("\xa0 ").startswith(("=", "+", "-", "@")) or (
                is_number(cell)
            )


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", ["sessions", "messages", "exchanges", "anomalies"])
def test_json_lines_are_ascii_and_hold_the_same(
    hostile: Analysis, name: str, tmp_path: Path
) -> None:
    path = tmp_path / "out.jsonl"

    export.write_table(hostile.tables[name], path)

    text = path.read_bytes()
    assert text.isascii()
    assert not set(text) & set(range(32)) - {10}
    written = [json.loads(line) for line in text.splitlines()]
    assert [without_times(each) for each in written] == [
        without_times(each) for each in rows(hostile, name)
    ]


def without_times(row: dict[str, Any]) -> dict[str, Any]:
    times = {"start", "end", "time", "cert_not_before", "cert_not_after"}
    return {name: value for name, value in row.items() if name not in times}


@pytest.mark.parametrize("name", ["sessions", "messages", "exchanges", "anomalies"])
def test_parquet_is_the_table(hostile: Analysis, name: str, tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"

    export.write_table(hostile.tables[name], path)

    table = parquet.read_table(path)
    assert table.equals(hostile.tables[name])
    assert table.schema.metadata == {
        b"mailtap_schema": getattr(schema, name.upper()).version.encode()
    }


def test_times_are_written_with_all_nanoseconds(tmp_path: Path) -> None:
    table = analysis_of("smtp-ipv6").tables["sessions"]
    start_ns = table["start"].cast(pa.int64())[0].as_py()

    export.write_table(table, tmp_path / "a.jsonl")
    export.write_table(table, tmp_path / "a.csv")

    row = json.loads((tmp_path / "a.jsonl").read_text(encoding="utf-8"))
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        (cells,) = csv.DictReader(file)
    assert row["start"] == cells["start"]
    assert row["start"].endswith(f".{start_ns % 10**9:09}Z")


def test_missing_values_are_empty_in_csv_and_null_in_json(tmp_path: Path) -> None:
    table = analysis_of("pop3-apop").tables["sessions"]

    export.write_table(table, tmp_path / "a.jsonl")
    export.write_table(table, tmp_path / "a.csv")

    row = json.loads((tmp_path / "a.jsonl").read_text(encoding="utf-8"))
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        (cells,) = csv.DictReader(file)
    assert row["tls_version"] is None
    assert cells["tls_version"] == ""
    assert (row["mail_from"], cells["mail_from"]) == ([], "[]")


def test_lists_and_attachments_are_json_in_csv(tmp_path: Path) -> None:
    table = analysis_of("smtp-attachments").tables["messages"]

    export.write_table(table, tmp_path / "a.csv")

    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        (cells,) = csv.DictReader(file)
    (row,) = rows_of("smtp-attachments", "messages")
    assert json.loads(cells["attachments"]) == row["attachments"]
    assert json.loads(cells["rcpt_to"]) == row["rcpt_to"]


def test_tables_of_several_blocks_are_written_in_full(tmp_path: Path) -> None:
    table = analysis_of("office").tables["exchanges"]
    many = pa.concat_tables([table] * 40)

    export.write_table(many, tmp_path / "a.jsonl")
    export.write_table(many, tmp_path / "a.csv")

    assert len(many) > 4096
    lines = (tmp_path / "a.jsonl").read_bytes().splitlines()
    assert lines == lines[: len(table)] * 40
    assert (tmp_path / "a.csv").read_bytes().count(b"\n") == len(many) + 1


def test_empty_tables_have_a_heading_in_csv(tmp_path: Path) -> None:
    table = analysis_of("negative-ftp").tables["anomalies"]

    export.write_table(table, tmp_path / "a.csv")

    heading = (tmp_path / "a.csv").read_text(encoding="utf-8")
    assert heading.replace('"', "").strip().split(",") == table.column_names


def test_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="unknown kind of table"):
        export.write_table(analysis_of("pop3-apop").tables["sessions"], tmp_path / "a")


def test_file_that_was_there_stays_until_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sessions.csv"
    path.write_text("old", encoding="utf-8")

    def fail(*_: object) -> None:
        assert len(list(tmp_path.iterdir())) == 2
        raise KeyboardInterrupt

    monkeypatch.setitem(export.WRITERS, "csv", fail)
    with pytest.raises(KeyboardInterrupt):
        export.write_table(analysis_of("pop3-apop").tables["sessions"], path)

    assert [each.name for each in tmp_path.iterdir()] == ["sessions.csv"]
    assert path.read_text(encoding="utf-8") == "old"

"""Names, times and tables as nobody should make them, through every command."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from analyzer.cli import main
from analyzer.tables import schema
from analyzer.tables.folder import write_folder
from captures.files.timestamps import MAX_TIME_NS, MIN_TIME_NS, NS_PER_SECOND
from tests.support import captures as files
from tests.support.analyses import CAPTURES, analysis_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.captures import Packet

SESSION = files.read(CAPTURES["pop3-user-pass"])
READING = ("plaintext", "protocols", "report --output page.html")
# which print, too
WRITING = (
    "analyze --output csv/ --format csv",
    "analyze --json --output jsonl/ --format jsonl",
    "analyze -q --output parquet/ --format parquet",
)
ESC = "\x1b[31mred\x9b"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(command: str, *arguments: str) -> str:
    result = CliRunner().invoke(main, [*command.split(), *arguments])
    assert result.exit_code == 0, result.output
    assert not set("\x1b\x9b\u202e") & set(result.output)
    return result.output


def run_all(*captures: str) -> None:
    """Run all commands with captures, and read again what they write."""
    for command in (*READING, *WRITING):
        run(command, *captures)
    for folder in ("csv", "jsonl", "parquet"):
        run("analyze", folder)


def test_odd_names_of_captures_are_shown_as_text(tmp_path: Path) -> None:
    names = (b"caf\xe9.pcap", "\x1b]0;x\x07\n\u202e.pcap".encode(), b'-\xff=1+1,".pcap')
    for name in names:
        shutil.copy(CAPTURES["pop3-user-pass"], tmp_path / os.fsdecode(name))
    run_all(*("./" + os.fsdecode(name) for name in names))
    (tmp_path / "page.html").read_text("utf-8")


def moved(time_ns: int) -> list[Packet]:
    """The session, begun or ended at an extreme time."""
    first = SESSION[0].time_ns
    by_ns = min(time_ns - first, MAX_TIME_NS - SESSION[-1].time_ns)
    return [each._replace(time_ns=each.time_ns + by_ns) for each in SESSION]


@pytest.mark.parametrize(
    "packets",
    [
        moved(0),
        moved(MAX_TIME_NS),
        # the whole range of 64 bits, as microseconds of a pcapng: beyond what there is
        [*SESSION, *moved(MAX_TIME_NS)],
        [*moved(0), *SESSION],
    ],
)
def test_extreme_times_are_only_odd(tmp_path: Path, packets: list[Packet]) -> None:
    (tmp_path / "a.pcapng").write_bytes(files.pcapng(packets))
    run_all("a.pcapng")


def with_times(start_ns: int, end_ns: int) -> None:
    """Write tables whose sessions begin and end at extreme times."""
    analysis = analysis_of("office")
    write_folder(analysis, Path(), "parquet")
    sessions = analysis.tables["sessions"]
    for name, time_ns in (("start", start_ns), ("end", end_ns)):
        at = sessions.schema.get_field_index(name)
        field = sessions.schema.field(at)
        times = pa.array([time_ns, *[NS_PER_SECOND] * (len(sessions) - 1)], pa.int64())
        sessions = sessions.set_column(at, field, times.cast(field.type))
    parquet.write_table(sessions, "sessions.parquet")


@pytest.mark.parametrize(
    ("start_ns", "end_ns"), [(MIN_TIME_NS, MAX_TIME_NS), (MAX_TIME_NS, MAX_TIME_NS)]
)
def test_extreme_times_in_tables_are_only_odd(start_ns: int, end_ns: int) -> None:
    with_times(start_ns, end_ns)
    for command in ("analyze", "plaintext", "report -o page.html"):
        run(command, ".")


# -- tables that others made --


def change_about(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        about = json.loads((folder / "analysis.json").read_bytes())
        (folder / "analysis.json").write_text(json.dumps(about | changes))

    return change


def change_file(name: str, content: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return change


def put_in_place(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return change


def change_column(name: str, values: pa.Array) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        table = parquet.read_table(folder / "sessions.parquet")
        at = table.schema.get_field_index(name)
        column = pa.chunked_array([values.take(pa.array([0] * len(table)))])
        table = table.set_column(at, name, column)
        parquet.write_table(table, folder / "sessions.parquet")

    return change


NO_TEXT = pa.Array.from_buffers(
    pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")]
)
DAMAGES = {
    "deep": change_file("analysis.json", b"[" * 200_000),
    "no object": change_file("analysis.json", b"null"),
    "no text": change_file("analysis.json", b"\xff\xfe"),
    "long number": change_file("analysis.json", b'{"packets": ' + b"9" * 9999 + b"}"),
    "infinite": change_about(packets=float("inf")),
    "huge": change_about(capture_bytes=10**30),
    "negative": change_about(dropped=-1),
    "wrong types": change_about(problems=[{"capture": None}], captures=7),
    "offset": change_about(
        problems=[{"capture": "a", "reason": "b", "offset": ESC, "usable": 1}]
    ),
    "undecoded": change_about(undecoded={ESC: None}),
    "attempts": change_about(attempts=[{"client_ip": [], "attempts": ESC}]),
    "version": change_about(schema_version=0, mailtap=ESC),
    "pipe": put_in_place("analysis.json", os.mkfifo),
    "folder": put_in_place("sessions.parquet", lambda path: path.mkdir()),
    "pipe as table": put_in_place("sessions.parquet", os.mkfifo),
    "link to itself": put_in_place(
        "sessions.parquet", lambda path: path.symlink_to(path)
    ),
    "cut": change_file("sessions.parquet", b"PAR1\0\0\0\0PAR1"),
    "no table": change_file("sessions.parquet", ESC.encode()),
    "other type": change_column("start", pa.array(["soon"])),
    "not UTF-8": change_column("client_ip", NO_TEXT),
    "nulls": change_column(
        "start", pa.nulls(1, schema.SESSIONS.arrow.field("start").type)
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_tables_that_mailtap_did_not_write_are_refused_in_a_line(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAILTAP_TRACEBACK")
    folder = tmp_path / "tables"
    write_folder(analysis_of("office"), folder, "parquet")
    DAMAGES[damage](folder)

    result = CliRunner().invoke(main, ["analyze", str(folder)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"mailtap: {folder}")
    assert result.stderr.count("\n") == 1
    assert not {"\x1b", "\x9b"} & set(result.output)


def test_tables_that_no_report_can_make_sense_of_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAILTAP_TRACEBACK")
    write_folder(analysis_of("office"), tmp_path, "parquet")
    monkeypatch.setattr(pd.Series, "max", None)

    result = CliRunner().invoke(main, ["analyze", str(tmp_path)])

    assert result.exit_code == 1
    assert f"mailtap: {tmp_path}: these tables are not what mailtap" in result.stderr
    assert "(TypeError, " in result.stderr


def test_texts_of_tables_can_not_control_the_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    write_folder(analysis_of("office"), folder, "parquet")
    for column in schema.SESSIONS.columns:
        if column.type == pa.string() and column.name != "session_id":
            change_column(column.name, pa.array([ESC]))(folder)
    change_about(captures=[ESC], undecoded={f"link type {ESC}": 3}, mailtap=ESC)(folder)

    for command in ("analyze", "plaintext", "plaintext --csv", "plaintext --json"):
        result = CliRunner().invoke(main, [*command.split(), str(folder)])
        assert not {"\x1b", "\x9b"} & set(result.output)
        assert "\\x1b" in result.output or "\\u001b" in result.output

"""What mailtap wrote is replaced, and what it did not write stays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from analyzer.cli.inputs import Inputs
from tests.support import commands
from tests.support.analyses import CAPTURES

POP3 = str(CAPTURES["pop3-apop"])
COMMANDS = {
    "sessions.csv": ("analyze", "-q", "-o"),
    "sessions.jsonl": ("analyze", "-q", "-o"),
    "sessions.parquet": ("analyze", "-q", "-o"),
    "some.csv": ("sessions", "--columns", "client_ip,protocol", "-o"),
    "messages.jsonl": ("messages", "-o"),
    "files.parquet": ("attachments", "-o"),
    "page.html": ("report", "-q", "-o"),
    "page": ("analyze", "-q", "--html"),
    "book.xlsx": ("report", "-q", "-o"),
    "cut.pcapng": ("cut", "-w"),
    "cut.pcap": ("cut", "-w"),
}


def run(*arguments: str | Path) -> tuple[int, str]:
    result = commands.run(*arguments)
    return result.exit_code, result.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one file of each kind that commands write."""
    folder = tmp_path_factory.mktemp("made")
    for name, command in COMMANDS.items():
        status, stderr = run(*command, folder / name, CAPTURES["smtp-attachments"])
        assert status == 0, stderr
    return folder


@pytest.mark.parametrize("name", COMMANDS)
def test_output_of_mailtap_is_replaced(name: str, made: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(made / name, tmp_path))
    before = path.read_bytes()

    status, stderr = run(*COMMANDS[name], path, POP3)

    assert (status, "stays" in stderr) == (0, False)
    assert path.read_bytes() != before


FOREIGN = {
    "notes.csv": b"date,amount\n2026-11-23,5\n",
    "no-text.csv": b"\xff\xfe\x00",
    "rows.jsonl": b'{"name": "tom", "age": 5}\n',
    "list.jsonl": b"[1, 2]\n",
    "letter.jsonl": b"Dear Sir or Madam\n",
    "letter.parquet": b"PAR1 no more than that",
    "page.html": b"<!doctype html><title>My holidays</title>",
    "letter.xlsx": b"PK\x03\x04 no archive",
    "cut.pcapng": CAPTURES["pop3-apop"].read_bytes(),
    "cut.pcap": CAPTURES["pop3-apop"].read_bytes(),
}
WRITERS = {
    ".html": ("report", "-o"),
    ".xlsx": ("report", "-o"),
    ".pcap": ("cut", "-w"),
    ".pcapng": ("cut", "-w"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_file_of_others_stays_and_no_capture_is_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FOREIGN[name])

    command = WRITERS.get(path.suffix, ("analyze", "-o"))
    # that of cut must be there
    capture = POP3 if "cut" in command else tmp_path / "is-not-looked-for.pcap"
    status, stderr = run(*command, path, capture)

    assert status == 1
    assert stderr == (
        f"mailtap: {path}: there is a file that mailtap did not write, and it stays: "
        "name another one, or remove it\n"
    )
    assert path.read_bytes() == FOREIGN[name]


def test_table_with_other_columns_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"protocol": ["x"], "a": [1], "b": [2]}), path)

    assert run("analyze", "-o", path, POP3)[0] == 1
    assert parquet.read_schema(path).names == ["protocol", "a", "b"]


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.html"])
def test_empty_file_is_written_to(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.touch()
    command = ("report", "-o") if name == "a.html" else ("analyze", "-q", "-o")

    assert run(*command, path, POP3)[0] == 0
    assert path.stat().st_size


def test_folder_may_hold_files_of_others(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "sessions.csv").write_text("mine, and in another format")

    assert run("analyze", "-q", "-o", tmp_path, POP3)[0] == 0
    assert run("analyze", "-q", "-o", tmp_path, POP3)[0] == 0

    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "sessions.csv").read_text() == "mine, and in another format"


@pytest.mark.parametrize("command", [("analyze",), ("monitor", "-i", "lo")])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("messages.jsonl", '{"id": 1, "text": "hello"}'),
        ("analysis.json", json.dumps({"title": "my thesis"})),
        ("analysis.json", "[" * 10),
    ],
)
def test_no_file_of_others_in_a_folder_is_overwritten(
    command: tuple[str, ...],
    name: str,
    content: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(Inputs, "read")
    (tmp_path / name).write_text(content)
    captures = [] if "-i" in command else [POP3]

    status, stderr = run(*command, "-o", f"{tmp_path}/", *captures)

    assert status == 1
    assert stderr.startswith(f"mailtap: {tmp_path / name}: there is a file that ")
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == content


def test_tables_that_were_left_in_part_are_replaced(tmp_path: Path) -> None:
    assert run("analyze", "-q", "-o", tmp_path, POP3)[0] == 0
    (tmp_path / "analysis.json").unlink()

    assert run("analyze", "-q", "-o", tmp_path, POP3)[0] == 0

from __future__ import annotations

import gzip
import json
import os
import signal
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

import analyzer
from analyzer.cli import main
from analyzer.cli.options import TableOutput
from analyzer.cli.outputs import print_analysis, write_output
from analyzer.findings.review import review
from analyzer.tables import schema
from analyzer.terminal import summary
from tests.support.analyses import (
    CAPTURES,
    DATA,
    DEMO,
    rows_of,
)
from tests.support.commands import run

if TYPE_CHECKING:
    from collections.abc import Iterator


POP3 = CAPTURES["pop3-apop"]
WHOLE = POP3.read_bytes()
COMMAND = (sys.executable, "-m", "analyzer")


def start(
    *arguments: str | Path,
    command: tuple[str, ...] = COMMAND,
    stdin: int | None = None,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def record(captured: int, data: bytes) -> bytes:
    """A packet of a pcap file that claims to have some length."""
    return WHOLE[24:32] + struct.pack("<II", captured, captured) + data


def corrupt(data: bytes) -> bytes:
    half = len(data) // 2
    return (
        data[:half]
        + bytes(each ^ 0xFF for each in data[half : half + 9])
        + data[half + 9 :]
    )


# a damaged file; whether a place is named, and whether the session is found
DAMAGED = {
    "empty": (b"", False, False),
    "text": (b"Dear Sir or Madam\n" * 50, False, False),
    "binary": (bytes(range(256)), False, False),
    "cut in the file header": (WHOLE[:20], False, False),
    "cut in a record header": (WHOLE + record(60, b"")[:7], True, True),
    "cut in a record": (WHOLE[:-5], True, True),
    "record longer than the file": (WHOLE + record(5000, b"x" * 10), True, True),
    "record of 4 GB": (WHOLE + record(0xFFFF_FFFF, b"x" * 100), True, True),
    "unknown link type": (
        WHOLE[:20] + struct.pack("<I", 9999) + WHOLE[24:],
        False,
        False,
    ),
    "corrupt gzip": (corrupt(gzip.compress(WHOLE)), True, None),
    "cut gzip": (gzip.compress(WHOLE)[:-9], True, True),
    "gzip of nothing": (gzip.compress(b""), False, False),
}


def one_line(text: str) -> str:
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_capture_is_named_in_one_line(name: str, tmp_path: Path) -> None:
    content, has_place, is_found = DAMAGED[name]
    path = tmp_path / "damaged.pcap"
    path.write_bytes(content)

    result = run("analyze", path, "-o", tmp_path / "out.jsonl")

    line = one_line(result.stderr)
    assert result.exit_code == 1
    assert line.startswith(f"mailtap: {path}")
    assert (" at byte " in line) == has_place
    sessions = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert is_found is None or len(sessions) == int(is_found)


def test_missing_capture(tmp_path: Path) -> None:
    result = run("analyze", "-q", tmp_path / "nowhere.pcap")

    assert result.exit_code == 1
    assert one_line(result.stderr).startswith(f"mailtap: {tmp_path}/nowhere.pcap: ")


def test_folder_without_tables_is_no_capture(tmp_path: Path) -> None:
    result = run("analyze", "-q", tmp_path)

    assert result.exit_code == 1
    assert one_line(result.stderr).startswith(f"mailtap: {tmp_path}: ")


def test_name_of_a_capture_can_not_control_the_terminal(tmp_path: Path) -> None:
    result = run("analyze", tmp_path / "\x1b]0;title\x07\n.pcap")

    assert result.exit_code == 1
    assert "\\x1b]0;title\\x07\\x0a.pcap" in one_line(result.stderr)


def test_bad_capture_leaves_the_others_alone(tmp_path: Path) -> None:
    result = run("analyze", "--json", POP3, tmp_path / "nowhere.pcap")

    summary = json.loads(result.stdout)
    assert result.exit_code == 1
    assert summary["sessions"] == 1
    assert [each["capture"] for each in summary["problems"]] == [
        f"{tmp_path}/nowhere.pcap"
    ]


def test_good_capture_ends_with_status_0() -> None:
    result = run("analyze", POP3)

    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout.startswith("1 mail session in ")


def test_quiet_prints_nothing() -> None:
    result = run("analyze", "-q", POP3)

    assert (result.exit_code, result.output) == (0, "")


def test_capture_comes_from_standard_input() -> None:
    process = start("analyze", "--json", "-", stdin=subprocess.PIPE)

    stdout, stderr = process.communicate(gzip.compress(WHOLE))

    assert (process.returncode, stderr) == (0, b"")
    assert json.loads(stdout)["sessions"] == 1
    assert json.loads(stdout)["captures"] == ["-"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "25"],
        ["--port", "0=smtp"],
        ["--port", "65536=smtp"],
        ["--port", "smtp=25"],
        ["--port", "25=ftp"],
        ["--port", "="],
        ["--port", "²=smtp"],
        ["--port", "9" * 5000 + "=smtp"],
        ["--port", "2525=smtp", "--port", "2525=imap"],
        ["-o", "sessions.txt"],
        ["-o", "sessions"],
        ["--format", "xml"],
        ["--nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_use_ends_with_status_2(arguments: list[str]) -> None:
    result = run("analyze", POP3, *arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert arguments[-1] in result.stderr


def test_capture_is_required() -> None:
    assert run("analyze").exit_code == 2


@pytest.mark.parametrize("name", ["pop3", "POP3"])
def test_port_is_taken_for_a_protocol(name: str, tmp_path: Path) -> None:
    path = tmp_path / "other-port.pcap"
    path.write_bytes(WHOLE.replace(struct.pack(">H", 110), struct.pack(">H", 8110)))

    result = run(
        "analyze", "-q", path, "--port", f"8110={name}", "-o", tmp_path / "a.jsonl"
    )

    (line,) = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert result.exit_code == 0
    assert json.loads(line)["server_port"] == 8110


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_all_tables_go_to_a_folder(kind: str, tmp_path: Path) -> None:
    result = run("analyze", POP3, "-o", f"{tmp_path}/new/tables/", "--format", kind)

    assert result.exit_code == 0
    assert {path.name for path in (tmp_path / "new" / "tables").iterdir()} == {
        "analysis.json",
        *(f"{table.name}.{kind}" for table in schema.WRITTEN),
    }


def test_folder_that_exists_needs_no_slash(tmp_path: Path) -> None:
    assert run("analyze", POP3, "-o", tmp_path).exit_code == 0
    assert (tmp_path / "sessions.jsonl").exists()


def test_sessions_go_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "sessions.jsonl"

    run("analyze", POP3, "-o", path)

    (row,) = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert row["session_id"] == rows_of("pop3-apop")[0]["session_id"]


@pytest.mark.parametrize("output", ["no/folder/out.csv", "file/out/", "file/out.csv"])
def test_output_that_can_not_be_written(output: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    result = run("analyze", POP3, "-o", f"{tmp_path}/{output}")

    assert result.exit_code == 1
    assert one_line(result.stderr).startswith(
        f"mailtap: {tmp_path}/{output}".rstrip("/")
    )
    assert result.stdout == ""


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_disk_is_full(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"out.{kind}"
    limited = ("sh", "-c", 'ulimit -f 2; exec "$@"', "sh", *COMMAND)

    process = start("analyze", "-q", DEMO, "-o", path, command=limited)
    stdout, stderr = process.communicate()

    assert process.returncode == 1
    assert stdout == b""
    assert (
        one_line(stderr.decode())
        == f"mailtap: {path}: can't be written (File too large)\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_standard_output_is_full(options: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        process = subprocess.run(
            [*COMMAND, "analyze", POP3, *options],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )

    assert process.returncode == 1
    assert "standard output: can't be written" in one_line(process.stderr.decode())


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_reader_of_the_output_has_had_enough(options: list[str]) -> None:
    process = start("analyze", *options, DEMO)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()

    assert process.stderr.read() == b""
    assert process.wait() == 1
    process.stderr.close()


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[int]:
    """Standard input that begins like a capture and then waits."""
    read_end, write_end = os.pipe()
    os.write(write_end, WHOLE)
    yield read_end
    os.close(read_end)
    os.close(write_end)


def test_control_c_ends_the_command(endless: int) -> None:
    process = start("analyze", "-", stdin=endless)
    # as soon as all that there is was taken, the command waits for more
    while _waiting(endless) and process.poll() is None:
        time.sleep(0.01)

    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)

    assert (process.returncode, stdout, stderr) == (130, b"", b"")


def _waiting(descriptor: int) -> int:
    import array
    import fcntl
    import termios

    count = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, count)
    return count[0]


SECRETS = (DATA / "secrets.txt").read_text(encoding="utf-8").splitlines()


# some at a time, as each report takes longer than what is in a capture
@pytest.mark.parametrize("first", range(0, len(CAPTURES), 9))
def test_no_secret_is_printed_or_written(
    first: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    analysis = analyzer.analyze([*CAPTURES.values()][first : first + 9])
    findings = analysis._judgement.findings
    folder = TableOutput(tmp_path, is_folder=True)
    # all that there is
    every = [replace(each, limit=each.limit * 1000) for each in summary.SECTIONS]
    monkeypatch.setattr(summary, "SECTIONS", every)

    for as_json in (False, True):
        print_analysis(analysis, findings=review(findings), as_json=as_json)
    for kind in ("csv", "jsonl", "parquet"):
        write_output(analysis, folder, kind, findings)

    printed = capsys.readouterr().out
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert [
        each for each in SECRETS if each in printed or each.encode() in written
    ] == []
    # so that silence proves nothing
    assert '"sessions": ' in printed
    assert b"session_id" in written


def test_json_counts_what_the_tables_hold() -> None:
    summary = json.loads(run("analyze", "--json", DEMO).stdout)

    sessions = rows_of("office")
    assert summary["sessions"] == len(sessions)
    assert summary["messages"] == len(rows_of("office", "messages"))
    assert sum(each["sessions"] for each in summary["services"]) == len(sessions)
    assert sum(each["sessions"] for each in summary["plaintext_logins"]) == sum(
        each["credentials_exposed"] for each in sessions
    )


@pytest.mark.parametrize("arguments", [[], ["analyze"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys, atexit, analyzer.cli\n"
        "heavy = {'numpy', 'pandas', 'plotly', 'pyarrow', 'pyshark', 'rich', 'scapy'}\n"
        "atexit.register(lambda: print('heavy:', sorted(heavy & sys.modules.keys())))\n"
        "analyzer.cli.main()\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", program, *arguments, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert process.stdout.startswith("Usage:")
    assert process.stdout.endswith("heavy: []\n")


def test_module_is_the_command() -> None:
    stdout, _ = start("--version").communicate()

    assert stdout.decode() == f"mailtap, version {analyzer.__version__}\n"


def test_every_option_and_command_has_help() -> None:
    context = click.Context(main)
    names = main.list_commands(context)
    assert names

    for name in names:
        command = main.get_command(context, name)
        assert command is not None
        assert command.help
        assert "Exit status: " in command.help
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{command.name} {parameter.name}"


@pytest.mark.parametrize("option", ["--keylog", "--ca"])
def test_tables_can_not_be_decrypted(tmp_path: Path, option: str) -> None:
    folder = f"{tmp_path}/tables/"
    name = CAPTURES["tls10"]
    assert run("analyze", "-q", "-o", folder, name).exit_code == 0
    result = run("analyze", option, DATA / "tls10.keys", folder)
    assert result.exit_code == 1
    assert "give the captures for --keylog and --ca" in result.stderr


def test_unusable_key_log_is_said() -> None:
    name = CAPTURES["tls10"]
    result = run("analyze", "--keylog", DATA / "nowhere.keys", name)
    assert result.exit_code == 1
    assert "nowhere.keys: can't be read" in result.stderr


def test_decrypted_session_is_summarised() -> None:
    log = DATA / "tls10.keys"
    result = run("analyze", "--keylog", log, CAPTURES["tls10"])
    assert result.exit_code == 0
    assert "scanner@example.com" in result.stdout
    assert "no plaintext login" in result.stdout


def test_page_is_written_where_a_column_is_empty(tmp_path: Path) -> None:
    # in a process of its own, in which pyarrow meets pandas late
    process = start("report", "-q", POP3, "-o", tmp_path / "a.html")

    assert process.communicate() == (b"", b"")
    assert process.returncode == 0

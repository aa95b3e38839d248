"""Commands whose streams are closed or full, and locales without most characters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.analyses import DEMO
from tests.support.traffic import PacketScript, write_pcap

COMMAND = [sys.executable, "-m", "analyzer"]
LOCALES = (
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "ascii:strict", "TERM": "dumb", "COLUMNS": "1"},
)


def shell(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command with the redirections of a shell."""
    return subprocess.run(
        ["sh", "-c", f'"$@" {script}', "sh", *COMMAND, *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("locale", LOCALES)
def test_text_that_the_locale_has_not_is_escaped(
    tmp_path: Path, locale: dict[str, str]
) -> None:
    name = os.fsdecode(b"caf\xe9-\xe2\x82\xac\x1b.pcap")
    login = (
        PacketScript(110).server(b"+OK hi\r\n").client("USER zoë€@例え\r\n".encode())
    )
    write_pcap(tmp_path / name, login.server(b"+OK\r\n").client(b"PASS x\r\n"))

    done = subprocess.run(
        [*COMMAND, "analyze", name, "missing" + name],
        capture_output=True, cwd=tmp_path, env=os.environ | locale, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr.startswith(b"mailtap: missingcaf\\xe9-")
    assert done.stderr.count(b"\n") == 1
    assert done.stdout.startswith(b"1 mail session in ")
    assert b"\\u20ac" in done.stdout
    assert b"\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("number", [0, 2])
def test_closed_stream_that_is_not_needed_does_no_harm(
    tmp_path: Path, number: int
) -> None:
    done = shell(f"{number}>&-", "analyze", DEMO, "-o", tmp_path / "a.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("29 mail sessions")
    assert (tmp_path / "a.csv").read_text().count("\n") == 30


def test_closed_output_is_said_and_nothing_else_gets_it(tmp_path: Path) -> None:
    done = shell(">&-", "analyze", DEMO, "-o", tmp_path / "a.csv")
    assert done.returncode == 1
    assert done.stderr == (
        "mailtap: standard output: can't be written (Bad file descriptor)\n"
    )
    assert (tmp_path / "a.csv").read_text().count("\n") == 30


def test_closed_input_is_no_capture() -> None:
    done = shell("<&-", "analyze", "-")
    assert done.returncode == 1
    assert done.stderr == (
        "mailtap: -: it can't be read any further (Bad file descriptor)\n"
    )


def test_nobody_can_be_told(tmp_path: Path) -> None:
    assert shell(">&- 2>&- <&-", "analyze", tmp_path / "missing").returncode == 1
    assert shell("2>/dev/full", "analyze", tmp_path / "missing").returncode == 1
    assert shell("2>/dev/full", "--nonsense").returncode == 2


def test_folder_that_was_deleted_is_no_place_to_be(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'cd "$1"; rmdir "$1"; shift; "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", gone, sys.executable, "-P", "-m", "analyzer",
         "analyze", "-o", "a.csv", DEMO],
        capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("mailtap: a.csv: can't be written (No such file")
    assert done.stderr.count("\n") == 1

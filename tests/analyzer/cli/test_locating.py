from __future__ import annotations

import errno
import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.analyses import CAPTURES, rows_of
from tests.support.commands import run

if TYPE_CHECKING:
    from pathlib import Path


NAMES = ("smtp-relay-plain", "pop3-apop", "imap-login-plain")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Captures at several depths, and a file that is none."""
    folder = tmp_path / "captures"
    for place, name in zip((".", "sub", "sub/more"), NAMES, strict=True):
        (folder / place).mkdir(parents=True, exist_ok=True)
        shutil.copy(CAPTURES[name], folder / place / f"{name}.pcap")
    (folder / "README").touch()
    return folder


def sessions(*arguments: str | Path, output: Path) -> list[dict[str, Any]]:
    result = run("analyze", "-q", "-o", output, *arguments)
    assert (result.exit_code, result.output) == (0, "")
    return [*map(json.loads, output.read_text().splitlines())]


def test_folder_stands_for_the_captures_in_it_in_time_order(
    folder: Path, tmp_path: Path
) -> None:
    found = sessions(folder, output=tmp_path / "out.jsonl")

    expected = [row for name in NAMES for row in rows_of(name)]
    expected.sort(key=lambda row: row["start"])
    assert [each["session_id"] for each in found] == [
        row["session_id"] for row in expected
    ]
    assert {each["capture"] for each in found} == {
        str(path) for path in folder.rglob("*.pcap")
    }


def test_pattern_stands_for_the_files_that_match(folder: Path, tmp_path: Path) -> None:
    one = sessions(folder / "*.pcap", output=tmp_path / "one.jsonl")
    two = sessions(folder / "**" / "[ip]*.pcap", output=tmp_path / "two.jsonl")

    assert {each["protocol"] for each in one} == {"smtp"}
    assert {each["protocol"] for each in two} == {"imap", "pop3"}


def test_capture_that_is_named_twice_is_read_once(folder: Path, tmp_path: Path) -> None:
    capture = folder / f"{NAMES[0]}.pcap"

    found = sessions(capture, folder, capture, output=tmp_path / "out.jsonl")

    assert len(found) == sum(len(rows_of(name)) for name in NAMES)


def test_what_is_no_capture_is_said_once_unless_only_problems_are(
    folder: Path,
) -> None:
    note = f"mailtap: {folder}: passed over 1 file that is no capture\n"

    assert run("analyze", folder).stderr == note
    assert run("sessions", folder).stderr == note
    assert run("analyze", "-q", folder).stderr == ""


def test_folder_of_tables_stays_what_it_is(folder: Path, tmp_path: Path) -> None:
    tables = folder / "tables"
    assert run("analyze", "-q", "-o", f"{tables}/", folder).exit_code == 0

    assert len(json.loads(run("analyze", "--json", tables).stdout)["captures"]) == 3
    # those of the folder around it are its captures alone
    again = run("analyze", folder)
    assert again.stderr.endswith("passed over 1 file that is no capture\n")


@pytest.mark.parametrize("name", ["nothing*.pcap", "nowhere.pcap"])
def test_name_that_fits_nothing_is_named_as_it_was_given(
    name: str, folder: Path
) -> None:
    result = run("analyze", "-q", folder, folder / name)

    assert result.exit_code == 1
    assert result.stderr == f"mailtap: {folder / name}: there is no such file\n"


def test_file_with_a_wildcard_in_its_name_is_itself(tmp_path: Path) -> None:
    odd = tmp_path / "[a].pcap"
    shutil.copy(CAPTURES[NAMES[1]], odd)

    assert len(sessions(odd, output=tmp_path / "out.jsonl")) == 1


def test_empty_folder_is_said(tmp_path: Path) -> None:
    result = run("analyze", tmp_path)

    assert result.exit_code == 1
    assert result.stderr == (
        f"mailtap: {tmp_path}: there are neither captures nor tables in this folder\n"
    )


def test_capture_that_may_not_be_read_keeps_no_other_from_being_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)

    def refuse(name: str, *_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)

    monkeypatch.setattr("captures.files.opening.os.open", refuse)
    result = run("analyze", folder / "smtp-relay-plain.pcap", "--json")

    assert result.exit_code == 1
    assert result.stderr.endswith(
        "smtp-relay-plain.pcap: you may not read this file: ask for permission, or "
        "read it as root\n"
    )

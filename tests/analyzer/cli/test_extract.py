from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import pytest

from analyzer.cli import extract as command
from analyzer.extraction.store import Store
from tests.support import commands
from tests.support.analyses import CAPTURES, DATA, DEMO

if TYPE_CHECKING:
    from pathlib import Path


CAPTURE = CAPTURES["smtp-attachments"]


run = partial(commands.run, "extract")


def files(folder: Path) -> int:
    return sum(path.is_file() for path in folder.glob("*/*"))


def test_messages_are_written_and_what_they_are_is_told(tmp_path: Path) -> None:
    target = tmp_path / "out"

    result = run(CAPTURE, "-o", target, "--yes")

    assert result.exit_code == 0
    assert result.stderr == (
        f"1 message (14,696 bytes) of 1 session, and 4 attachments in them will be "
        f"written into {target}.\n"
    )
    assert result.stdout == (
        f"1 message and 4 attachments, in 5 files: {target}/index.csv says what they "
        "are\n"
    )
    assert files(target) == 5


def test_messages_that_were_not_fetched_whole_are_accounted_for(
    tmp_path: Path,
) -> None:
    result = run(CAPTURES["imap-extensions"], "-o", tmp_path / "out", "--yes")

    assert result.stderr.startswith("4 messages (")
    assert result.stdout.startswith("1 message and 1 attachment, in 2 files: ")
    assert result.stdout.endswith(
        "; of 3 more messages, only header fields or parts were fetched\n"
    )


@pytest.mark.parametrize(("said", "count"), [("y\n", 5), ("n\n", 0), ("", 0)])
def test_nothing_is_written_unless_somebody_agrees(
    said: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_is_asked_on_a_terminal", lambda: True)
    target = tmp_path / "out"

    result = run(CAPTURE, "-o", target, stdin=said)

    assert files(target) == count
    assert target.exists() == bool(count)
    assert (result.exit_code == 0) == bool(count)
    assert "This is what people wrote. Go on? [y/N]" in result.stderr


def test_scripts_must_agree_beforehand(tmp_path: Path) -> None:
    result = run(CAPTURE, "-o", tmp_path / "out")

    assert result.exit_code == 2
    assert "4 attachments in them will be written into" in result.stderr
    assert "Say --yes to write without being asked." in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_sessions_are_chosen(tmp_path: Path) -> None:
    keys = ("--keylog", DATA / "office.keys")
    chosen = ("--where", "service = 'submissions'")

    result = run(DEMO, *keys, *chosen, "-o", tmp_path / "out", "-y")

    assert result.exit_code == 0
    assert result.stdout.startswith("1 message and 1 attachment, in 2 files")


def test_nothing_is_found(tmp_path: Path) -> None:
    result = run(CAPTURES["negative-http"], "-o", tmp_path / "out", "-y")

    assert result.exit_code == 0
    assert result.stdout.startswith("0 messages and 0 attachments, in 0 files")


def test_folder_that_is_not_empty_is_told_before_anything_is_read(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine").write_text("x")

    result = run("no-such.pcap", "-o", tmp_path, "-y")

    assert result.exit_code == 1
    assert result.stderr.endswith("not empty: name a folder that is, or a new one\n")


@pytest.mark.parametrize("name", ["-", "/dev/null", "pipe"])
def test_pipe_is_refused_before_it_is_read(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    # joined, an absolute path stays what it is
    capture = name if name == "-" else tmp_path / name

    result = run(CAPTURE, capture, "-o", tmp_path / "out", "-y")

    assert result.exit_code == 1
    assert f"{capture}: this is no file that can be read again" in result.stderr
    assert not (tmp_path / "out").exists()


def test_what_is_missing_or_empty_is_told_and_the_rest_extracted(
    tmp_path: Path,
) -> None:
    empty = tmp_path / "empty.pcap"
    empty.touch()

    result = run(CAPTURE, empty, tmp_path / "gone", "-o", tmp_path / "out", "-y")

    assert result.exit_code == 1
    assert result.stdout.startswith("1 message and 4 attachments, in 5 files")
    assert f"{empty}: it is empty" in result.stderr
    assert f"{tmp_path / 'gone'}: there is no such file" in result.stderr


def test_captures_must_be_named(tmp_path: Path) -> None:
    result = run("-o", tmp_path / "out", "-y")

    assert result.exit_code == 2
    assert "Missing argument 'CAPTURE...'" in result.stderr


def test_tables_hold_no_messages(tmp_path: Path) -> None:
    tables = f"{tmp_path}/tables/"
    commands.run("analyze", "-q", str(CAPTURE), "-o", tables)

    result = run(tables, "-o", tmp_path / "out", "-y")

    assert result.exit_code == 1
    assert "tables hold no messages: give the captures" in result.stderr


def test_capture_that_is_damaged_gives_what_can_be_read(tmp_path: Path) -> None:
    damaged = tmp_path / "a.pcap"
    damaged.write_bytes(CAPTURE.read_bytes()[:-7])

    result = run(damaged, "-o", tmp_path / "out", "-y")

    assert result.exit_code == 1
    assert result.stdout.startswith("1 message and 4 attachments")


def test_who_ends_it_is_told_where_all_that_was_written_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(store: Store) -> None:
        if store.names:
            raise KeyboardInterrupt

    monkeypatch.setattr(Store, "check", interrupt)

    result = run("--yes", DEMO, "-o", tmp_path / "out")

    assert result.exit_code == 130
    assert "index.csv says what was written until now" in result.stderr
    listed = (tmp_path / "out" / "index.csv").read_text()
    written = [path.name for path in (tmp_path / "out").glob("*/*")]
    assert written
    assert all(name in listed for name in written)

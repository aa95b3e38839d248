from __future__ import annotations

import errno
import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest

import analyzer
from captures.files.pcapng_writer import SECTION, PcapngWriter
from tests.support import commands
from tests.support.analyses import CAPTURES, DEMO, rows_of

if TYPE_CHECKING:
    from click.testing import Result

SESSIONS = [row["session_id"] for row in rows_of("office")]


def run(*arguments: str | Path, command: str = "cut") -> Result:
    return commands.run(command, *arguments)


def sessions_in(path: Path) -> list[str]:
    found: list[str] = (
        analyzer.analyze(path).tables["sessions"]["session_id"].to_pylist()
    )
    return found


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cut.pcapng"


def test_sessions_are_named_by_the_beginnings_of_their_ids(target: Path) -> None:
    result = run(SESSIONS[6][:5], SESSIONS[3], DEMO, "-w", target)

    assert result.exit_code == 0
    assert result.stderr == "mailtap: 91 packets of 2 sessions were written\n"
    assert set(sessions_in(target)) == {SESSIONS[6], SESSIONS[3]}


def test_sessions_are_chosen_by_what_they_are(target: Path) -> None:
    result = run(DEMO, "-w", target, "--service", "pop3", "-q")

    assert (result.exit_code, result.stderr) == (0, "")
    expected = [
        row["session_id"] for row in rows_of("office") if row["service"] == "pop3"
    ]
    assert sorted(sessions_in(target)) == sorted(expected)


def test_without_a_choice_all_mail_is_written(target: Path) -> None:
    assert run(DEMO, "-w", target).exit_code == 0
    assert sessions_in(target) == SESSIONS


def test_compressed_captures_and_folders_of_tables_are_read(
    target: Path, tmp_path: Path
) -> None:
    capture = tmp_path / "office.pcap.gz"
    capture.write_bytes(gzip.compress(DEMO.read_bytes()))
    run(capture, "-q", "-o", f"{tmp_path}/tables/", command="analyze")

    assert run(SESSIONS[6], tmp_path / "tables", "-w", target).exit_code == 0
    assert sessions_in(target) == [SESSIONS[6]]
    capture.unlink()
    result = run(SESSIONS[6], tmp_path / "tables", "-w", target)
    assert result.exit_code == 1
    assert f"{capture}: there is no such file" in result.stderr


def test_standard_output_takes_the_packets(target: Path) -> None:
    command = [sys.executable, "-m", "analyzer", "cut", SESSIONS[6], str(DEMO)]
    done = subprocess.run([*command, "-w", "-"], capture_output=True, check=True)
    target.write_bytes(done.stdout)

    assert sessions_in(target) == [SESSIONS[6]]


def test_capture_is_not_overwritten_by_its_packets(tmp_path: Path) -> None:
    capture = Path(shutil.copy(DEMO, tmp_path))
    run(capture, "-q", "-o", f"{tmp_path}/tables/", command="analyze")

    for source in (capture, tmp_path / "tables"):
        result = run(source, "-w", capture)
        assert result.exit_code == 1
        assert str(capture) in result.stderr
    assert capture.read_bytes() == DEMO.read_bytes()


def test_what_is_not_there_is_refused_and_nothing_is_written(target: Path) -> None:
    for arguments in (["ffffffff"], ["--service", "imaps", "--user", "x"]):
        result = run(*arguments, DEMO, "-w", target)
        assert result.exit_code == 1
        assert "there is no" in result.stderr
    assert run(DEMO, "-w", target.parent / "no" / "x.pcapng").exit_code == 1
    assert list(target.parent.iterdir()) == []


def test_old_file_stays_if_a_capture_changes_meanwhile(
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = Path(shutil.copy(CAPTURES["smtp-relay-plain"], tmp_path / "a.pcap"))
    target.write_bytes(SECTION)

    class Shortening(PcapngWriter):
        def __init__(self, file: BinaryIO) -> None:
            super().__init__(file)
            capture.write_bytes(capture.read_bytes()[:400])

    monkeypatch.setattr("analyzer.runs.cutting.PcapngWriter", Shortening)
    result = run(capture, "-w", target)

    assert result.exit_code == 1
    assert "a.pcap" in result.stderr
    assert target.read_bytes() == SECTION
    assert {path.name for path in tmp_path.iterdir()} == {"a.pcap", "cut.pcapng"}


def test_folders_and_patterns_of_captures_are_read(
    target: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("port-reuse", "pop3-apop"):
        shutil.copy(CAPTURES[name], folder)

    for named in (folder, folder / "*.pcap"):
        assert run(named, "-w", target).exit_code == 0
        assert len(sessions_in(target)) == 3


def test_files_of_a_folder_that_are_no_captures_are_told(
    target: Path, tmp_path: Path
) -> None:
    shutil.copy(CAPTURES["pop3-apop"], tmp_path)
    (tmp_path / "notes.txt").write_text("none")

    result = run(tmp_path, "-w", target)

    assert "passed over 1 file that is no capture" in result.stderr


def test_pipe_is_refused_before_it_is_read(target: Path) -> None:
    result = run("-", "-w", target)

    assert result.exit_code == 1
    assert "-: this is no file that can be read again" in result.stderr


def test_capture_that_is_not_there_is_named(target: Path) -> None:
    result = run("9677", target.parent / "none.pcap", "-w", target)

    assert result.exit_code == 1
    assert result.stderr.endswith("none.pcap: there is no such file\n")


def test_standard_output_that_takes_no_packets_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("analyzer.cli.outputs.discard_output", lambda: None)

    def fill(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("analyzer.runs.cutting.cut_sessions", fill)
    result = run(DEMO, "-w", "-")

    assert result.exit_code == 1
    assert result.stderr == (
        "mailtap: standard output: can't be written (No space left on device)\n"
    )


def test_other_capture_in_the_place_of_one_is_noticed(
    target: Path, tmp_path: Path
) -> None:
    capture = Path(shutil.copy(CAPTURES["smtp-relay-plain"], tmp_path / "a.pcap"))
    run(capture, "-q", "-o", f"{tmp_path}/tables/", command="analyze")
    shutil.copy(CAPTURES["pop3-apop"], capture)

    result = run(tmp_path / "tables", "-w", target)

    assert result.exit_code == 1
    assert f"{capture}: it is not what it was" in result.stderr
    assert not target.exists()


def test_wrong_use_is_told(target: Path) -> None:
    assert run(DEMO).exit_code == 2
    assert run("e681", "-w", target).exit_code == 2

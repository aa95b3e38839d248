from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from analyzer.cli.inputs import Inputs
from analyzer.tables.store import Store
from tests.support import commands
from tests.support.analyses import CAPTURES
from tests.support.namespaces import as_real_root, become_nobody

if TYPE_CHECKING:
    from pathlib import Path

POP3 = CAPTURES["pop3-apop"]


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """No capture may be read."""
    monkeypatch.delattr(Inputs, "read")


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = commands.run(*arguments)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("command", ["analyze -o", "analyze --html", "report -o"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no/folder/a.csv", "No such file or directory"),
        ("file/a.csv", "Not a directory"),
        ("x" * 300 + ".csv", "File name too long"),
    ],
)
def test_file_that_can_not_be_written_is_said_before_captures_are_read(
    command: str, name: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / name

    status, stdout, stderr = run(*command.split(), path, POP3)

    assert (status, stdout) == (1, "")
    assert stderr == f"mailtap: {path}: can't be written ({reason})\n"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("name", ["file/", "file/below/"])
def test_file_in_the_way_of_a_folder_is_said_before_captures_are_read(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    status, _, stderr = run("analyze", "-o", f"{tmp_path}/{name}", POP3)

    assert status == 1
    assert stderr.endswith(": can't be written (Not a directory)\n")


@pytest.mark.usefixtures("unread")
def test_folder_of_a_monitor_is_said_before_captures_are_read(tmp_path: Path) -> None:
    Store(tmp_path)
    status, _, stderr = run("analyze", "-o", f"{tmp_path}/", POP3)
    assert status == 1
    assert "a monitor writes into this folder" in stderr


@as_real_root
def test_who_may_not_write_is_told_before_captures_are_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    child = os.fork()
    if not child:
        become_nobody()
        status, _, stderr = run("analyze", "-o", tmp_path / "a.csv", "/nowhere")
        deep = run("analyze", "-o", f"{tmp_path}/a/b/", "/nowhere")
        is_right = "Permission denied" in stderr and "Permission denied" in deep[2]
        os._exit(0 if is_right and status == deep[0] == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("command", ["analyze --html", "report -o"])
def test_capture_is_no_place_for_a_page(command: str, tmp_path: Path) -> None:
    capture, link = tmp_path / "a.pcap", tmp_path / "link"
    capture.write_bytes(POP3.read_bytes())
    link.symlink_to(capture)
    for path in (capture, link):
        status, _, stderr = run(*command.split(), path, capture)
        assert status == 1
        assert stderr.endswith(": this is what is to be read: name another file\n")
    assert capture.read_bytes() == POP3.read_bytes()


@pytest.mark.parametrize("command", ["analyze --html", "report -o"])
def test_table_that_is_read_is_no_place_for_a_page(
    command: str, tmp_path: Path
) -> None:
    run("analyze", "-q", "-o", f"{tmp_path}/", POP3)
    for name in ("sessions.jsonl", "analysis.json"):
        before = (tmp_path / name).read_bytes()
        status, _, stderr = run(*command.split(), tmp_path / name, tmp_path)
        assert status == 1
        assert stderr.endswith(": this is what is to be read: name another file\n")
        assert (tmp_path / name).read_bytes() == before
    page = tmp_path / "report.html"
    assert [run(*command.split(), page, tmp_path)[0] for _ in range(2)] == [0, 0]


@pytest.mark.parametrize("option", ["--keylog", "--ca"])
@pytest.mark.parametrize("command", ["analyze --html", "report -o"])
def test_key_log_is_no_place_for_a_page(
    command: str, option: str, tmp_path: Path
) -> None:
    path = tmp_path / "keys.txt"
    path.write_text("# mine\n")

    status, _, stderr = run(*command.split(), path, option, path, POP3)

    assert (status, path.read_text()) == (1, "# mine\n")
    assert stderr.endswith(": this is what is to be read: name another file\n")


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize(
    ("tables", "page"),
    [("a.csv", "a.csv"), ("./", "sessions.jsonl"), ("./", "analysis.json")],
)
def test_page_is_not_written_over_tables(
    tables: str, page: str, tmp_path: Path
) -> None:
    status, _, stderr = run(
        "analyze", "-o", f"{tmp_path}/{tables}", "--html", tmp_path / page, POP3
    )

    assert status == 1
    assert stderr.endswith(": the tables go there: name another file\n")


def test_existing_file_is_replaced_when_the_new_one_is_whole(tmp_path: Path) -> None:
    path, link = tmp_path / "a.csv", tmp_path / "link.csv"
    path.write_text('"session_id","of_an_older_version","protocol"\n"old",1,"x"\n')
    link.symlink_to(path)

    status, _, _ = run("analyze", "-q", "-o", link, POP3)

    assert status == 0
    assert link.is_symlink()
    assert path.read_text().startswith('"session_id","community_id"')
    assert len([*tmp_path.iterdir()]) == 2


def test_device_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    with subprocess.Popen(
        [sys.executable, "-m", "analyzer", "analyze", "-q", "-o", pipe, POP3]
    ) as process:
        assert pipe.read_text().startswith('"session_id"')
    assert process.returncode == 0
    assert pipe.is_fifo()

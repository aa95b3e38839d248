"""The command, watching an interface on which real sessions are played back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from analyzer.errors import LoadError
from analyzer.findings.engine import find
from analyzer.findings.judgement import judge
from analyzer.findings.registry import rules
from analyzer.findings.settings import Settings
from analyzer.tables import schema
from analyzer.tables.folder import read_folder
from analyzer.tables.load import read_table
from analyzer.tables.parts import has_parts, read_parts
from captures import open_capture
from tests.support import commands
from tests.support.analyses import CAPTURES, analysis_of, rows_of
from tests.support.captures import unpack
from tests.support.endings import kill_monitor
from tests.support.namespaces import (
    NOBODY,
    ROOT,
    as_real_root,
    ip,
    open_folder,
    promiscuity,
    send,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# the monitor becomes another user
pytestmark = [pytest.mark.usefixtures("network"), as_real_root]

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder in which nobody gets to where the tables go."""
    with open_folder() as folder:
        yield folder


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a monitor of `vb`; it is ready when this returns."""
    started: list[subprocess.Popen[str]] = []

    def start(
        *arguments: str | Path,
        folder: Path | None = None,
        stdout: int | IO[bytes] = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        folder = folder or tmp_path / "tables"
        process = commands.start(
            "monitor", "-i", "vb", "-o", folder, *arguments, stdout=stdout
        )
        started.append(process)
        while not has_parts(folder) and process.poll() is None:
            time.sleep(0.02)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def play(*names: str) -> None:
    """Send the packets of captures."""
    for name in names:
        with open_capture(CAPTURES[name]) as capture:
            send("va", [each.data for batch in capture for each in unpack(batch)])


def end(process: subprocess.Popen[str], number: int = signal.SIGINT) -> tuple[str, str]:
    """End a monitor in order; return what it printed."""
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 0, stderr
    return stdout, stderr


def first_line(process: subprocess.Popen[str]) -> str:
    """Wait for the next line that a monitor prints."""
    assert process.stdout is not None
    return process.stdout.readline()


def split_output(stdout: str) -> tuple[list[str], str]:
    """The lines of findings, and the summary behind them."""
    lines = stdout.splitlines(keepends=True)
    told = list(takewhile(lambda line: line.endswith("]\n"), lines))
    return told, "".join(lines[len(told) :])


def facts(rows: Sequence[dict[str, object]]) -> list[tuple[object, ...]]:
    """What does not depend on when packets were captured."""
    names = ("client_port", "service", "auth_user", "auth_result", "tls_version",
             "messages_sent", "client_packets", "server_bytes", "ended")  # fmt: skip
    return sorted(tuple(str(row[name]) for name in names) for row in rows)


# both engines, and all signals, of which any engine knows nothing
@pytest.mark.parametrize(
    ("engine", "number"),
    [
        ("socket", signal.SIGINT),
        ("socket", signal.SIGTERM),
        ("dumpcap", signal.SIGINT),
        ("dumpcap", signal.SIGHUP),
    ],
)
def test_monitor_that_is_ended_has_written_and_summarised_all(
    start: Start, engine: str, number: int, tmp_path: Path
) -> None:
    names = ("pop3-user-pass", "smtp-implicit-tls", "imap-starttls", "vlan-tagged")
    process = start("--engine", engine)
    play(*names)
    expected = [row for name in names for row in rows_of(name)]

    lines = [first_line(process) for _ in expected]
    stdout, stderr = end(process, number)

    assert stderr == ""
    assert sum("! password in plaintext" in line for line in lines) == sum(
        bool(row["credentials_exposed"]) for row in expected
    )
    told, summary = split_output(stdout)
    assert any(" HIGH " in line for line in told)
    assert summary.startswith(f"{len(expected)} mail sessions in ")
    assert "Plaintext logins" in stdout
    tables = read_folder(tmp_path / "tables").tables
    assert facts(tables["sessions"].to_pylist()) == facts(expected)
    assert not has_parts(tmp_path / "tables")
    assert summary.index("Findings") < summary.index("Plaintext logins")


def test_sessions_are_json_lines(start: Start) -> None:
    process = start("--json")
    play("pop3-user-pass")

    row = json.loads(first_line(process))
    stdout, _ = end(process)

    assert facts([row]) == facts(rows_of("pop3-user-pass"))
    told = [json.loads(line)["rule"] for line in stdout.splitlines()]
    assert told.count("plaintext-password") == 1


def test_folder_has_the_findings_of_an_analysis(start: Start, tmp_path: Path) -> None:
    process = start("--format", "parquet")
    play("pop3-user-pass", "smtp-relay-plain", "imap-starttls")

    end(process)

    folder = tmp_path / "tables"
    written = read_table(folder / "findings.parquet", schema.FINDINGS)
    assert written == judge(read_folder(folder).tables).findings
    assert "plaintext-password" in written["rule"].to_pylist()


def test_findings_are_judged_by_files_of_the_user(start: Start, tmp_path: Path) -> None:
    config, accept = tmp_path / "config.toml", tmp_path / "accept.toml"
    config.write_text('[rules.plaintext-login-offered]\nseverity = "critical"\n')
    (known,) = find(
        analysis_of("pop3-user-pass").tables,
        [rules()["plaintext-password"]],
        Settings(),
    )["finding_id"].to_pylist()
    accept.write_text(f'[[accept]]\nid = "{known}"\nreason = "a printer"\n')
    process = start("--config", config, "--accept", accept)
    play("pop3-user-pass")
    first_line(process)

    stdout, stderr = end(process)

    assert stderr == ""
    told, summary = split_output(stdout)
    assert any("CRITICAL" in line for line in told)
    assert not any("Password in plaintext" in line for line in told)
    assert "1 accepted finding" in summary


@pytest.mark.parametrize("option", ["--config", "--accept"])
def test_mistake_in_a_file_of_the_user_is_said_before_anything_is_watched(
    option: str, start: Start, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("\nnothing = 1\n")

    process = start(option, wrong)

    assert process.wait(timeout=30) == 2
    assert process.stderr is not None
    assert f"{wrong}:2: there is no key 'nothing'" in process.stderr.read()
    assert not (tmp_path / "tables").exists()


def test_session_that_is_open_at_the_end_is_written_as_such(
    start: Start, tmp_path: Path
) -> None:
    process = start()
    with open_capture(CAPTURES["pop3-user-pass"]) as capture:
        frames = [each.data for batch in capture for each in unpack(batch)]
    send("va", frames[:8])

    stdout, _ = end(process)

    assert "still open" in stdout.splitlines()[0]
    (row,) = read_folder(tmp_path / "tables").tables["sessions"].to_pylist()
    assert row["ended"] == "open"


def test_monitor_that_is_killed_leaves_what_it_wrote(
    start: Start, tmp_path: Path
) -> None:
    process = start()
    play("pop3-user-pass", "smtp-relay-plain")
    while _stored(tmp_path / "tables") < 2 and process.poll() is None:
        time.sleep(0.1)

    process.kill()

    assert process.wait() == -signal.SIGKILL
    assert not list((tmp_path / "tables").rglob("findings*"))
    found = read_parts(tmp_path / "tables")
    expected = rows_of("pop3-user-pass") + rows_of("smtp-relay-plain")
    assert facts(found.tables["sessions"].to_pylist()) == facts(expected)
    assert len(found.exchanges) == len(rows_of("pop3-user-pass", "exchanges")) + len(
        rows_of("smtp-relay-plain", "exchanges")
    )


@pytest.mark.parametrize("after_s", [-0.5, 0.0, 7.0])
def test_monitor_that_is_killed_at_any_moment_leaves_a_folder_to_read(
    tmp_path: Path, after_s: float
) -> None:
    if after_s < 0:
        assert kill_monitor(tmp_path / "tables", -after_s) == []
    else:
        assert kill_monitor(tmp_path / "tables", after_s, once_there=True) == []


def _stored(folder: Path) -> int:
    try:
        return len(read_parts(folder).tables["sessions"])
    except LoadError:
        return 0


def test_time_and_count_end_the_monitor(start: Start, tmp_path: Path) -> None:
    by_time = start("--duration", "0.3")
    by_count = start("--count", "1", folder=tmp_path / "others")
    _, stderr = by_time.communicate(timeout=30)
    assert (by_time.returncode, stderr) == (0, "")

    play("pop3-user-pass")

    assert by_count.wait(30) == 0
    assert len(read_folder(tmp_path / "others").sessions) == 1


def test_interface_that_goes_down_is_said_after_the_summary(start: Start) -> None:
    process = start()
    play("pop3-user-pass")
    first_line(process)

    ip("link", "set", "vb", "down")
    stdout, stderr = process.communicate(timeout=30)

    assert process.returncode == 1
    assert split_output(stdout)[1].startswith("1 mail session in ")
    assert stderr.startswith("mailtap: vb: the interface went down")
    assert stderr.count("\n") == 1


# each outage with each engine: tests/captures/live/test_capture.py
@pytest.mark.parametrize(
    ("engine", "outage", "reason"),
    [
        ("socket", "link set vb down", "went down"),
        ("dumpcap", "link delete vb", "was removed"),
        ("dumpcap", "link set vb name vx", "is called vx now"),
    ],
)
def test_outage_before_any_mail_came_is_an_error(
    start: Start, tmp_path: Path, engine: str, outage: str, reason: str
) -> None:
    process = start("--engine", engine)
    ip(*outage.split())
    stdout, stderr = process.communicate(timeout=30)

    assert process.returncode == 1
    assert stderr.startswith(f"mailtap: vb: the interface {reason}; what came before")
    assert stderr.count("\n") == 1
    assert stdout.startswith("0 mail sessions")
    assert len(read_folder(tmp_path / "tables").problems) == 1


def test_plaintext_says_why_its_watch_ended_early() -> None:
    process = commands.start("plaintext", "-i", "vb", "--duration", "60")
    while process.poll() is None and promiscuity("vb") == 0:
        time.sleep(0.05)

    ip("link", "delete", "vb")
    _, stderr = process.communicate(timeout=20)

    assert process.returncode == 1
    assert stderr.startswith("mailtap: vb: the interface was removed")


def test_monitor_under_nohup_outlives_its_terminal(start: Start) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = start()
    finally:
        signal.signal(signal.SIGHUP, before)

    process.send_signal(signal.SIGHUP)
    play("pop3-user-pass")

    assert first_line(process)
    end(process, signal.SIGTERM)


def test_monitor_ends_in_order_when_nobody_reads_its_lines(
    start: Start, tmp_path: Path
) -> None:
    process = start()
    assert process.stdout is not None
    process.stdout.close()
    play("pop3-user-pass")
    process.wait(20)

    assert process.stderr is not None
    assert process.returncode == 1
    assert process.stderr.read().startswith("mailtap: standard output: nobody reads ")
    assert len(read_folder(tmp_path / "tables").sessions) == 1


def test_monitor_goes_on_when_its_lines_can_not_be_written(
    tmp_path: Path, start: Start
) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start(stdout=full)
    play("pop3-user-pass")
    while _stored(tmp_path / "tables") < 1 and process.poll() is None:
        time.sleep(0.1)
    play("imap-login-plain")
    while _stored(tmp_path / "tables") < 2 and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=20)

    assert process.returncode == 1
    assert stderr == (
        "mailtap: standard output: can't be written (No space left on device)\n"
    )


def test_monitor_of_root_has_no_rights_left(start: Start) -> None:
    process = start("--engine", "dumpcap")
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines)

    assert status["Uid"].split() == status["Gid"].split() == [str(NOBODY)] * 4
    assert status["Groups"].strip() == ""
    sets = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
    assert {name: int(status[name], 16) for name in sets} == dict.fromkeys(sets, 0)
    assert status["NoNewPrivs"] == "1"


def test_no_such_interface_is_said_at_once() -> None:
    done = run("monitor", "-i", "nosuch0")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("mailtap: nosuch0: there is no such interface; ")
    assert "va" in done.stderr
    assert done.stderr.count("\n") == 1


def test_folder_with_tables_is_not_written_over(start: Start, tmp_path: Path) -> None:
    end(start())
    again = start()

    _, stderr = again.communicate(timeout=30)

    assert again.returncode == 1
    assert stderr.startswith(f"mailtap: {tmp_path}/tables: there are tables in this ")


def test_folder_that_the_user_may_not_write_is_said_with_a_remedy(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "of-root"
    folder.mkdir(mode=0o755)

    done = run("monitor", "-i", "vb", "-o", str(folder))

    assert done.returncode == 1
    assert done.stderr.startswith(f"mailtap: {folder}")
    assert "mailtap became nobody, who may not write there" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--run-as", "nosuchuser"], "there is no user nosuchuser"),
        (["--run-as", "root"], "root has root's rights"),
    ],
)
def test_user_who_can_not_be_taken_is_said(arguments: list[str], words: str) -> None:
    done = run("monitor", "-i", "vb", *arguments)

    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_full_disk_is_said_with_a_remedy() -> None:
    command = [sys.executable, "-m", "analyzer", "monitor", "-i", "vb"]

    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 2; exec "$@"', "sh", *command, "--duration", "1"],
        capture_output=True, text=True, cwd=ROOT, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr.startswith("mailtap: there is no room for temporary files: ")
    assert done.stderr.count("\n") == 1


def test_missing_dumpcap_is_said_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    done = run("monitor", "-i", "vb", "--engine", "dumpcap")

    assert done.returncode == 1
    assert "apt-get install wireshark-common" in done.stderr
    assert done.stderr.count("\n") == 1


def test_who_may_not_watch_is_told_what_to_do() -> None:
    # nobody may be unable to read the library: it is loaded before
    program = (
        "import os, sys\n"
        # what click and Scapy take
        "import difflib, scapy.arch.linux\n"
        "from analyzer.cli.warm_up import preload\n"
        "from analyzer.cli import live, main, monitor\n"
        "from analyzer.terminal.summary import print_summary\n"
        "preload('csv', print_summary)\n"
        "os.setresgid(65534, 65534, 65534)\n"
        "os.setresuid(65534, 65534, 65534)\n"
        "main(['monitor', '-i', 'vb', '--engine', 'socket'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (1, "")
    assert "run mailtap as root (sudo)" in done.stderr
    assert done.stderr.count("\n") == 1


def test_plaintext_watches_an_interface() -> None:
    process = commands.start(
        "plaintext", "-i", "vb", "--duration", "4", "--json", "--fail-on-plaintext"
    )
    # until it watches, packets pass unseen
    while process.poll() is None:
        play("pop3-user-pass")
        signal.sigtimedwait([], 0.2)
    stdout, _ = process.communicate()

    found = json.loads(stdout)
    assert process.returncode == 3
    assert {row["auth_user"] for row in found["users"]} == {
        row["auth_user"] for row in rows_of("pop3-user-pass")
    }


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    process = commands.start(*arguments)
    stdout, stderr = process.communicate(timeout=60)
    return subprocess.CompletedProcess([], process.returncode, stdout, stderr)

"""Decryption of captures, with key logs and with secrets that captures bring."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from analyzer.errors import LoadError
from analyzer.runs import secrets as secrets_module
from analyzer.runs.monitor import Monitor
from analyzer.runs.pipeline import find_sessions
from analyzer.runs.secrets import FollowedKeyLog, Secrets
from analyzer.tables.store import Store
from captures import CaptureError, open_capture
from dissectors.events import Side
from tests.support.analyses import CAPTURES, DATA, rows
from tests.support.commands import run
from tests.support.replay import Replay
from tests.support.tls.openssl import Settings, Stack
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from captures import PacketBatch

INSIDE = [(Side.SERVER, b"* OK ready\r\n"), (Side.CLIENT, b"a LOGOUT\r\n")]
NAMES = sorted(path.stem for path in DATA.glob("*.keys") if path.stem != "office")


def secret_words(path: Path) -> set[str]:
    lines = path.read_text().splitlines()
    return {line.split()[2] for line in lines if not line.startswith("#")}


@pytest.mark.parametrize("name", NAMES)
def test_capture_is_decrypted(name: str, facts: dict[str, Any]) -> None:
    analysis = find_sessions(CAPTURES[name], key_log=DATA / f"{name}.keys")
    assert analysis.notes == []
    (row,), (known,) = rows(analysis), facts["sessions"]
    assert row["tls_decrypted"]
    assert row["auth_user"] == known.get("user")
    assert row["auth_result"] == known.get("auth_result")
    assert not row["credentials_exposed"]
    messages = rows(analysis, "messages")
    assert [each["message_id"] for each in messages] == [
        each["message_id"] for each in known["messages"]
    ]
    assert row["cert_status"] == "untrusted-root"


@pytest.fixture
def facts(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    return found


@pytest.mark.parametrize("name", NAMES[:4])
def test_secrets_of_a_capture_are_used_without_asking(
    name: str, tmp_path: Path
) -> None:
    path, log = tmp_path / "with-secrets.pcapng", DATA / f"{name}.keys"
    command = ["editcap", "--inject-secrets", f"tls,{log}", str(CAPTURES[name])]
    subprocess.run([*command, str(path)], check=True)
    found = find_sessions(path)
    expected = find_sessions(CAPTURES[name], key_log=log)
    (row,), (other,) = rows(found), rows(expected)
    assert row["tls_decrypted"]
    elsewhere = {"capture": None, "tls_capture": None}
    assert {**row, **elsewhere} == {**other, **elsewhere}


def test_no_secret_gets_into_any_table(tmp_path: Path) -> None:
    for name in NAMES:
        log = DATA / f"{name}.keys"
        folder = tmp_path / name
        done = run("analyze", "-q", "--keylog", log, "-o", f"{folder}/", CAPTURES[name])
        assert (done.exit_code, done.output) == (0, "")
        written = "".join(each.read_text() for each in folder.iterdir())
        assert not any(word in written for word in secret_words(log))


def test_key_log_that_matches_nothing_says_so() -> None:
    log = DATA / "tls10.keys"
    analysis = find_sessions(CAPTURES["imap-starttls"], key_log=log)
    (note,) = analysis.notes
    assert note.startswith(f"{log}: none of its secrets, of 1 connections, belongs to ")
    assert not rows(analysis)[0]["tls_decrypted"]


def test_unusable_key_logs_are_said(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    with pytest.raises(LoadError, match="can't be read"):
        Secrets(path)
    path.write_bytes(os.urandom(1000))
    with pytest.raises(LoadError, match="no secret in it"):
        Secrets(path)


def test_lines_that_are_no_secrets_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes((DATA / "tls10.keys").read_bytes() + b"\nnonsense\n")
    secrets = Secrets(path)
    assert secrets.notes(1) == ["1 lines of key logs are no secrets"]


def test_other_secrets_of_captures_are_left_alone() -> None:
    secrets = Secrets()
    log = (DATA / "tls10.keys").read_bytes()
    secrets.take([(0x57474B4C, log)])
    assert len(secrets.key_log) == 0
    secrets.take([(0x57474B4C, log), (0x544C534B, log)])
    assert len(secrets.key_log) == 1


def test_resumed_sessions_need_no_secret_of_their_own(tmp_path: Path) -> None:
    """Whoever reads them, in however many batches."""
    stack = Stack(Settings(ssl.TLSVersion.TLSv1_2))
    wires = [stack.play(INSIDE)]
    for _ in range(8):
        wires.append(stack.play(INSIDE, wires[-1].session))
    log = tmp_path / "keys"
    log.write_bytes(wires[0].key_log)
    dialogues = []
    for number, wire in enumerate(wires):
        dialogue = PacketScript(
            993, client_port=40_000 + number, start_ms=1000 * number
        )
        for side, data in wire.steps:
            dialogue.send(side, data)
        dialogues.append(dialogue.close())
    capture = write_pcap(tmp_path / "a.pcap", *dialogues)

    for processes, max_packets in ((1, 7), (1, 1000), (3, 1000)):
        analysis = find_sessions(
            capture, key_log=log, processes=processes, max_packets=max_packets
        )
        assert [row["tls_decrypted"] for row in rows(analysis)] == [True] * len(wires)
        assert analysis.notes == []


def lines_of(name: str) -> list[bytes]:
    lines = (DATA / f"{name}.keys").read_bytes().splitlines(keepends=True)
    return [line for line in lines if not line.startswith(b"#")]


def test_followed_log_is_read_as_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.touch()
    log = FollowedKeyLog(path)
    first, second = lines_of("imap-starttls")[0], lines_of("pop3-stls")[0]
    with path.open("ab", buffering=0) as file:
        for piece, known in ((first[:50], 0), (first[50:] + second[:9], 1)):
            file.write(piece)
            log.refresh()
            assert len(log.key_log) == known
        file.write(second[9:])
    log.refresh()
    assert (len(log.key_log), log.key_log.ignored) == (2, 0)
    # somebody begins it anew
    path.write_bytes(lines_of("smtp-implicit-tls")[0])
    log.refresh()
    assert (len(log.key_log), log.key_log.ignored) == (3, 0)
    log.close()


def test_followed_log_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="make an empty file"):
        FollowedKeyLog(tmp_path / "nowhere")


@pytest.mark.parametrize("name", NAMES)
def test_monitor_takes_secrets_while_it_watches(name: str, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.touch()
    lines = lines_of(name)
    store = Store(tmp_path / "tables")
    secrets = FollowedKeyLog(path)
    monitor = Monitor(Replay(CAPTURES[name], packets=1), store, secrets=secrets)
    for _ in monitor.run():
        with path.open("ab") as file:
            # not before the ClientHello
            if monitor.started and lines:
                file.write(b"".join(lines))
                lines.clear()
    secrets.close()

    found = monitor.result()

    expected = find_sessions(CAPTURES[name], key_log=DATA / f"{name}.keys")
    assert lines == []
    for table in ("messages", "exchanges", "anomalies"):
        assert rows(found, table) == rows(expected, table)
    assert [row["tls_decrypted"] for row in rows(found)] == [True]


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[FollowedKeyLog]:
    """A key log `keys` that is empty yet."""
    path = tmp_path / "keys"
    path.touch()
    log = FollowedKeyLog(path)
    yield log
    log.close()


class LateClients(Replay):
    """Clients that log their secrets when all of their packets have crossed."""

    def __init__(self, path: Path, key_log: Path, secrets: bytes, **others: Any):
        super().__init__(path, packets=1, **others)
        self._key_log, self._secrets = key_log, secrets

    def __next__(self) -> PacketBatch:
        try:
            return super().__next__()
        except (StopIteration, CaptureError):
            self._key_log.write_bytes(self._secrets)
            raise


@pytest.mark.parametrize(
    ("name", "failure"),
    [*((name, None) for name in NAMES), ("imap-implicit-tls", "went down")],
)
def test_monitor_waits_for_secrets_that_programs_log_late(
    name: str, failure: str | None, followed: FollowedKeyLog, tmp_path: Path
) -> None:
    secrets = b"".join(lines_of(name))
    late = LateClients(CAPTURES[name], tmp_path / "keys", secrets, failure=failure)
    monitor = Monitor(late, Store(tmp_path / "tables"), secrets=followed)

    for _ in monitor.run():
        pass

    found = monitor.result()
    assert [row["tls_decrypted"] for row in rows(found)] == [True]
    assert [problem.reason for problem in found.problems] == [failure] * bool(failure)


def test_no_more_packets_wait_for_secrets_than_memory_is_for(
    followed: FollowedKeyLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets_module, "_MAX_WAITING_BYTES", 1000)
    batches = [*open_capture(CAPTURES["imap-starttls"], max_packets=1)]
    came: list[PacketBatch] = []

    def captured() -> Iterator[PacketBatch]:
        for batch in batches:
            came.append(batch)
            yield batch

    handed_on = followed.follow(captured())

    for number, batch in enumerate(handed_on):
        assert batch is batches[number]
        assert sum(each.buffer.nbytes for each in came[number + 1 : -1]) <= 1000
    assert number == len(batches) - 1


def test_secrets_of_one_capture_are_for_all(tmp_path: Path) -> None:
    name = "imap-implicit-tls"
    secret = tmp_path / "with-secrets.pcapng"
    log = DATA / f"{name}.keys"
    command = ["editcap", "--inject-secrets", f"tls,{log}", str(CAPTURES["gre"])]
    subprocess.run([*command, str(secret)], check=True)
    for processes in (1, 3):
        analysis = find_sessions([secret, CAPTURES[name]], processes=processes)
        opened = {row["service"]: row["tls_decrypted"] for row in rows(analysis)}
        assert opened["imaps"]


def test_only_the_same_hosts_resume_a_session_without_a_secret(tmp_path: Path) -> None:
    """So that it does not matter which process reads which connection."""
    stack = Stack(Settings(ssl.TLSVersion.TLSv1_2))
    first = stack.play(INSIDE)
    second = stack.play(INSIDE, first.session)
    log = tmp_path / "keys"
    log.write_bytes(first.key_log)
    dialogues = []
    for number, wire in enumerate((first, second)):
        dialogue = PacketScript(993, start_ms=1000 * number, handshake=False)
        dialogue.client_ip = f"192.0.2.{number + 1}"
        for side, data in wire.steps:
            dialogue.send(side, data)
        dialogues.append(dialogue.close())
    capture = write_pcap(tmp_path / "a.pcap", *dialogues)

    for processes in (1, 2, 3):
        analysis = find_sessions(capture, key_log=log, processes=processes)
        assert [row["tls_decrypted"] for row in rows(analysis)] == [True, False]

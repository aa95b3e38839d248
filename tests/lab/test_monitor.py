"""Real servers and clients, watched as they talk."""

from __future__ import annotations

import contextlib
import datetime as dt
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

import analyzer
from analyzer.tables.folder import read_folder
from analyzer.tables.parts import has_parts
from tests.support.laboratory.capture import capture
from tests.support.laboratory.machine import wait_for
from tests.support.laboratory.network import Network
from tests.support.laboratory.office import Office
from tests.support.laboratory.scenarios import SCENARIOS
from tests.support.laboratory.tape import Tape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from tests.support.laboratory.machine import Service

pytestmark = pytest.mark.lab

ENGINES = ("socket", "dumpcap")
# together they use every mail port
PLAYED = (
    "smtp-relay-plain",
    "smtp-relay-starttls",
    "smtp-submission-starttls-tls13",
    "smtp-submission-plain-auth-login",
    "smtp-implicit-tls",
    "smtp-attachments",
    "imap-login-plain",
    "imap-starttls",
    "imap-implicit-tls",
    "pop3-user-pass",
    "pop3-failed-login",
    "pop3-stls",
    "pop3-implicit-tls",
)
PORTS = {25, 465, 587, 143, 993, 110, 995}
# what differs between captures of the same packets
OF_A_CAPTURE = {
    "session_id",
    "sessions",
    "capture",
    "tls_capture",
    "first_frame",
    "frame",
    "tls_frame",
    "tls_alert_frame",
    "cert_frame",
    "request_frame",
    "reply_frame",
    # by a time that is compared itself
    "bytes_per_s",
}
CLOCKS = dt.timedelta(milliseconds=5)


class NoTape(Tape):
    """Lets a scenario play without a record of its own."""

    def __init__(self, office: Office, folder: Path) -> None:
        self.sessions = []
        self.other = {}
        self.key_log = folder / "keys"

    @contextlib.contextmanager
    def recording(self, *_: Any, **__: Any) -> Iterator[None]:
        yield


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    office = Office()
    try:
        office.start()
        yield office
    finally:
        office.network.close()


def start_monitor(office: Office, engine: str, folder: Path, key_log: Path) -> Service:
    command = [sys.executable, "-m", "analyzer", "monitor", "-i", Network.BRIDGE]
    command += ["--engine", engine, "-o", str(folder), "--format", "parquet"]
    command += ["--keylog", str(key_log)]
    return office.server.start(*command, log=f"{folder.name}.log")


def test_stored_tables_equal_those_of_a_capture(office: Office, tmp_path: Path) -> None:
    folders = {engine: office.network.folder / engine for engine in ENGINES}
    tape = NoTape(office, tmp_path)
    tape.key_log.touch()
    monitors = [start_monitor(office, *each, tape.key_log) for each in folders.items()]
    wait_for(lambda: all(map(has_parts, folders.values())), "the monitors")
    path = tmp_path / "at-the-same-time.pcapng"

    with capture(office.server, path):
        for name in PLAYED:
            SCENARIOS[name].play(office, tape)
    time.sleep(1)
    for monitor in monitors:
        monitor.process.send_signal(signal.SIGINT)
    statuses = [monitor.process.wait(20) for monitor in monitors]

    assert statuses == [0, 0], [each.log.read_text() for each in monitors]
    expected = analyzer.analyze(path, key_log=tape.key_log).tables
    assert any(expected["sessions"]["tls_decrypted"].to_pylist())
    assert set(expected["sessions"]["server_port"].to_pylist()) == PORTS
    for folder in folders.values():
        assert_same(read_folder(folder).tables, expected)


def assert_same(found: dict[str, pa.Table], expected: dict[str, pa.Table]) -> None:
    owners = [_owners(tables["sessions"].to_pylist()) for tables in (found, expected)]
    for name in expected.keys() - {"certificates"}:
        rows, others = (
            sorted(
                (owner[row["session_id"]], at, row)
                for at, row in enumerate(tables[name].to_pylist())
            )
            for owner, tables in zip(owners, (found, expected), strict=True)
        )
        assert [key for key, *_ in rows] == [key for key, *_ in others], name
        for (key, _, row), (other_key, _, other) in zip(rows, others, strict=True):
            assert key == other_key
            assert _differences(row, other) == {}, (name, key)
    shown = [tables["certificates"].to_pylist() for tables in (found, expected)]
    for row, other in zip(*shown, strict=True):
        assert _differences(row, other) == {}


def _owners(sessions: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    names = ("client_ip", "client_port", "server_ip", "server_port")
    return {row["session_id"]: tuple(row[name] for name in names) for row in sessions}


def _differences(row: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {
        name: (row[name], other[name])
        for name in row.keys() - OF_A_CAPTURE
        if not _is_same(row[name], other[name])
    }


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, dt.datetime) and other is not None:
        return bool(abs(one - other) < CLOCKS)
    if isinstance(one, float) and other is not None:
        return bool(abs(one - other) < 2 * CLOCKS.total_seconds())
    return bool(one == other)

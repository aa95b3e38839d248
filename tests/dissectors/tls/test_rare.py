"""What Python's ssl module can't do: renegotiation, key updates and early data.

OpenSSL's own commands do it, on loopback, with a relay between them.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from typing import TYPE_CHECKING

from dissectors.events import (
    Anomaly,
    CertificatesShown,
    ClientNamed,
    EarlyData,
    Resumption,
    Side,
    TlsRenegotiated,
)
from dissectors.services import Protocol
from tests.support.relay import Relay
from tests.support.tls.mail import handshake, read
from tests.support.tls.openssl import folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dissectors.events import Event

_TIMEOUT_S = 20


@contextlib.contextmanager
def server(*options: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """`openssl s_server`, whose standard input goes to the client."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-quiet"]
    command += ["-cert", str(folder() / "rsa.pem"), *options]
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, stdin=pipe, stdout=quiet, stderr=quiet) as process:
        try:
            _wait_for(port)
            yield port, process
        finally:
            process.kill()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


def client(port: int, log: Path, *options: str, lines: tuple[bytes, ...] = ()) -> None:
    """`openssl s_client`, with time for answers."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}"]
    command += ["-keylogfile", str(log), *options]
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, stdin=pipe, stdout=quiet, stderr=quiet) as process:
        assert process.stdin is not None
        for line in lines:
            time.sleep(0.4)
            process.stdin.write(line)
            process.stdin.flush()
        time.sleep(0.4)
        process.stdin.close()
        process.wait(_TIMEOUT_S)


def names(events: list[Event]) -> list[str | None]:
    return [event.name for event in events if isinstance(event, ClientNamed)]


def codes(events: list[Event]) -> list[str]:
    return [event.code for event in events if isinstance(event, Anomaly)]


def test_keys_are_updated(tmp_path: Path) -> None:
    """RFC 8446 §4.6.3: K asks the server to update its keys, too."""
    log = tmp_path / "keys"
    with server("-tls1_3") as (port, process), Relay(port) as relay:
        assert process.stdin is not None
        process.stdin.write(b"220 ready\r\n")
        process.stdin.flush()
        lines = (
            b"EHLO before\r\n",
            b"K\n",
            b"EHLO after\r\n",
            b"k\n",
            b"EHLO last\r\n",
        )
        client(relay.port, log, lines=lines)
    events = read(Protocol.SMTP, relay.connections[0], log.read_bytes())
    assert names(events) == ["before", "after", "last"]
    assert codes(events) == []


def test_renegotiated_connection_is_read_on(tmp_path: Path) -> None:
    """RFC 5246 §7.4.1.1: R begins another handshake inside the first one."""
    log = tmp_path / "keys"
    options = ("-tls1_2", "-client_renegotiation")
    with server(*options) as (port, process), Relay(port) as relay:
        assert process.stdin is not None
        process.stdin.write(b"220 ready\r\n")
        process.stdin.flush()
        lines = (b"EHLO before\r\n", b"R\n", b"EHLO after\r\n")
        client(relay.port, log, "-tls1_2", lines=lines)
    events = read(Protocol.SMTP, relay.connections[0], log.read_bytes())
    assert sum(isinstance(each, TlsRenegotiated) for each in events) == 1
    assert handshake(events).secure_renegotiation
    assert names(events) == ["before", "after"]
    assert codes(events) == []
    (shown,) = [each for each in events if isinstance(each, CertificatesShown)]
    assert (shown.side, shown.chain) == (Side.SERVER, handshake(events).chain)
    # the secret of the second handshake is missing
    secrets = [line for line in log.read_bytes().splitlines() if line[:1] != b"#"]
    events = read(Protocol.SMTP, relay.connections[0], secrets[0])
    assert names(events) == ["before"]
    assert codes(events) == []


def _with_early_data(tmp_path: Path, *second: str) -> list[Event]:
    log, session, early = (tmp_path / name for name in ("keys", "session", "early"))
    early.write_bytes(b"EHLO early\r\n")
    with server("-tls1_3", "-early_data", *second) as (port, _), Relay(port) as relay:
        client(relay.port, log, "-sess_out", str(session), lines=(b"EHLO first\r\n",))
        options = ("-sess_in", str(session), "-early_data", str(early))
        client(relay.port, log, *options, lines=(b"EHLO late\r\n",))
    first, second_steps = relay.connections
    assert names(read(Protocol.SMTP, first, log.read_bytes())) == ["first"]
    return read(Protocol.SMTP, second_steps, log.read_bytes())


def test_early_data_that_is_accepted_is_read(tmp_path: Path) -> None:
    """RFC 8446 §4.2.10."""
    events = _with_early_data(tmp_path)
    seen = handshake(events)
    assert seen.early_data is EarlyData.ACCEPTED
    assert seen.resumption is Resumption.PSK
    assert names(events) == ["early", "late"]
    assert codes(events) == []


def test_early_data_that_is_rejected_is_not_read(tmp_path: Path) -> None:
    """With a retry, which ends it (RFC 8446 §4.1.2)."""
    log, session, early = (tmp_path / name for name in ("keys", "session", "early"))
    early.write_bytes(b"EHLO early\r\n")
    with server("-tls1_3", "-early_data") as (port, _), Relay(port) as relay:
        client(relay.port, log, "-sess_out", str(session), lines=(b"EHLO first\r\n",))
        used = ("-sess_in", str(session), "-early_data", str(early))
        # a ticket counts once, and early data with it
        client(relay.port, log, *used, lines=(b"EHLO second\r\n",))
        client(relay.port, log, *used, lines=(b"EHLO third\r\n",))
    events = read(Protocol.SMTP, relay.connections[2], log.read_bytes())
    assert handshake(events).early_data is EarlyData.REJECTED
    assert names(events) == ["third"]
    assert codes(events) == []

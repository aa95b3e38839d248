"""Measures bulk behind TLS: `python -m tests.bench.encrypted [SESSIONS]`, as root.

So many mailboxes are fetched by IMAP with TLS 1.3, 2 MB each, in a network namespace of
its own; mailtap then reads the capture beside tshark, and once more with the key log.
"""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from rich.console import Console

from tests.bench.__main__ import in_turns, mailtap, tshark
from tests.support.tls.openssl import folder

_SESSIONS = 400
_RUNS = 3
_PORT = 993
# set for the process inside the namespace
_RECORD_INTO = "MAILTAP_BENCH_FOLDER"
_LINE = b"abcdefgh" * 9 + b"\r\n"
_MESSAGE = b"Subject: large\r\n\r\n" + _LINE * (2_000_000 // len(_LINE))
_SCRIPT = (
    (b"a LOGIN user password", b"a OK done\r\n"),
    (b"b SELECT INBOX", b"* 1 EXISTS\r\nb OK done\r\n"),
    (
        b"c FETCH 1 BODY[]",
        b"* 1 FETCH (BODY[] {%d}\r\n%b)\r\nc OK done\r\n" % (len(_MESSAGE), _MESSAGE),
    ),
    (b"d LOGOUT", b"* BYE bye\r\nd OK done\r\n"),
)
# packets of usual size, as they would be on a network
_LOOPBACK = (
    ("ip", "link", "set", "lo", "up", "mtu", "1500"),
    ("ethtool", "-K", "lo", "tso", "off", "gso", "off", "gro", "off"),
)


def record(capture: Path, keys: Path, sessions: int) -> None:
    """Capture so many sessions on the loopback of this namespace."""
    for command in _LOOPBACK:
        subprocess.run(command, check=True, capture_output=True)
    listen = ["tcpdump", "-i", "lo", "-n", "-U", "-B", "65536", "-Z", "root"]
    listen += ["-w", str(capture), f"tcp port {_PORT}"]
    with subprocess.Popen(listen, stderr=subprocess.DEVNULL) as tcpdump:
        time.sleep(1)
        listener = socket.create_server(("127.0.0.1", _PORT), backlog=8)
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.keylog_filename = str(keys)
        for _ in range(sessions):
            _fetch(context)
        time.sleep(1)
        tcpdump.terminate()


def _serve(listener: socket.socket) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder() / "rsa.pem")
    while True:
        with context.wrap_socket(listener.accept()[0], server_side=True) as client:
            client.sendall(b"* OK ready\r\n")
            lines = client.makefile("rb")
            for _, answer in _SCRIPT:
                lines.readline()
                client.sendall(answer)


def _fetch(context: ssl.SSLContext) -> None:
    connection = socket.create_connection(("127.0.0.1", _PORT))
    with context.wrap_socket(connection, server_hostname="mail.example.com") as server:
        lines = server.makefile("rb")
        lines.readline()
        for command, _ in _SCRIPT:
            server.sendall(command + b"\r\n")
            while not lines.readline().startswith(command[:2] + b"OK"):
                pass


def measure(capture: Path, keys: Path, console: Console) -> None:
    """Run mailtap, tshark, and mailtap with the key log in turns."""
    decrypting = [*mailtap(capture), "--keylog", str(keys)]
    megabytes = capture.stat().st_size / 1e6
    console.print(f"{megabytes:,.0f} MB of encrypted mail")
    rounds = in_turns(_RUNS, mailtap(capture), tshark(capture), decrypting)
    for ours, theirs, opened in zip(*rounds, strict=True):
        more_s = opened.cpu_s - ours.cpu_s
        console.print(
            f"{theirs.wall_s / ours.wall_s:.1f} times faster than tshark "
            f"({ours.wall_s:.2f} s, {theirs.wall_s:.2f} s), "
            f"{ours.peak_kib >> 10} MiB against {theirs.peak_kib >> 10}; "
            f"decrypted and read at {megabytes / more_s:.0f} MB per second of one core"
        )


def main() -> None:
    """Record in a namespace, and measure."""
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else _SESSIONS
    if inside := os.environ.get(_RECORD_INTO):
        record(Path(inside, "bulk.pcap"), Path(inside, "keys"), sessions)
        return
    with tempfile.TemporaryDirectory(prefix="mailtap-bench-") as name:
        capture, keys = Path(name, "bulk.pcap"), Path(name, "keys")
        # Python 3.11 can't unshare by itself
        again = [sys.executable, "-m", "tests.bench.encrypted", str(sessions)]
        environment = os.environ | {_RECORD_INTO: name}
        subprocess.run(["unshare", "--net", *again], check=True, env=environment)
        measure(capture, keys, Console(width=200))


if __name__ == "__main__":
    main()

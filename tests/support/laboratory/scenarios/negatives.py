"""Services that are no mail, though some of them sound like it."""

from __future__ import annotations

import contextlib
import socket
import sys
from typing import TYPE_CHECKING

from tests.support.laboratory.machine import wait_for
from tests.support.laboratory.tape import scenario

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.laboratory.office import Office
    from tests.support.laboratory.tape import Tape

SERVER = "mail.example.com"

VSFTPD_SETTINGS = """\
listen=YES
background=NO
anonymous_enable=YES
no_anon_password=YES
anon_root={root}
secure_chroot_dir={root}
ftpd_banner=Welcome to the files of example.com
seccomp_sandbox=NO
"""


@contextlib.contextmanager
def serving(office: Office, port: int, *command: str | Path) -> Iterator[None]:
    """Run a server for as long as the context lasts."""
    service = office.server.start(*command, log=f"port-{port}.log")
    try:
        wait_for(lambda: office.desk.call(_is_open, port), f"server on port {port}")
        yield
    finally:
        service.stop()


def _is_open(port: int) -> bool:
    try:
        socket.create_connection((SERVER, port), 1).close()
    except OSError:
        return False
    return True


def ask(port: int, *questions: bytes) -> list[bytes]:
    """Send questions one after the other and return the answers."""
    with socket.create_connection((SERVER, port), 10) as connection:
        answers = []
        for question in questions:
            connection.sendall(question)
            answers.append(connection.recv(65536))
        return answers


@scenario(
    "negative-http",
    "curl reads a page from Python's web server",
    "curl",
    "python3",
)
def http(office: Office, tape: Tape) -> None:
    (office.network.folder / "www").mkdir()
    (office.network.folder / "www" / "index.html").write_text(
        "<p>220 mail.example.com is not here</p>\n"
    )
    command = (sys.executable, "-m", "http.server", "80", "--directory", "www")
    with serving(office, 80, *command), tape.recording():
        for path in ("", "MAIL", "missing"):
            office.desk.run("curl", "--silent", f"http://{SERVER}/{path}")


@scenario(
    "negative-redis",
    "A client talks to Redis, whose +OK and -ERR look like those of POP3",
    "redis-server",
)
def redis(office: Office, tape: Tape) -> None:
    options = ("--save", "", "--protected-mode", "no", "--bind", "0.0.0.0", "::")
    with serving(office, 6379, "redis-server", *options), tape.recording():
        office.desk.call(
            ask,
            6379,
            b"PING\r\n",
            b"SET user tom\r\n",
            b"GET user\r\n",
            b"AUTH wrong\r\n",
            b"NOSUCH command\r\n",
            b"QUIT\r\n",
        )


@scenario(
    "negative-ftp",
    "curl lists and reads a folder of vsftpd, whose greeting is a 220",
    "curl",
    "vsftpd",
)
def ftp(office: Office, tape: Tape) -> None:
    root = office.network.folder / "ftp"
    root.mkdir()
    (root / "hello.txt").write_text("Hello\n")
    settings = office.network.folder / "vsftpd.conf"
    settings.write_text(VSFTPD_SETTINGS.format(root=root))
    with serving(office, 21, "vsftpd", settings), tape.recording():
        for path in ("", "hello.txt"):
            office.desk.run("curl", "--silent", f"ftp://{SERVER}/{path}")


@scenario(
    "negative-nats",
    "A client subscribes and publishes with NATS, which answers +OK",
    "nats-server",
)
def nats(office: Office, tape: Tape) -> None:
    with serving(office, 4222, "nats-server", "-p", "4222"), tape.recording():
        office.desk.call(
            ask,
            4222,
            b'CONNECT {"verbose":true,"pedantic":false}\r\n',
            b"SUB orders 1\r\n",
            b"PUB orders 5\r\nhello\r\n",
            b"PING\r\n",
        )

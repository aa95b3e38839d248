"""Record the captures of a real server again: as root, from mailtap's checkout.

    python examples/mailtap-managesieve/tests/record.py

Needs Debian's packages dovecot-managesieved, iproute2 and tcpdump.
"""

from __future__ import annotations

import base64
import json
import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2]))

from tests.support.laboratory import dovecot  # noqa: E402
from tests.support.laboratory.capture import capture  # noqa: E402
from tests.support.laboratory.certificates import Authority  # noqa: E402
from tests.support.laboratory.network import Network  # noqa: E402
from tests.support.laboratory.people import GUESSES, INES, TOM  # noqa: E402
from tests.support.laboratory.postfix import MAIL_UID  # noqa: E402

DATA = HERE / "data"
PORT = 4190
SCRIPT = b'require "fileinto";\r\nif header :is "List-Id" "a" { fileinto "lists"; }\r\n'
SETTINGS = (
    dovecot.SETTINGS.replace("protocols = imap pop3 lmtp", "protocols = sieve")
    + """
service managesieve-login {{
  inet_listener sieve {{
    port = 4190
  }}
}}
"""
)


class Client:
    """Speaks ManageSieve, and notes what it was told."""

    def __init__(self, address: str) -> None:
        self.socket = socket.create_connection((address, PORT), timeout=20)
        self.file = self.socket.makefile("rb")
        self.told: list[list[str]] = []
        self.answer("greeting")

    def answer(self, verb: str) -> str:
        """Read up to OK, NO or BYE."""
        while True:
            line = self.file.readline()
            word = line.split()[0].decode() if line.split() else ""
            while line.endswith(b"}\r\n"):
                self.file.read(int(line[line.rindex(b"{") + 1 : -3].rstrip(b"+")))
                line = self.file.readline()
            if word in ("OK", "NO", "BYE"):
                self.told.append([verb, word])
                return word

    def say(self, line: bytes) -> str:
        """Send a command, and read its answer."""
        self.socket.sendall(line + b"\r\n")
        return self.answer(line.split()[0].decode())

    def upgrade(self, context: ssl.SSLContext) -> None:
        """STARTTLS; the server then greets again."""
        self.say(b"STARTTLS")
        self.socket = context.wrap_socket(
            self.socket, server_hostname="mail.example.com"
        )
        self.file = self.socket.makefile("rb")
        self.answer("greeting")


def plain(user: str, password: str) -> bytes:
    """The response of SASL PLAIN, in base64."""
    return base64.b64encode(f"\0{user}\0{password}".encode())


def literal(data: bytes) -> bytes:
    """A non-synchronizing literal."""
    return b"{%d+}\r\n%s" % (len(data), data)


def edit_scripts(address: str) -> list[list[str]]:
    """A wrong password, then every command, without TLS."""
    client = Client(address)
    wrong = plain(TOM.address, GUESSES[0])
    client.say(b'AUTHENTICATE "PLAIN" "%s"' % wrong)
    right = plain(TOM.address, TOM.password)
    client.say(b'AUTHENTICATE "PLAIN" ' + literal(right))
    client.say(b'HAVESPACE "lists" %d' % len(SCRIPT))
    client.say(b'PUTSCRIPT "lists" ' + literal(SCRIPT))
    client.say(b"CHECKSCRIPT " + literal(b"nonsense here;\r\n"))
    client.say(b'SETACTIVE "lists"')
    client.say(b"LISTSCRIPTS")
    client.say(b'GETSCRIPT "lists"')
    client.say(b'DELETESCRIPT "lists"')
    client.say(b'RENAMESCRIPT "lists" ' + literal("Väter".encode()))
    client.say(b'SETACTIVE ""')
    client.say('DELETESCRIPT "Väter"'.encode())
    client.say(b'NOOP "so far"')
    client.say(b"CAPABILITY")
    client.say(b"LOGOUT")
    return client.told


def step_by_step(address: str) -> list[list[str]]:
    """A login whose responses come one by one, as the server asks for them."""
    client = Client(address)
    client.socket.sendall(b'AUTHENTICATE "LOGIN"\r\n')
    client.file.readline()
    client.socket.sendall(b'"%s"\r\n' % base64.b64encode(INES.address.encode()))
    client.file.readline()
    client.socket.sendall(literal(base64.b64encode(INES.password.encode())) + b"\r\n")
    client.answer("AUTHENTICATE")
    client.say(b"LISTSCRIPTS")
    client.say(b"LOGOUT")
    return client.told


def upgraded(address: str, keys: str, trusted: str) -> list[list[str]]:
    """A login behind STARTTLS."""
    client = Client(address)
    context = ssl.create_default_context(cafile=trusted)
    context.keylog_filename = keys
    client.upgrade(context)
    client.say(b'AUTHENTICATE "PLAIN" "%s"' % plain(INES.address, INES.password))
    client.say(b'PUTSCRIPT "away" ' + literal(b"keep;\r\n"))
    client.say(b"LOGOUT")
    return client.told


def main() -> None:
    """Record all of them."""
    DATA.mkdir(exist_ok=True)
    dovecot.SETTINGS = SETTINGS
    with Network() as network:
        hub = network.add_hub("server", "mail.example.com", "192.0.2.10")
        laptop = network.add_client(hub, "laptop", "laptop.example.com", "192.0.2.102")
        mail = network.folder / "mail"
        mail.mkdir()
        shutil.chown(mail, MAIL_UID, MAIL_UID)
        authority = Authority(network.folder)
        chain = authority.issue("mail.example.com")
        server = dovecot.Dovecot(hub, network.folder / "dovecot", mail, chain)
        server.start()
        trusted = str(next(network.folder.glob("*ca*.pem"), chain))
        facts = {}
        for name, play, more in (
            ("edit-scripts", edit_scripts, ()),
            ("step-by-step", step_by_step, ()),
            ("starttls", upgraded, (str(DATA / "starttls.keys"), trusted)),
        ):
            with capture(hub, DATA / f"{name}.pcap"):
                facts[name] = laptop.call(play, "192.0.2.10", *more)
    (DATA / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")
    versions = subprocess.run(
        ["dpkg-query", "-W", "dovecot-managesieved"], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    print(versions.stdout)


if __name__ == "__main__":
    main()

"""Real TLS stacks talk to Postfix and Dovecot: decrypted, they say what plaintext says.

Each stack is played from a machine of its own, all at the same time.
"""

from __future__ import annotations

import itertools
import os
import re
import select
import shlex
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import analyzer
from tests.support import laboratory
from tests.support.laboratory.capture import capture
from tests.support.laboratory.office import Office
from tests.support.laboratory.people import TOM, plain_response
from tests.support.laboratory.unpacked import nss_libraries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from analyzer.tables.results import Results
    from tests.support.laboratory.machine import Machine

pytestmark = pytest.mark.lab

SERVER = "mail.example.com"
VERSIONS = ("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
LETTER = (b"From: tom@example.com", b"Subject: hello", b"", b"text", b".")


# how the last line of an answer begins, of whatever is not IMAP
ANSWERS = {"smtp": rb"\d{3} ", "pop3": rb"\+OK|-ERR"}


class Service(NamedTuple):
    """A way to be served, and what to say there.

    Attributes:
        protocol: as `--starttls` of clients names it.
        clear: port without TLS.
        implicit: port of TLS.
        lines: what the client says, one after the other.
    """

    protocol: str
    clear: int
    implicit: int
    lines: tuple[bytes, ...]

    def answer(self, line: bytes) -> bytes:
        """How the last line of the answer begins, or that of the greeting."""
        if self.protocol == "imap":
            return line.split(b" ")[0] + b" " if line else rb"\* OK"
        if line.startswith(b"RETR"):
            return rb"\.\r?\n"
        return ANSWERS[self.protocol]


LOGIN = plain_response(TOM.address, TOM.password).encode()
SERVICES = (
    Service(
        "smtp",
        587,
        465,
        (
            b"EHLO laptop.example.com",
            b"AUTH PLAIN " + LOGIN,
            b"MAIL FROM:<%b>" % TOM.address.encode(),
            b"RCPT TO:<%b>" % TOM.address.encode(),
            b"DATA",
            b"\r\n".join(LETTER),
            b"QUIT",
        ),
    ),
    Service(
        "imap",
        143,
        993,
        (
            b'a LOGIN "%b" "%b"' % (TOM.address.encode(), TOM.password.encode()),
            b"b SELECT INBOX",
            b"c FETCH 1 (FLAGS BODY.PEEK[])",
            b"d LOGOUT",
        ),
    ),
    Service(
        "pop3",
        110,
        995,
        (
            b"USER " + TOM.address.encode(),
            b"PASS " + TOM.password.encode(),
            b"STAT",
            b"RETR 1",
            b"QUIT",
        ),
    ),
)

# what a client says and what it is told, whichever way it came
SAID = ("verb", "argument", "reply_code", "status")
OF_SESSION = (
    "protocol",
    "auth_mechanism",
    "auth_user",
    "auth_result",
    "mail_from",
    "rcpt_to",
    "messages_sent",
    "messages_retrieved",
    "mailboxes",
)
GNUTLS = "NORMAL:%COMPAT:-VERS-ALL:+VERS-"
NSS_FOLDER = "nss"
JAVA_CLIENT = Path(laboratory.__file__).parent / "clients" / "TlsClient.java"
JAVA_FOLDER = "java"
JAVA_OPTIONS = (
    # it looks for secrets where no program should
    *("--add-opens", "java.base/sun.security.ssl=ALL-UNNAMED"),
    # it is over before more would be worth it
    "-XX:TieredStopAtLevel=1",
)
TIMEOUT_S = 15.0
NSS_VERSIONS = {name: name.lower().removeprefix("tlsv") for name in VERSIONS}


def plaintext(service: Service) -> str:
    to_server = f"exec 3<>/dev/tcp/{SERVER}/{service.clear}; cat <&3 & cat >&3"
    return shlex.join(["bash", "-c", to_server])


def openssl(service: Service, port: int, version: str, log: Path, *more: str) -> str:
    option = f"-{version.lower().replace('.', '_').replace('v', '').removesuffix('_0')}"
    words = ["openssl", "s_client", "-quiet", "-servername", SERVER, option, *more]
    words += ["-connect", f"{SERVER}:{port}", "-keylogfile", str(log)]
    words += ["-cipher", "ALL:@SECLEVEL=0"] if version != "TLSv1.3" else []
    if port == service.clear:
        words += ["-starttls", service.protocol]
    return shlex.join(words)


def gnutls(service: Service, port: int, version: str, log: Path, *more: str) -> str:
    words = ["env", f"SSLKEYLOGFILE={log}", "gnutls-cli", "--no-ca-verification", *more]
    words += ["--priority", GNUTLS + version.replace("v", ""), "-p", str(port), SERVER]
    if port == service.clear:
        words += [f"--starttls-proto={service.protocol}"]
    return shlex.join(words)


def nss(_service: Service, port: int, version: str, log: Path) -> str:
    number = NSS_VERSIONS[version]
    libraries = log.parent / NSS_FOLDER
    words = ["env", f"SSLKEYLOGFILE={log}", f"LD_LIBRARY_PATH={libraries}"]
    words += [
        "NSS_ALLOW_WEAK_SIGNATURE_ALG=1",
        "tstclnt",
        "-h",
        SERVER,
        "-p",
        str(port),
        "-D",
        "-o",
        "-b",
    ]
    words += ["-V", f"tls{number}:tls{number}"]
    return shlex.join(words)


def java(
    service: Service, port: int, version: str, log: Path, *, times: int = 1
) -> str:
    classes = log.parent / JAVA_FOLDER
    words = ["java", *JAVA_OPTIONS, "-cp", str(classes), JAVA_CLIENT.stem, SERVER]
    words += [str(port), version, str(log)]
    words += [service.protocol if port == service.clear else "-", str(times)]
    lines = b"\r\n".join(service.lines).count(b"\r\n") + 1
    return shlex.join([*words, str(lines)])


class Case(NamedTuple):
    """A connection to be made; what tells it apart are machine, version and port."""

    stack: str
    version: str
    service: Service
    port: int


STACKS: dict[str, Callable[..., str]] = {
    "openssl": openssl,
    "gnutls": gnutls,
    "nss": nss,
    "java": java,
}
CASES = [
    Case(stack, version, service, port)
    for stack in STACKS
    for version in VERSIONS
    for service in SERVICES
    for port in (service.implicit, service.clear)
    # NSS's client knows no STARTTLS of mail
    if stack != "nss" or port == service.implicit
]
RESUMED = {"TLSv1.0": "ticket", "TLSv1.2": "ticket", "TLSv1.3": "psk"}
# tstclnt does not resume
RESUMING_STACKS = ("openssl", "gnutls", "java")


class Played(NamedTuple):
    """What was captured: in plaintext, by TLS, and by TLS once more."""

    clear: Results
    tls: Results
    again: Results


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("stacks")
    office = Office()
    try:
        office.start()
        office.dovecot.fill(TOM, b"Subject: one\r\n\r\n" + b"text\r\n" * 4000)
        yield Played(*_play(office, folder))
    finally:
        office.network.close()


def _play(office: Office, folder: Path) -> Iterator[Results]:
    machines = {
        "openssl": office.laptop,
        "gnutls": office.desk,
        "nss": office.phone,
        "java": office.scanner,
    }
    log = folder / "keys"
    (folder / NSS_FOLDER).symlink_to(nss_libraries(folder))
    subprocess.run(["javac", "-d", folder / JAVA_FOLDER, JAVA_CLIENT], check=True)
    clear = [Talk(office.laptop, each, plaintext(each)) for each in SERVICES]
    tls = [
        Talk(
            machines[each.stack],
            each.service,
            STACKS[each.stack](each.service, each.port, each.version, log),
            greets=each.port == each.service.implicit,
        )
        for each in CASES
    ]
    again = []
    for option in ("-sess_out", "-sess_in"):
        for version, service in itertools.product(RESUMED, SERVICES):
            session = folder / f"{version}-{service.protocol}"
            command = openssl(
                service, service.implicit, version, log, option, str(session)
            )
            again.append(Talk(office.laptop, service, command))
    half = len(again) // 2
    for version, service in itertools.product(RESUMED, SERVICES):
        where = (service, service.implicit, version, log)
        again.append(Talk(office.desk, service, gnutls(*where, "--resume")))
        again.append(Talk(office.scanner, service, java(*where, times=2), times=2))
    for name, rounds in (
        ("clear", [clear]),
        ("tls", [tls]),
        ("again", [again[:half], again[half:]]),
    ):
        path = folder / f"{name}.pcap"
        with capture(office.server, path), ThreadPoolExecutor(20) as pool:
            for each in rounds:
                list(pool.map(Talk.play, each))
        yield analyzer.analyze(path, key_log=log if name != "clear" else None)


class Talk(NamedTuple):
    """What is said through a command.

    Attributes:
        machine: where it runs.
        service: what is said.
        command: prints what it is answered.
        greets: whether it shows the greeting, too: not if that comes before STARTTLS.
        times: how many connections it makes, one after the other.
    """

    machine: Machine
    service: Service
    command: str
    greets: bool = True
    times: int = 1

    def play(self) -> None:
        """Say each line as soon as the one before was answered."""
        process = subprocess.Popen(
            shlex.split(self.command),
            preexec_fn=self.machine.enter,  # noqa: PLW1509
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._converse(process)
            with suppress(subprocess.TimeoutExpired):
                # NSS's client stays when the server has left
                process.communicate(timeout=2.0)
        finally:
            process.kill()
            process.communicate()

    def _converse(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        said = [b""] * self.greets + list(self.service.lines)
        for line in said * self.times:
            if line:
                process.stdin.write(line + b"\r\n")
                process.stdin.flush()
            self._hear(process, self.service.answer(line))

    def _hear(self, process: subprocess.Popen[bytes], answer: bytes) -> None:
        """Wait until a line begins so; it is the last of what was printed."""
        assert process.stdout is not None
        heard = b""
        deadline = time.monotonic() + TIMEOUT_S
        while not re.search(rb"(?m)^(?:%b)" % answer, heard) or heard[-1:] != b"\n":
            left_s = max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select([process.stdout], [], [], left_s)
            data = os.read(process.stdout.fileno(), 65_536) if ready else b""
            assert data, f"{self.command}: no answer, but {heard!r}"
            heard += data


def facts(analysis: Results, row: dict[str, Any]) -> dict[str, Any]:
    """What to compare of a session."""
    found: dict[str, Any] = {name: row[name] for name in OF_SESSION}
    said = [
        tuple(each[name] for name in SAID)
        for each in analysis.tables["exchanges"].to_pylist()
        if each["session_id"] == row["session_id"]
    ]
    # the greeting, and what leads to STARTTLS, come once more or once less
    verbs = [each[0] for each in said]
    (login,) = {"AUTH", "LOGIN", "USER"} & set(verbs)
    first = verbs.index(login)
    found["exchanges"] = said[first:]
    found["messages"] = [
        (each["subject"], each["size_bytes"], each["outcome"])
        for each in analysis.tables["messages"].to_pylist()
        if each["session_id"] == row["session_id"]
    ]
    return found


def in_plaintext(played: Played, service: Service) -> dict[str, Any]:
    """What the same dialogue gives in plaintext."""
    rows = played.clear.tables["sessions"].to_pylist()
    (row,) = [each for each in rows if each["server_port"] == service.clear]
    return facts(played.clear, row)


MACHINES = {
    "openssl": "2001:db8:2::102",
    "gnutls": "2001:db8:2::101",
    "nss": "2001:db8:2::103",
    "java": "192.0.2.150",
}


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.stack}-{c.version}-{c.port}")
def test_decrypted_session_says_what_plaintext_says(played: Played, case: Case) -> None:
    (row,) = [
        each
        for each in played.tls.tables["sessions"].to_pylist()
        if each["client_ip"] == MACHINES[case.stack]
        and each["server_port"] == case.port
        and each["tls_version"] == case.version
    ]
    assert row["anomalies"] == []
    assert row["tls_established"]
    assert row["tls_decrypted"]
    assert facts(played.tls, row) == in_plaintext(played, case.service)
    assert row["cert_names"]
    assert not row["credentials_exposed"]
    is_old = case.version in {"TLSv1.0", "TLSv1.1"}
    assert row["protection"] == ("weak-tls" if is_old else "protected")


@pytest.mark.parametrize("service", SERVICES, ids=lambda each: each.protocol)
@pytest.mark.parametrize("version", RESUMED)
@pytest.mark.parametrize("stack", RESUMING_STACKS)
def test_resumed_session_says_what_plaintext_says(
    played: Played, service: Service, version: str, stack: str
) -> None:
    first, second = [
        each
        for each in played.again.tables["sessions"].to_pylist()
        if each["client_ip"] == MACHINES[stack]
        and each["server_port"] == service.implicit
        and each["tls_version"] == version
    ]
    assert first["tls_resumption"] == "none"
    assert second["tls_resumption"] == RESUMED[version]
    # GnuTLS has nothing to say before it resumes
    for row in (second,) if stack == "gnutls" else (first, second):
        assert row["tls_decrypted"]
        assert facts(played.again, row) == in_plaintext(played, service)

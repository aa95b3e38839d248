"""The plug-in of docs/plugins.md, and what happens to one that is broken."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import pytest

from analyzer.tables.parts import has_parts
from captures import open_capture
from tests.support.captures import unpack
from tests.support.commands import start
from tests.support.documents import DOCS
from tests.support.installed import mailtap, name_entry_point
from tests.support.namespaces import as_real_root, open_folder, send
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

PASSWORDS = ("mallard-22", "Teal+Pintail")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder with the example as a package."""
    page = (DOCS / "plugins.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (declared,) = re.findall(r'^poppass = "(.*)"$', page, re.MULTILINE)
    folder = tmp_path / "packages"
    name_entry_point(folder, "mailtap_poppass", "poppass", declared)
    (folder / "mailtap_poppass.py").write_text(code)
    return folder


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """Somebody changes a password, with a server that repeats it."""
    old, new = (each.encode() for each in PASSWORDS)
    steps = PacketScript(106).server(b"200 mail.example.com poppassd hello\r\n")
    steps.client(b"USER tom\r\n").server(b"200 Your password please.\r\n")
    steps.client(b"PASS " + old + b"\r\n").server(b"200 New password please.\r\n")
    steps.client(b"NEWPASS " + new + b"\r\n")
    steps.server(b"500 Not changed: " + new + b" is too simple\r\n")
    steps.client(b"QUIT\r\n").server(b"200 Bye\r\n").close()
    return write_pcap(tmp_path / "talk.pcap", steps)


def test_example_adds_its_protocol(packages: Path, talk: Path, tmp_path: Path) -> None:
    out = tmp_path / "tables"
    done = mailtap("analyze", talk, "-o", f"{out}/", packages=packages)

    assert (done.returncode, done.stderr) == (0, "")
    (session,) = map(json.loads, (out / "sessions.jsonl").read_text().splitlines())
    assert session["protocol"] == session["service"] == "poppass"
    assert session["auth_user"] == "tom"
    assert session["auth_result"] == "success"
    assert session["protection"] == "plaintext-login"
    assert session["anomalies"] == []
    exchanges = [*map(json.loads, (out / "exchanges.jsonl").read_text().splitlines())]
    assert [(each["verb"], each["argument"]) for each in exchanges] == [
        (None, None), ("USER", "tom"), ("PASS", "***"), ("NEWPASS", "***"),
        ("QUIT", None),
    ]  # fmt: skip
    assert exchanges[3]["reply_text"] == "Not changed: *** is too simple"
    written = done.stdout + "".join(path.read_text() for path in out.glob("*.json*"))
    assert not any(secret in written for secret in PASSWORDS)


def test_example_is_in_plaintext_and_protocols(packages: Path, talk: Path) -> None:
    plaintext = mailtap("plaintext", talk, packages=packages)
    protocols = mailtap("protocols", packages=packages)

    assert "tom" in plaintext.stdout
    assert "poppass" in plaintext.stdout
    assert "POPPASS" in protocols.stdout
    assert plaintext.stderr == protocols.stderr == ""


def test_port_can_be_said_to_be_that_of_a_plugin(packages: Path, talk: Path) -> None:
    unknown = mailtap("analyze", talk, "--port", "7=nonsense", packages=packages)
    known = mailtap("analyze", talk, "--port", "7=poppass", packages=packages)

    assert "one of smtp, imap, pop3, poppass" in unknown.stderr
    assert known.returncode == 0


@as_real_root
@pytest.mark.usefixtures("network")
def test_example_is_watched(packages: Path, talk: Path) -> None:
    with open_folder() as folder:
        tables = folder / "tables"
        process = start(
            "monitor", "-i", "vb", "--count", "1", "-o", tables, packages=packages
        )
        while not has_parts(tables) and process.poll() is None:
            time.sleep(0.02)
        with open_capture(talk) as capture:
            send("va", [each.data for batch in capture for each in unpack(batch)])
        printed, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "poppass" in printed
    assert "tom" in printed
    assert not any(secret in printed for secret in PASSWORDS)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise RuntimeError('not today')", "RuntimeError: not today"),
        ("raise SystemExit(9)", "SystemExit: 9"),
        ("SPEC = 3", "TypeError: mailtap_poppass:SPEC is no ProtocolSpec"),
        ("", "AttributeError: "),
        ("SPEC = ", "SyntaxError: "),
    ],
)
def test_broken_plugin_is_named_once_and_all_else_goes_on(
    packages: Path, code: str, reason: str
) -> None:
    (packages / "mailtap_poppass.py").write_text(code)

    done = mailtap("protocols", packages=packages)

    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(
        "mailtap: the protocol poppass of mailtap_poppass is left out"
    )
    assert reason in done.stderr


@pytest.mark.parametrize("command", ["analyze", "protocols"])
def test_command_that_reads_names_a_broken_plugin_and_goes_on(
    packages: Path, talk: Path, command: str
) -> None:
    (packages / "mailtap_poppass.py").write_text("raise RuntimeError('not today')")

    done = mailtap(command, talk, packages=packages)

    assert done.returncode == 0
    assert done.stdout
    assert done.stderr == (
        "mailtap: the protocol poppass of mailtap_poppass is left out (RuntimeError: "
        "not today)\n"
    )


def test_help_is_given_without_a_look_at_plugins(packages: Path) -> None:
    (packages / "mailtap_poppass.py").write_text("raise RuntimeError('not today')")

    assert mailtap("analyze", "--help", packages=packages).stderr == ""

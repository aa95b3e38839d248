"""The rule of docs/own-rules.md, and what happens to one that is broken."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.support.documents import DOCS
from tests.support.installed import mailtap, name_entry_point
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder with the example as a package."""
    page = (DOCS / "own-rules.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (declared,) = re.findall(r'^house = "(.*)"$', page, re.MULTILINE)
    folder = tmp_path / "packages"
    name_entry_point(folder, "mailtap-house", "house", declared, "mailtap.rules")
    (folder / "mailtap_house.py").write_text(code)
    return folder


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Somebody logs in to a shared account, and somebody else does not."""
    dialogues = []
    for number, user in enumerate((b"Info@example.com", b"tom@example.com")):
        steps = PacketScript(110, client_port=40_000 + number)
        steps.server(b"+OK\r\n").client(b"USER %s\r\n" % user).server(b"+OK\r\n")
        steps.client(b"PASS x\r\n").server(b"+OK in\r\n")
        dialogues.append(steps.client(b"QUIT\r\n").server(b"+OK\r\n").close())
    return write_pcap(tmp_path / "a.pcap", *dialogues)


def test_example_finds_what_it_is_for(packages: Path, capture: Path) -> None:
    only = ("--rule", "house-shared-login")
    done = mailtap("findings", capture, "--json", *only, packages=packages)

    assert (done.returncode, done.stderr) == (0, "")
    (finding,) = json.loads(done.stdout)["findings"]
    assert finding["account"] == "Info@example.com"
    assert finding["evidence"][0]["seen"] == "USER"
    assert "House rules" in mailtap("rules", only[1], packages=packages).stdout


def test_example_is_set_by_a_file(packages: Path, capture: Path) -> None:
    config = packages / "mailtap.toml"
    config.write_text(mailtap("config", packages=packages).stdout)
    assert "[rules.house-shared-login]\nenabled = true\n" in config.read_text()

    config.write_text("[rules.house-shared-login]\nenabled = false\n")
    done = mailtap("findings", capture, "--config", config, packages=packages)

    assert "house-shared-login" not in done.stdout
    assert "plaintext-password" in done.stdout


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise SystemExit(9)", "SystemExit: 9"),
        ("RULES = 3", "TypeError: "),
        ("RULES = (3,)", "is neither a Rule nor several of them"),
        ("from analyzer.findings.plaintext import RULES", "there is another rule"),
    ],
)
def test_plugin_that_does_not_fit_is_left_out_and_named(
    packages: Path, code: str, reason: str
) -> None:
    (packages / "mailtap_house.py").write_text(code)

    done = mailtap("rules", packages=packages)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "the rule house of mailtap-house is left out" in done.stderr
    assert reason in done.stderr
    assert "plaintext-password" in done.stdout


def test_findings_name_a_plugin_that_does_not_fit(
    packages: Path, capture: Path
) -> None:
    (packages / "mailtap_house.py").write_text("RULES = (3,)")

    done = mailtap("findings", capture, packages=packages)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "the rule house of mailtap-house is left out" in done.stderr
    assert "is neither a Rule nor several of them" in done.stderr
    assert "plaintext-password" in done.stdout


def test_rule_that_fails_is_named_with_its_package(
    packages: Path, capture: Path
) -> None:
    module = packages / "mailtap_house.py"
    module.write_text(module.read_text().replace("logins = facts.logins", "1 / 0"))

    done = mailtap("findings", capture, packages=packages)

    assert done.returncode == 1
    assert done.stderr == (
        "mailtap: the rule house-shared-login of mailtap-house failed, and tells "
        "nothing (ZeroDivisionError: division by zero)\n"
    )
    assert "plaintext-password" in done.stdout

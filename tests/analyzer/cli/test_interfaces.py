from __future__ import annotations

import json

import pytest

from captures import Engine, Interface
from tests.support.commands import run
from tests.support.namespaces import ip

NAMES = ("lo", "va", "vb")


@pytest.mark.usefixtures("network")
def test_interfaces_are_listed_with_what_may_watch_them() -> None:
    ip("addr", "add", "192.0.2.1/24", "dev", "va")
    ip("link", "set", "vb", "down")

    result = run("interfaces")

    assert (result.exit_code, result.stderr) == (0, "")
    rows = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert set(NAMES) <= set(rows)
    assert "up" in rows["va"]
    assert "192.0.2.1" in rows["va"]
    assert "socket" in rows["va"]
    assert "down" in rows["vb"]
    assert "socket" not in rows["vb"]


@pytest.mark.usefixtures("network")
def test_interfaces_are_listed_as_json() -> None:
    result = run("interfaces", "--json")

    found = {each["name"]: each for each in json.loads(result.stdout)}
    assert set(found) == set(NAMES)
    assert "socket" in found["va"]["engines"]


def test_missing_rights_are_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = "you may not watch interfaces: run mailtap as root"
    interfaces = [
        Interface(name, at, True, "Ethernet", (), (), problem)
        for at, name in enumerate(("eth0", "eth1\x1b[2J"))
    ]
    monkeypatch.setattr("captures.list_interfaces", lambda: interfaces)

    result = run("interfaces")

    assert result.exit_code == 1
    assert result.stderr == f"mailtap: {problem}\n"
    assert "\x1b" not in result.stdout
    assert Engine.SOCKET not in result.stdout

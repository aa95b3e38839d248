from __future__ import annotations

import subprocess
import sys

import pytest

from captures import Engine, Interface, list_interfaces
from captures.live.listing import _describe
from tests.support.namespaces import ROOT, as_real_root, ip

pytestmark = pytest.mark.usefixtures("network")

BOTH = (Engine.SOCKET, Engine.DUMPCAP)


def listed() -> dict[str, Interface]:
    return {each.name: each for each in list_interfaces()}


def test_interfaces_are_listed_by_their_numbers() -> None:
    found = list_interfaces()
    assert {each.name for each in found} == {"lo", "va", "vb"}
    numbers = [each.index for each in found]
    assert numbers == sorted(numbers)


@as_real_root
def test_interface_is_described() -> None:
    assert listed()["lo"] == Interface(
        "lo", 1, True, "loopback", ("127.0.0.1", "::1"), BOTH, None
    )


def test_addresses_are_those_of_the_interface() -> None:
    ip("address", "add", "192.0.2.1/24", "dev", "va")
    ip("address", "add", "2001:db8::1/64", "dev", "va", "nodad")
    found = listed()
    assert found["va"].addresses == ("192.0.2.1", "2001:db8::1")
    assert found["vb"].addresses == ()
    assert found["vb"].link == "Ethernet"


def test_interface_that_is_down_comes_with_the_remedy() -> None:
    ip("link", "set", "va", "down")
    found = listed()["va"]
    assert not found.is_up
    assert found.engines == ()
    assert found.problem
    assert "ip link set va up" in found.problem


def test_missing_dumpcap_is_no_problem_for_who_may_open_sockets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    found = {each.name: each for each in list_interfaces()}["lo"]
    assert found.engines == (Engine.SOCKET,)
    assert found.problem is None


@pytest.mark.parametrize(
    ("hardware", "allowed", "engines", "problem"),
    [
        (1, BOTH, BOTH, None),
        (1, (), (), "run mailtap as root"),
        (280, BOTH, (Engine.DUMPCAP,), None),
        (280, (Engine.SOCKET,), (), "(type 280): let dumpcap capture"),
    ],
)
def test_link_layer_and_rights_decide_what_may_capture(
    hardware: int,
    allowed: tuple[Engine, ...],
    engines: tuple[Engine, ...],
    problem: str | None,
) -> None:
    found = _describe("va", 2, hardware, (), allowed)
    assert found.engines == engines
    assert (problem or "") in (found.problem or "")
    assert bool(problem) == bool(found.problem)


@as_real_root
def test_user_without_rights_is_told_what_helps() -> None:
    program = """
from captures import drop_privileges, list_interfaces
from captures.live import dumpcap
import scapy.arch.linux
drop_privileges("nobody")
for each in list_interfaces():
    print(each.name, each.is_up, each.engines, each.problem)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, cwd=ROOT
    )
    lines = done.stdout.decode().splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("lo True () you may not watch interfaces: run mailtap")

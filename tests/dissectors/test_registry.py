from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import pytest

from dissectors import plugins as loading
from dissectors import registry
from dissectors.anomalies import ANOMALIES
from dissectors.services import Protocol, Security, Service
from tests.support.plugins import ECHO, echo, plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SERVICES = [each for spec in registry.BUILTIN for each in spec.services]


@pytest.fixture(autouse=True)
def installed() -> Iterator[Callable[..., None]]:
    """Installs plug-ins, by the objects that their entry points name."""
    with plugins() as install:
        yield install


def test_ports_are_those_of_the_registry() -> None:
    # IANA Service Name and Transport Protocol Port Number Registry
    registered = {
        "smtp": 25,
        "pop3": 110,
        "imap": 143,
        "submissions": 465,
        "imaps": 993,
        "pop3s": 995,
    }

    assert registered.items() <= {each.name: each.port for each in SERVICES}.items()
    known = registry.service_by_port()
    assert known[587].name == known[2525].name == "submission"


@pytest.mark.parametrize(
    "service", SERVICES, ids=lambda each: f"{each.name}-{each.port}"
)
def test_service_is_found_by_its_port(service: Service) -> None:
    assert registry.service_by_port()[service.port] is service
    assert registry.ports()[service.port] == service.protocol
    assert len(SERVICES) == len(registry.service_by_port()) == len(registry.ports())


def test_names_with_an_s_are_encrypted_from_the_start() -> None:
    implicit = {
        each.name for each in SERVICES if each.security is Security.IMPLICIT_TLS
    }

    # RFC 8314 §3
    assert implicit == {"imaps", "pop3s", "submissions"}


def test_mailtaps_own_protocols_come_first(installed: Callable[..., None]) -> None:
    installed(ECHO)

    assert list(registry.protocols()) == [*Protocol, "echo"]
    assert registry.ports()[7] == "echo"
    assert registry.is_plugin("echo")
    assert not registry.is_plugin("smtp")
    assert not registry.problems()


def test_codes_of_a_plugin_are_known(installed: Callable[..., None]) -> None:
    installed(ECHO)

    known = registry.anomalies()
    assert known["echo_mismatch"] == "the server says something else"
    assert known.items() > ANOMALIES.items()


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("plugin", "reason"),
    [
        (Unspeakable(), "(Unspeakable)"),
        (echo(make=lambda _service: None), "None is no Dialogue"),  # type: ignore[arg-type, return-value]
        (ImportError("no module named 'telepathy'"), "ImportError: no module"),
        (SystemExit(3), "SystemExit: 3"),
        ("nonsense", "is no ProtocolSpec"),
        (echo(name="smtp"), "there is another protocol smtp"),
        (echo(port=25), "port 25 is that of smtp"),
        (echo(alpn=(b"imap",)), "its ALPN is that of imap"),
    ],
)
def test_broken_plugin_is_left_out_and_named(
    installed: Callable[..., None], plugin: object, reason: str
) -> None:
    installed(plugin, echo(name="other", port=9))

    assert list(registry.protocols()) == [*Protocol, "other"]
    (problem,) = registry.problems()
    assert problem.startswith("the protocol plugin0 is left out (")
    assert reason in problem


@pytest.mark.parametrize(
    ("entry", "name", "reason"),
    [
        (b"x = \xff", b"broken", "any protocols of broken are left out (Unicode"),
        (b"x", b"broken", "any protocols of broken are left out ("),
        (b"x", b"\xff", "any protocols of a package in /"),
        (b"x = telepathy", b"broken", "the protocol x of broken is left out (Module"),
        (b"x = telepathy", b"\xff", "the protocol x is left out (Module"),
    ],
)
def test_broken_package_leaves_mailtaps_own_protocols(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    entry: bytes,
    name: bytes,
    reason: str,
) -> None:
    unpack(tmp_path, name, b"[mailtap.protocols]\n" + entry)
    monkeypatch.setattr(loading, "entry_points", entry_points)
    monkeypatch.syspath_prepend(tmp_path)

    assert list(registry.protocols())[:3] == [*Protocol]
    (problem,) = registry.problems()
    assert problem.startswith(reason)


def test_broken_package_leaves_those_of_other_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = b"[mailtap.protocols]\necho = tests.support.plugins:ECHO\n"
    unpack(tmp_path / "fine", b"mailtap-echo", entry)
    # the same package once more, further down the path
    unpack(tmp_path / "older", b"mailtap-echo", entry)
    unpack(tmp_path / "broken", b"broken", b"[console_scripts]\nnonsense\n")
    monkeypatch.setattr(loading, "entry_points", entry_points)
    for folder in ("broken", "older", "fine"):
        monkeypatch.syspath_prepend(tmp_path / folder)

    assert "echo" in registry.protocols()
    (problem,) = registry.problems()
    assert problem.startswith("any protocols of broken are left out (")


def unpack(folder: Path, name: bytes, entries: bytes) -> None:
    """Put the metadata of a package where those are that are installed."""
    package = folder / f"{name.decode(errors='replace')}-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "entry_points.txt").write_bytes(entries)
    (package / "METADATA").write_bytes(b"Metadata-Version: 2.1\nName: " + name)

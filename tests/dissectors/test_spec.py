from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest

from dissectors.registry import BUILTIN
from dissectors.services import Protocol, Security, Service
from dissectors.spec import Opening, Profile, ProtocolSpec
from tests.support.plugins import ECHO

WORD = re.compile(b"WORD")
PROFILES = {each.name: each.profile for each in BUILTIN}


def test_each_protocol_has_a_profile_that_leaves_nothing_out() -> None:
    assert list(PROFILES) == list(Protocol)
    for profile in PROFILES.values():
        assert all(getattr(profile, each.name) for each in fields(Profile))
    for each in fields(Profile):
        # where two protocols are the same, a comparison says nothing
        assert len({getattr(p, each.name) for p in PROFILES.values()}) == len(Protocol)


def test_registered_services_are_secured_as_the_standards_say() -> None:
    # RFC 5321 §4.5.4.2, RFC 6409 §3.1, RFC 8314 §7
    registered = {
        Protocol.SMTP: {25: "starttls", 587: "starttls", 465: "implicit"},
        Protocol.IMAP: {143: "starttls", 993: "implicit"},
        Protocol.POP3: {110: "starttls", 995: "implicit"},
    }

    assert registered == {
        spec.name: {each.port: each.security for each in spec.registered_services}
        for spec in BUILTIN
    }


def test_pop3_has_a_word_of_its_own_for_the_upgrade() -> None:
    names = {
        each.port: spec.security_name(each)
        for spec in BUILTIN
        for each in spec.services
    }

    assert names == {
        **dict.fromkeys((25, 587, 2525, 143), "STARTTLS"),
        **dict.fromkeys((465, 993, 995), "TLS"),
        110: "STLS",
    }


@pytest.mark.parametrize("beginning", [b"", b"EHL", b"EHLO "])
def test_beginning_of_a_packet_is_four_bytes(beginning: bytes) -> None:
    with pytest.raises(ValueError, match="not four bytes"):
        Opening(WORD, WORD, server_beginnings=(beginning,))
    with pytest.raises(ValueError, match="not four bytes"):
        Opening(WORD, WORD, client_beginnings=(beginning,))


@pytest.mark.parametrize("alpn", [b"", b"x" * 256])
def test_name_that_no_client_hello_can_say_is_refused(alpn: bytes) -> None:
    with pytest.raises(ValueError, match="ALPN"):
        Opening(WORD, WORD, alpn=(alpn,))


@pytest.mark.parametrize("name", ["", "Sieve", "two words", "a" * 17])
def test_name_that_is_no_word_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        spec(name=name)


@pytest.mark.parametrize(("protocol", "port"), [("echo", 0), ("smtp", 7)])
def test_service_of_another_protocol_or_port_is_refused(
    protocol: str, port: int
) -> None:
    with pytest.raises(ValueError, match="no service of echo"):
        spec(services=(Service("echo", protocol, port, Security.STARTTLS),))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("server", re.compile("WORD")),
        ("client", b"WORD"),
        ("strict_client", re.compile("WORD")),
        ("ambiguous_server", b"WORD"),
        ("server_beginnings", ("WORD",)),
        ("client_beginnings", ([0, 1, 2, 3],)),
        ("alpn", ("echo",)),
        ("alpn", b"echo"),
    ],
)
def test_opening_of_anything_but_bytes_is_refused(field: str, value: object) -> None:
    opening: dict[str, Any] = {"server": WORD, "client": WORD, field: value}
    with pytest.raises(TypeError, match="is no"):
        Opening(**opening)


@pytest.mark.parametrize("port", [7.5, "7", None])
def test_port_that_is_no_number_is_refused(port: Any) -> None:
    with pytest.raises(TypeError, match="is no int"):
        spec(services=(Service("echo", "echo", port, Security.STARTTLS),))


@pytest.mark.parametrize(
    "changed",
    [
        {"profile": None},
        {"opening": None},
        {"upgrade": b"STARTTLS"},
        {"services": ("echo",)},
        {"anomalies": {"echo_odd": 3}},
    ],
)
def test_field_of_another_type_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="is no"):
        spec(**changed)


def test_profile_of_anything_but_words_is_refused() -> None:
    words: list[Any] = [*["word"] * 7, None]
    with pytest.raises(TypeError, match="None is no str"):
        Profile(*words)


@pytest.mark.parametrize("code", ["mismatch", "smtp_mismatch", "echo_", "echo_A"])
def test_code_must_begin_with_the_name_of_its_protocol(code: str) -> None:
    with pytest.raises(ValueError, match="no code of echo"):
        spec(anomalies={code: "odd"})


def spec(**changed: Any) -> ProtocolSpec:
    values = {each.name: getattr(ECHO, each.name) for each in fields(ECHO)}
    return ProtocolSpec(**{**values, **changed})

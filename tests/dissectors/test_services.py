from __future__ import annotations

from dataclasses import fields

import pytest

from dissectors.services import (
    PORTS,
    PROFILES,
    SERVICE_BY_PORT,
    SERVICES,
    Profile,
    Protocol,
    Security,
)


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
    assert SERVICE_BY_PORT[587].name == SERVICE_BY_PORT[2525].name == "submission"


@pytest.mark.parametrize(
    "service", SERVICES, ids=lambda each: f"{each.name}-{each.port}"
)
def test_service_is_found_by_its_port(service: object) -> None:
    assert service in SERVICE_BY_PORT.values()
    assert len(SERVICES) == len(SERVICE_BY_PORT) == len(PORTS)


def test_names_with_an_s_are_encrypted_from_the_start() -> None:
    implicit = {
        each.name for each in SERVICES if each.security is Security.IMPLICIT_TLS
    }

    # RFC 8314 §3
    assert implicit == {"imaps", "pop3s", "submissions"}


def test_pop3_has_a_word_of_its_own_for_the_upgrade() -> None:
    assert {each.port: each.security_name for each in SERVICES} == {
        **dict.fromkeys((25, 587, 2525, 143), "STARTTLS"),
        **dict.fromkeys((465, 993, 995), "TLS"),
        110: "STLS",
    }


def test_each_port_is_for_the_protocol_of_its_service() -> None:
    assert {PORTS[port] for port in (25, 465, 587, 2525)} == {Protocol.SMTP}
    assert {PORTS[port] for port in (143, 993)} == {Protocol.IMAP}
    assert {PORTS[port] for port in (110, 995)} == {Protocol.POP3}


def test_each_protocol_has_a_profile_that_leaves_nothing_out() -> None:
    assert list(PROFILES) == list(Protocol)
    for profile in PROFILES.values():
        assert all(getattr(profile, each.name) for each in fields(Profile))
    for each in fields(Profile):
        # where two protocols are the same, a comparison says nothing
        assert len({getattr(p, each.name) for p in PROFILES.values()}) == len(Protocol)


def test_profiles_name_the_registered_ports_and_how_these_are_secured() -> None:
    # RFC 5321 §4.5.4.2, RFC 6409 §3.1, RFC 8314 §7
    registered = {
        Protocol.SMTP: {25: "starttls", 587: "starttls", 465: "implicit"},
        Protocol.IMAP: {143: "starttls", 993: "implicit"},
        Protocol.POP3: {110: "starttls", 995: "implicit"},
    }

    assert registered == {
        protocol: {each.port: each.security for each in profile.ports}
        for protocol, profile in PROFILES.items()
    }

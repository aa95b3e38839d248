from __future__ import annotations

from typing import Any

from analyzer.findings.abuse import RULES
from analyzer.findings.engine import find
from analyzer.findings.rule import SERVER
from analyzer.findings.settings import Settings
from tests.support.analyses import analysis_of

STRANGER, OPEN_SERVER = "203.0.113.66", "192.0.2.150"


def found(name: str) -> dict[str, dict[str, Any]]:
    """The findings of a capture of real servers and clients, by rule."""
    table = find(analysis_of(name).tables, RULES, Settings())
    return {each["rule"]: each for each in table.to_pylist()}


def test_rules_are_of_one_theme() -> None:
    assert {rule.theme for rule in RULES} == {"abuse"}


def test_no_crowd_takes_the_place_of_a_client() -> None:
    beside_servers = {rule.id for rule in RULES if set(SERVER) < set(rule.per)}

    assert beside_servers == set()


def test_stranger_guesses_until_he_gets_in_and_the_owner_is_none() -> None:
    findings = found("smtp-password-guessing")

    assert set(findings) == {"password-guessing", "login-after-guessing"}
    after = findings["login-after-guessing"]
    assert (after["client_ip"], after["account"]) == (STRANGER, "ines@example.com")
    assert after["session_count"] == 1


def test_stranger_tries_a_password_on_many_accounts() -> None:
    (finding,) = found("imap-password-spraying").values()

    assert (finding["rule"], finding["client_ip"]) == ("password-spraying", STRANGER)
    assert finding["session_count"] == 12


def test_server_relays_for_whoever_says_that_he_is_its_user() -> None:
    findings = found("smtp-open-relay")

    assert set(findings) == {"open-relay", "relay-probing"}
    relay = findings["open-relay"]
    assert (relay["severity"], relay["confidence"]) == ("critical", "proven")
    assert (relay["server_ip"], relay["server_port"]) == (OPEN_SERVER, 25)
    assert findings["relay-probing"]["client_ip"] == STRANGER

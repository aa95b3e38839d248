from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyarrow as pa

from analyzer.findings.abuse import RULES
from analyzer.findings.engine import find
from analyzer.findings.rule import SERVER
from analyzer.findings.settings import Own, Settings
from analyzer.tables.schema import TABLES
from tests.support.analyses import analysis_of

START = 1_700_000_000 * 10**9
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


def hostile(count: int) -> dict[str, pa.Table]:
    """What one client sends to make it hard to judge, in so many sessions."""
    number = np.arange(count)
    ids = [f"s{each}" for each in number]
    # all at once, and then with longer and longer pauses
    times = START + np.where(number % 2, 0, number.astype(np.int64) ** 2 * 10**6)
    common = {"session_id": ids, "capture": ["a"] * count, "time": times}
    domains = ["a." * (each % 300) + f"d{each}.example" for each in number]
    columns: dict[str, dict[str, Any]] = {
        "sessions": {
            "session_id": ids,
            "protocol": ["smtp"] * count,
            "client_ip": ["10.6.6.6"] * count,
            "server_ip": [f"198.51.{each >> 8}.{each & 255}" for each in number],
            "server_port": np.full(count, 25),
            "start": times,
            "end": times,
            "complete": np.ones(count, bool),
            "missing_bytes": np.zeros(count, int),
            "client_bytes": number,
            "server_bytes": number,
        },
        "logins": common
        | {
            "user": [f"u{each % 777}@{domains[each]}" for each in number],
            "result": np.where(number % 3, "failure", "success"),
            "reply": ["535 no"] * count,
        },
        "exchanges": common
        | {
            "verb": np.array(["MAIL", "RCPT", "VRFY", "RCPT"])[number % 4],
            "argument": [f"TO:<a%b@{domain}" for domain in domains],
            "reply_code": np.array([250, 550, 554])[number % 3],
            "reply_text": ["no relay" + "@" * (each % 500) for each in number],
        },
        "messages": common
        | {
            "direction": ["relayed"] * count,
            "from": ["<" * (each % 500) + f"a@{domains[each]}" for each in number],
            "attachments": [[{"name": "." * (each % 500) + "exe"}] for each in number],
        },
    }
    tables = {table.name: table.arrow.empty_table() for table in TABLES}
    for name, values in columns.items():
        schema = tables[name].schema
        tables[name] = pa.Table.from_arrays(
            [
                pa.array(values[field.name]).cast(field.type)
                if field.name in values and not pa.types.is_list(field.type)
                else pa.array(values.get(field.name, [None] * count), field.type)
                for field in schema
            ],
            schema=schema,
        )
    return tables


def cost(count: int) -> float:
    """How much time it takes to judge so many sessions of that client."""
    tables = hostile(count)
    settings = Settings(Own(domains=frozenset(("example.com",))))
    begin = time.process_time()
    assert find(tables, RULES, settings).num_rows > 5
    return time.process_time() - begin


def test_hostile_client_costs_no_more_than_his_sessions() -> None:
    few = cost(2000)

    # as many times as there are sessions, and some tolerance; its square would be 64
    assert cost(16_000) < 8 * 2 * few

from __future__ import annotations

import pyarrow as pa

from analyzer.findings.settings import RuleSettings, Settings
from analyzer.selection.condition import Condition
from analyzer.selection.selection import Selection, where
from analyzer.tables.schema import LOGINS, SESSIONS
from tests.support.analyses import analysis_of, rows_of
from tests.support.tables import sessions_of, with_sessions


def chosen(selection: Selection) -> set[str]:
    tables = analysis_of("office").tables
    flags = selection.of(tables)
    ids: list[str] = tables["sessions"]["session_id"].filter(flags).to_pylist()
    return set(ids)


def ids_of(**told: object) -> set[str]:
    return {
        row["session_id"]
        for row in rows_of("office")
        if all(row[name] == value for name, value in told.items())
    }


def test_nothing_that_is_asked_for_chooses_all() -> None:
    assert not Selection()
    assert chosen(Selection()) == ids_of()


def test_all_that_is_asked_for_must_hold() -> None:
    pop3 = Condition("service = 'pop3'", SESSIONS)
    failed = Condition("failure is not null", SESSIONS)

    both = chosen(Selection((pop3, failed)))

    assert both == chosen(where("service = 'pop3' and failure is not null"))
    assert set() < both < ids_of(service="pop3")


def test_user_is_found_in_any_login_of_a_session() -> None:
    analysis = with_sessions(sessions_of(*({"session_id": each} for each in "abcd")))
    logins = [
        {"session_id": "a", "user": "eva"},
        {"session_id": "a", "user": "Max"},
        {"session_id": "b", "user": "eva"},
        {"session_id": "c", "user": "eva", "authzid": "MAX"},
        {"session_id": "d", "user": None},
    ]
    tables = {
        **analysis.tables,
        "logins": pa.Table.from_pylist(logins, LOGINS.arrow),
    }

    flags = Selection(users=("max",)).of(tables)

    assert flags.to_pylist() == [True, False, True, False]


def test_any_of_some_users_is_enough() -> None:
    eva, scanner = "eva@example.com", "scanner@example.com"

    both = chosen(Selection(users=(eva, scanner)))

    assert both == chosen(Selection(users=(eva,))) | chosen(Selection(users=(scanner,)))


def test_rule_chooses_all_sessions_in_which_it_sees_something() -> None:
    guessing = chosen(Selection(findings=("password-guessing",)))

    (finding,) = (
        row
        for row in analysis_of("office").findings.to_dict("records")
        if row["rule"] == "password-guessing"
    )
    assert guessing == set(finding["session_ids"])


def test_rule_judges_as_users_set() -> None:
    tables = analysis_of("office").tables
    strict = Settings(
        rules={"password-guessing": RuleSettings(thresholds={"failures": 1000})}
    )

    flags = Selection(findings=("password-guessing",)).of(tables, strict)

    assert not any(flags.to_pylist())


def test_selection_says_which_columns_it_looks_at() -> None:
    both = (Condition("complete", SESSIONS), Condition("vlan = 1", SESSIONS))

    assert Selection(both).columns == {"complete", "vlan"}
    assert Selection(users=("x",)).columns == set()

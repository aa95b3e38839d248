from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from analyzer.reports import accounts
from tests.support.analyses import CAPTURES, analysis_of, rows_of
from tests.support.tables import sessions_of

SECOND = 1_000_000_000


def login(
    user: str | None, client: str = "192.0.2.1", **values: object
) -> dict[str, object]:
    return {"auth_user": user, "client_ip": client, "auth_attempts": 1, **values}


def test_account_is_one_row_whatever_was_done_in_its_name() -> None:
    sessions = sessions_of(
        login("tom", start=9 * SECOND, end=12 * SECOND, client_software="Kmail"),
        login("tom", start=3 * SECOND, end=4 * SECOND, auth_failures=2, service="pop3"),
        login("tom", "192.0.2.2", start=5 * SECOND, client_software="mutt"),
        login("ines", credentials_exposed=True, auth_failures=1),
        login(None),
    )

    first, second = accounts(sessions).to_dict("records")

    assert first == {
        "auth_user": "tom",
        "services": "imap, pop3",
        "sessions": 3,
        "clients": 2,
        "client_ips": "192.0.2.1, 192.0.2.2",
        "client_software": "Kmail, mutt",
        "failures": 2,
        "exposed": False,
        "only_refused": False,
        "first_seen": pd.Timestamp(3 * SECOND, tz="UTC"),
        "last_seen": pd.Timestamp(12 * SECOND, tz="UTC"),
    }
    assert (second["auth_user"], second["failures"]) == ("ines", 1)
    assert second["exposed"] is True
    assert pd.isna(second["client_software"])


def test_guess_that_failed_exposes_no_account() -> None:
    sent: dict[str, Any] = {"credentials_exposed": True}
    refused = sent | {"auth_result": "failure", "failure": "login-failed"}
    sessions = sessions_of(
        login("guessed", **refused),
        login("real", **refused),
        login("real", **sent, auth_result="success"),
        login("unknown", **sent, auth_result="unknown"),
        # the server did not even look at the password
        login("later", **refused, failure_temporary=True),
        login("hidden", auth_result="success"),
    )

    rows = accounts(sessions).set_index("auth_user")

    assert set(rows.index[rows["exposed"]]) == {"real", "unknown", "later"}
    assert set(rows.index[rows["only_refused"]]) == {"guessed"}


def test_case_makes_no_other_account_and_the_first_spelling_names_it() -> None:
    sessions = sessions_of(
        login("ZOE@example.com", start=2 * SECOND),
        login("Zoe@Example.com", start=1 * SECOND),
        login("zoe"),
    )

    rows = accounts(sessions)

    assert rows["auth_user"].tolist() == ["Zoe@Example.com", "zoe"]
    assert rows["sessions"].tolist() == [2, 1]


def test_many_addresses_are_counted_and_a_few_are_named() -> None:
    sessions = sessions_of(*(login("tom", f"192.0.2.{i}") for i in range(1, 10)))

    [row] = accounts(sessions).to_dict("records")

    assert row["clients"] == 9
    assert row["client_ips"] == "192.0.2.1, 192.0.2.2, 192.0.2.3 (and 6 more)"
    assert row["services"] == "imap"


def test_accounts_of_the_office_are_those_of_its_sessions() -> None:
    rows = accounts(analysis_of("office").sessions)

    told = dict(zip(rows["auth_user"], rows["failures"], strict=True))
    expected: dict[str, int] = {}
    for session in rows_of("office"):
        if user := session["auth_user"]:
            expected[user] = expected.get(user, 0) + session["auth_failures"]
    assert told == expected
    assert rows["sessions"].is_monotonic_decreasing
    assert (rows["first_seen"] <= rows["last_seen"]).all()


@pytest.mark.parametrize("name", CAPTURES)
def test_every_capture_has_a_row_per_name(name: str) -> None:
    sessions = analysis_of(name).sessions

    rows = accounts(sessions)

    assert len(rows) == sessions["auth_user"].dropna().nunique()
    assert rows["sessions"].sum() == sessions["auth_user"].notna().sum()

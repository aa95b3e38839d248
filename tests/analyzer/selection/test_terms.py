"""What SQL's simplest databases don't have: lists, times, networks."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from analyzer.selection.condition import Condition
from analyzer.tables.schema import SESSIONS

HOUR_NS = 3600 * 10**9
# 2026-01-01 10:00 UTC
TEN = int(dt.datetime(2026, 1, 1, 10, tzinfo=dt.UTC).timestamp()) * 10**9


def places(condition: str, **columns: list[Any]) -> list[int]:
    """The places of the rows that are chosen."""
    rows = pa.table(
        {
            name: pa.array(of, SESSIONS.arrow.field(name).type)
            for name, of in columns.items()
        }
    )
    flags = Condition(condition, SESSIONS).of(rows).to_pylist()
    return [place for place, flag in enumerate(flags) if flag]


LISTS: list[Any] = [["a", "b"], [], None, ["ab"], ["b"]]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("'a' in anomalies", [0]),
        ("'a' not in anomalies", [1, 3, 4]),
        ("anomalies like 'a%'", [0, 3]),
        ("anomalies not like 'a%'", [1, 4]),
        ("anomalies ilike 'A'", [0]),
        ("length(anomalies) = 1", [3, 4]),
        ("anomalies is null", [2]),
        ("'a' in anomalies or 'b' in anomalies", [0, 4]),
    ],
)
def test_lists_are_asked_for_their_items(condition: str, expected: list[int]) -> None:
    assert places(condition, anomalies=LISTS) == expected


def test_list_is_asked_for_what_another_column_says() -> None:
    users = ["a", "a", "a", None, "b"]

    assert places("auth_user in anomalies", anomalies=LISTS, auth_user=users) == [0, 4]
    found = places("auth_user not in anomalies", anomalies=LISTS, auth_user=users)
    assert found == [1]


def test_list_of_numbers_is_asked_for_a_number() -> None:
    codes: list[Any] = [[220, 250], [554], None]

    assert places("554 in reply_codes", reply_codes=codes) == [1]
    assert places("554.0 in reply_codes", reply_codes=codes) == [1]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("start >= '2026-01-01 10:00'", [1, 2]),
        ("start > '2026-01-01T10:00:00Z'", [2]),
        ("'2026-01-01 12:00+02:00' = start", [1]),
        ("start < '2026-01-01'", [0]),
        ("start between '2026-01-01' and '2026-01-02'", [1]),
        ("start in ('2026-01-01 10:00')", [1]),
        ("hour(start) = 10", [0, 1, 2]),
        ("start + interval '1 day' > '2026-01-02'", [1, 2]),
        ("end - start > interval '90 minutes'", [1]),
        ("end - start > '90 minutes'", [1]),
        ("end - interval '2 h' = start", [1]),
        ("start > '9999-12-31' or start < '0001-01-01'", []),
    ],
)
def test_times_are_compared(condition: str, expected: list[int]) -> None:
    start = [TEN - 24 * HOUR_NS, TEN, TEN + 24 * HOUR_NS, None]
    end = [TEN - 24 * HOUR_NS, TEN + 2 * HOUR_NS, None, None]

    assert places(condition, start=start, end=end) == expected


ADDRESSES = [
    "192.0.2.1",
    "192.0.3.1",
    "2001:db8::1",
    None,
    "no address",
    "::ffff:c000:201",
]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("client_ip <<= '192.0.2.0/24'", [0]),
        ("client_ip <<= '192.0.2.77/23'", [0, 1]),
        ("client_ip <<= '192.0.2.1'", [0]),
        ("client_ip <<= '2001:DB8::/32'", [2]),
        ("client_ip <<= '0.0.0.0/0'", [0, 1]),
        ("not client_ip <<= '0.0.0.0/0'", [2, 4, 5]),
        ("client_ip = '2001:DB8:0::1'", [2]),
        ("client_ip in ('192.0.3.1', '2001:db8::1')", [1, 2]),
        ("client_ip like '192.0.%'", [0, 1]),
        ("client_ip <> '192.0.2.1'", [1, 2, 4, 5]),
    ],
)
def test_addresses_are_compared(condition: str, expected: list[int]) -> None:
    assert places(condition, client_ip=ADDRESSES) == expected


def test_large_numbers_are_compared_without_a_fault() -> None:
    numbers = [2**63 - 1, 2**60 + 1, -(2**63), 0]

    assert places("client_bytes > 1.5", client_bytes=numbers) == [0, 1]
    assert places("client_bytes = 1152921504606846977", client_bytes=numbers) == [1]
    assert places("client_bytes + client_bytes > 1e19", client_bytes=numbers) == [0]
    assert places(f"client_bytes < {10**30}", client_bytes=numbers) == [0, 1, 2, 3]
    assert places("client_bytes in (0, 0.5)", client_bytes=numbers) == [3]
    assert places("server_port < 1e5", server_port=[65535]) == [0]
    assert places("server_port in (70000, -1)", server_port=[65535]) == []


def test_number_has_another_sign_behind_a_minus() -> None:
    columns: dict[str, list[Any]] = {"duration_s": [1.5, -2.0, None]}

    assert places("-duration_s > 0", **columns) == [1]
    assert places("- -duration_s > 0", **columns) == [0]
    assert places("duration_s = -(2)", **columns) == [1]


def test_division_by_nothing_is_not_known() -> None:
    columns: dict[str, list[Any]] = {
        "server_bytes": [1, 0, 6],
        "duration_s": [0.0, 0.0, 2.0],
    }

    assert places("server_bytes / duration_s > 0", **columns) == [2]
    assert places("server_bytes / duration_s is null", **columns) == [0, 1]
    assert places("not server_bytes / duration_s = 4", **columns) == [2]


def test_pattern_takes_a_sign_literally_behind_a_backslash() -> None:
    users = ["100%", "100", "a_b", "axb"]

    assert places(r"auth_user like '%\%'", auth_user=users) == [0]
    assert places(r"auth_user like 'a\_b'", auth_user=users) == [2]

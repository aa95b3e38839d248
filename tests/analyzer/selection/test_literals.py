from __future__ import annotations

import pytest

from analyzer.selection.literals import (
    membership,
    parse_address,
    parse_interval,
    parse_network,
    parse_time,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86_400),
        ("1970-01-01 01:00", 3600),
        ("1970-01-01T01:00:00.5Z", 3600.5),
        ("1970-01-01 01:00+01:00", 0),
        ("1969-12-31 23:59", -60),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(text: str, seconds: float) -> None:
    assert parse_time(text) == round(seconds * 10**9)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1 day", 86_400), ("90min", 5400), ("0.5 h", 1800), ("2 WEEKS", 1_209_600)],
)
def test_intervals_have_units(text: str, seconds: int) -> None:
    assert parse_interval(text) == seconds * 10**9


def test_addresses_are_written_as_in_the_tables() -> None:
    assert parse_address("2001:DB8:0:0::1") == "2001:db8::1"
    assert parse_address("::ffff:192.0.2.1") == "::ffff:192.0.2.1"


def test_address_is_a_network_of_one() -> None:
    is_inside = membership(parse_network("192.0.2.1"))

    assert is_inside("192.0.2.1")
    assert not is_inside("192.0.2.2")
    assert not is_inside("::1")
    assert not is_inside("\ud800")


@pytest.mark.parametrize(
    "parse", [parse_time, parse_interval, parse_address, parse_network]
)
@pytest.mark.parametrize(
    "text", ["", "x", "\x00", "1 fortnight", "192.0.2.256", "9" * 99]
)
def test_what_is_none_is_refused(parse: object, text: str) -> None:
    with pytest.raises(ValueError, match=r"is|are"):
        parse(text)  # type: ignore[operator]

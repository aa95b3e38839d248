from __future__ import annotations

import pytest

from dissectors.conversation.capabilities import read_capability, report_capabilities
from dissectors.conversation.logins import Logins
from dissectors.conversation.reporter import Reporter
from dissectors.events import (
    CapabilitiesAnnounced,
    Event,
    LoginOffered,
    StartTls,
    StartTlsAdvanced,
)
from dissectors.limits import DEFAULT_LIMITS


@pytest.mark.parametrize(
    ("line", "read"),
    [
        (b"sasl PLAIN Login\r", "SASL PLAIN Login"),
        (b" TOP ", "TOP"),
        (b"EXPIRE never", "EXPIR"),
        (b" \r", ""),
    ],
)
def test_keyword_of_a_line_is_put_in_upper_case(line: bytes, read: str) -> None:
    limit = 5 if read == "EXPIR" else 100

    assert read_capability(line, limit) == read


def reported(*capabilities: str, is_whole: bool) -> tuple[list[Event], Logins]:
    reporter, logins = Reporter(DEFAULT_LIMITS), Logins()
    report_capabilities(
        reporter, logins, capabilities, ["PLAIN"], upgrade="STLS", is_whole=is_whole
    )
    return reporter.events, logins


def test_whole_list_tells_what_is_offered_and_what_is_not() -> None:
    events, logins = reported("SASL PLAIN", "TOP", is_whole=True)

    assert events == [
        CapabilitiesAnnounced(["SASL PLAIN", "TOP"]),
        LoginOffered(["PLAIN"]),
        StartTlsAdvanced(StartTls.NOT_OFFERED),
    ]
    assert logins.offered == {"PLAIN"}
    assert logins.announced == {"SASL", "TOP"}


@pytest.mark.parametrize(
    ("capability", "steps"), [("TOP", []), ("STLS", [StartTls.OFFERED])]
)
def test_part_of_a_list_tells_only_what_is_in_it(
    capability: str, steps: list[StartTls]
) -> None:
    events, logins = reported(capability, is_whole=False)

    assert events == [StartTlsAdvanced(step) for step in steps]
    assert not logins.announced

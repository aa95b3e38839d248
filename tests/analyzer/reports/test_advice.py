from __future__ import annotations

import pytest

from analyzer.reports.advice import advice
from analyzer.reports.verdicts import ClientUse
from analyzer.reports.ways import Ways
from analyzer.sessions.role import Role

STARTTLS = Ways(steps={"offered": 1})


@pytest.mark.parametrize(
    ("ways", "expected"),
    [
        (STARTTLS, "turn on STARTTLS"),
        (Ways(ports={993: 1}), "switch to port 993"),
        (Ways(ports={993: 1, 1993: 1}), "switch to port 993 or 1993"),
        (Ways(is_implicit=True), "use TLS on this port"),
        (
            Ways(steps={"refused": 1}),
            "let the server accept STARTTLS first, which it refuses",
        ),
        (
            Ways(steps={"not-offered": 1}),
            "let the server offer TLS first: no other way was seen",
        ),
        (Ways(), "ask whether the server offers TLS: not captured"),
    ],
)
def test_advice_is_a_way_that_was_seen(ways: Ways, expected: str) -> None:
    assert advice(ClientUse.PLAINTEXT_ONLY, Role.ACCESS, ways) == expected


def test_client_that_uses_tls_elsewhere_may_stay() -> None:
    assert advice(ClientUse.BOTH, Role.ACCESS, Ways()) == (
        "let it use TLS always, as at other times"
    )


def test_relay_in_plaintext_is_nobodys_mistake() -> None:
    assert advice(ClientUse.PLAINTEXT_ONLY, Role.RELAY, Ways()) == (
        "nothing: relay may use plaintext"
    )
    assert advice(ClientUse.BOTH, Role.RELAY, STARTTLS) == "turn on STARTTLS"


@pytest.mark.parametrize(
    "use",
    [
        ClientUse.ATTACK,
        ClientUse.FAILED_LOGIN,
        ClientUse.INCOMPLETE,
        ClientUse.CONNECTED_ONLY,
    ],
)
def test_who_never_got_in_needs_no_other_way(use: ClientUse) -> None:
    assert "STARTTLS" not in advice(use, Role.ACCESS, STARTTLS)

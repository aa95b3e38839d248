from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING

import pytest

from analyzer import reports
from analyzer.terminal.protocols import print_protocols, protocols_json
from dissectors.registry import BUILTIN
from tests.support.analyses import CAPTURES, analysis_of
from tests.support.hostile import with_attacks
from tests.support.terminal import plain, printed

if TYPE_CHECKING:
    from analyzer import Analysis

ASPECTS = [
    "purpose",
    "direction",
    "storage",
    "in sync",
    "devices",
    "folders",
    "network",
    "security",
    "ports",
]


def shown(
    analysis: Analysis | None = None, width: int | None = None, **options: object
) -> str:
    """The comparison on a terminal of some width, or in a pipe."""
    return printed(lambda console: print_protocols(console, analysis), width, **options)


def columns(text: str) -> list[str]:
    """The text of each column, joined from its lines."""
    lines = plain(text).splitlines()
    heading = next(line for line in lines if line.split() == ["SMTP", "IMAP", "POP3"])
    starts = [0, *(heading.index(name) for name in heading.split()), len(heading) + 99]
    rows = lines[lines.index(heading) + 1 :]
    return [
        " ".join(" ".join(row[begin:end] for row in rows).split())
        for begin, end in itertools.pairwise(starts)
    ]


@pytest.mark.parametrize("width", [60, 80, 140, 250, None])
def test_every_claim_is_shown_whole_in_its_column(width: int | None) -> None:
    text = shown(width=width)

    titles, *protocols = columns(text)
    assert titles == " ".join(ASPECTS)
    for column, spec in zip(protocols, BUILTIN, strict=True):
        for name in ("purpose", "direction", "storage", "devices", "network"):
            assert getattr(spec.profile, name) in column
        for service in spec.registered_services:
            secured = spec.security_name(service)
            assert f"{service.port} {service.name}, {secured}" in column
    assert max(map(len, plain(text).splitlines())) <= min(width or 80, 140)


@pytest.mark.parametrize("width", [60, 80, 140, None])
def test_what_was_seen_stands_below_each_claim(width: int | None) -> None:
    titles, smtp, imap, pop3 = columns(shown(analysis_of("office"), width))

    assert titles == " seen ".join(ASPECTS) + " seen"
    claim = BUILTIN[0].profile.purpose
    assert f"{claim} 2 submitted 2 relayed client to server" in smtp
    assert "1 retrieved 1 stored" in imap
    assert "1 left on the server 1 deleted 1 session deleted some" in pop3
    assert (
        "587: 3 STARTTLS, 6 in plaintext 25: 4 STARTTLS, 3 in plaintext 465: 1 TLS"
        in smtp
    )
    assert "143: 1 STARTTLS, 2 in plaintext 993: 3 TLS" in imap
    assert "110: 1 STLS, 4 in plaintext 995: 1 TLS" in pop3


def test_headline_says_how_much_was_read_and_what_is_hidden() -> None:
    assert shown(analysis_of("office")).splitlines()[:3] == [
        "29 mail sessions in 1,162 packets (441.6 kB)",
        "TLS hides what was done in 14 sessions",
        "",
    ]
    assert "TLS hides" not in shown(analysis_of("pop3-apop"))


def test_protocol_without_traffic_is_not_seen() -> None:
    _, smtp, imap, pop3 = columns(shown(analysis_of("pop3-leave-on-server")))

    assert smtp.count("not seen") == imap.count("not seen") == len(ASPECTS)
    assert "not seen" not in pop3


def test_what_was_seen_is_set_off_by_colour_where_colours_are_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    coloured = re.compile(r"\x1b\[36m2 submitted")

    assert coloured.search(shown(analysis_of("office"), 80))
    assert "\x1b" not in shown(analysis_of("office"))

    monkeypatch.setenv("NO_COLOR", "1")

    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", shown(analysis_of("office"), 80))


def test_json_has_the_profiles_and_the_tables() -> None:
    office = analysis_of("office")

    without, document = json.loads(protocols_json()), json.loads(protocols_json(office))

    assert without == {"profiles": document["profiles"]}
    assert list(without["profiles"]) == ["smtp", "imap", "pop3"]
    assert without["profiles"]["pop3"]["ports"] == [
        {"port": 110, "service": "pop3", "security": "starttls"},
        {"port": 995, "service": "pop3s", "security": "implicit"},
    ]
    use = {row["protocol"]: row for row in document["use"]}
    assert use["smtp"]["messages_submitted"] == 2
    assert use["imap"]["messages_left"] is None
    assert len(document["ports"]) == len(reports.by_port(office.sessions))
    assert len(document["accounts"]) == len(reports.accounts(office.sessions))
    assert {row["direction"] for row in document["transfers"]} == {
        "submitted",
        "relayed",
        "retrieved",
        "appended",
    }


@pytest.mark.parametrize("name", CAPTURES)
def test_every_capture_can_be_compared(name: str) -> None:
    text = shown(analysis_of(name), 80)

    assert columns(text)[0].split()[0] == "purpose"
    assert list(json.loads(protocols_json(analysis_of(name)))["use"][0])


def test_hostile_words_can_not_control_the_terminal() -> None:
    hostile = with_attacks(analysis_of("office"))

    for text in (plain(shown(hostile, 80)), shown(hostile), protocols_json(hostile)):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)

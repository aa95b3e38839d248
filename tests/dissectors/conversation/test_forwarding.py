"""What proxies tell of the clients behind them."""

from __future__ import annotations

import pytest

from dissectors import ImapDialogue, Pop3Dialogue, SmtpDialogue
from dissectors.conversation.forwarding import show_attribute
from dissectors.events import (
    ClientForwarded,
    Exchange,
    ExtensionUsed,
    SoftwareIdentified,
)
from tests.support.playbook import Playbook

XCLIENT = b"XCLIENT ADDR=203.0.113.5 PORT=4711 LOGIN=a+3Db FORWARD=c2VjcmV0\r\n"
TOLD = ["ADDR=203.0.113.5", "PORT=4711", "LOGIN=a=b"]
ID = (
    b'a ID ("name" "Dovecot" "x-originating-ip" "203.0.113.5" "X-Originating-Port"'
    b' "4711" "x-session-id" "abc" "x-forward-token" "s3cr\\"et" "os" "Linux")\r\n'
)


def told(play: Playbook) -> list[list[str]]:
    return [event.attributes for event in play.events_of(ClientForwarded)]


@pytest.mark.parametrize(
    ("make", "greeting", "yes", "no"),
    [
        (SmtpDialogue, b"220 mx\r\n", b"220 mx\r\n", b"550 no\r\n"),
        (Pop3Dialogue, b"+OK\r\n", b"+OK Updated\r\n", b"-ERR no\r\n"),
    ],
)
def test_proxy_names_the_client_by_xclient(
    make: type[SmtpDialogue] | type[Pop3Dialogue],
    greeting: bytes,
    yes: bytes,
    no: bytes,
) -> None:
    play = Playbook(make).server(greeting).client(XCLIENT).server(yes)
    assert told(play) == [TOLD]
    assert [each.name for each in play.events_of(ExtensionUsed)] == ["XCLIENT"]
    (_, exchange) = play.events_of(Exchange)
    assert exchange.argument is not None
    assert exchange.argument.endswith(" ***")

    assert told(Playbook(make).server(greeting).client(XCLIENT).server(no)) == []


@pytest.mark.parametrize(
    ("attribute", "shown"),
    [
        ("LOGIN=ann", "LOGIN=ann"),
        ("login=ann+40example.com", "login=ann+40example.com"),
        ("LOGIN=a+3Db", "LOGIN=a+3Db"),
        ("LOGIN=", "LOGIN="),
        ("HELO=+5B192.0.2.1+5D", "HELO=+5B192.0.2.1+5D"),
        # no xtext, or no name in it
        ("LOGIN=a=b", "***"),
        ("LOGIN=a+3Ab", "***"),
        ("LOGIN=a+00b", "***"),
        ("LOGIN=a+b", "***"),
        ("HELO=a+20b", "***"),
        ("PASS=b", "***"),
    ],
)
def test_attribute_is_shown_if_it_is_harmless(attribute: str, shown: str) -> None:
    assert show_attribute(attribute) == shown


def test_proxy_names_the_client_by_id() -> None:
    play = Playbook(ImapDialogue).server(b"* OK hi\r\n").client(ID)
    play.server(b'* ID ("x-originating-ip" "192.0.2.1")\r\na OK\r\n')
    assert told(play) == [
        [
            "X-ORIGINATING-IP=203.0.113.5",
            "X-ORIGINATING-PORT=4711",
            "X-SESSION-ID=abc",
        ]
    ]
    assert "s3cr" not in str(play.run())
    (client, _) = play.events_of(SoftwareIdentified)
    assert client.name == "Dovecot"


def test_client_that_names_itself_is_behind_no_proxy() -> None:
    play = Playbook(ImapDialogue).server(b"* OK hi\r\n")
    assert told(play.client(b'a ID ("name" "x-client")\r\nb ID NIL\r\n')) == []

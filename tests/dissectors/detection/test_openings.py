from __future__ import annotations

import pytest

from dissectors.conversation.proxy_header import BEGINNINGS as PROXY_BEGINNINGS
from dissectors.detection import openings
from dissectors.detection.detector import Chunk, Detector, Verdict, may_hide_mail
from dissectors.events import Side
from tests.support.plugins import ECHO, echo, plugins

CLIENT, SERVER = Side


def found(port_protocol: str | None, *said: tuple[Side, bytes]) -> str | None:
    """The protocol that what both sides say is taken for."""
    detector = Detector(port_protocol, saw_start=True)
    for frame, (side, data) in enumerate(said):
        detector.receive(Chunk(side, data, 0, frame, frame))
    is_mail = detector.finish() is Verdict.MAIL
    return detector.protocol if is_mail else None


def test_all_that_is_said_first_is_looked_for() -> None:
    with plugins() as install:
        install(ECHO)

        assert openings.server_beginnings()[-1] == b"ECHO"
        assert openings.client_beginnings()[-1] == b"SAY "
        assert set(PROXY_BEGINNINGS) < set(openings.client_beginnings())


def test_protocol_of_a_plugin_is_found_where_the_port_tells_nothing() -> None:
    talk = ((SERVER, b"ECHO ready\r\n"), (CLIENT, b"SAY hello\r\n"))

    assert found(None, *talk) is None
    with plugins() as install:
        install(ECHO)

        assert found(None, *talk) == "echo"
        assert found("echo", *talk) == "echo"
        assert found("smtp", *talk) is None


def test_client_hello_names_the_protocol_of_a_plugin() -> None:
    hello = b"\x16\x03\x01\x00\x40\x01" + bytes(40) + b"\x04echo"

    assert not may_hide_mail(hello, None)
    with plugins() as install:
        install(echo(alpn=(b"echo",)))

        assert openings.protocol_by_alpn()[b"echo"] == "echo"
        assert may_hide_mail(hello, None)


@pytest.mark.parametrize(
    ("server_began", "expected"), [(True, {"pop3"}), (False, set())]
)
def test_server_that_answers_says_too_little(
    *, server_began: bool, expected: set[str]
) -> None:
    """Redis says `+OK`, too, but not before it is asked."""
    fitting = openings.find_protocols(
        SERVER, bytearray(b"+OK\r\n"), None, server_began=server_began, at_end=False
    )

    assert fitting == expected


def test_line_may_go_on_until_the_end() -> None:
    half = bytearray(b"+O")
    answers = [
        openings.find_protocols(SERVER, half, "pop3", server_began=True, at_end=at_end)
        for at_end in (False, True)
    ]

    assert answers == [None, set()]

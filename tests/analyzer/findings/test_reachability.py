"""Rules about servers that can't be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.findings import found
from tests.support.traffic import (
    ACK,
    CLIENT,
    RST,
    SERVER,
    SYN,
    PacketScript,
)

if TYPE_CHECKING:
    from pathlib import Path


RULE = "connection-refused"


class Attempt(PacketScript):
    """A client that tries to connect."""

    def __init__(self, number: int, server: str = "198.51.100.25") -> None:
        self.server_ip = server
        super().__init__(
            25, client_port=40_000 + number, start_ms=number * 10, handshake=False
        )
        self.send(CLIENT, flags=SYN)

    def refused(self) -> Attempt:
        """The server says no."""
        self.send(SERVER, flags=RST | ACK)
        return self


def test_client_is_refused_again_and_again(tmp_path: Path) -> None:
    (finding,) = found(
        tmp_path, RULE, *(Attempt(number).refused() for number in range(3))
    )

    assert (finding["kind"], finding["severity"], finding["confidence"]) == (
        *("refused", "low", "proven"),
    )
    assert (finding["session_count"], finding["server_port"]) == (3, 25)


def test_client_is_refused_once(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, RULE, Attempt(0).refused())

    assert finding["severity"] == "info"


def test_server_that_is_reached_at_last_was_away_for_a_while(tmp_path: Path) -> None:
    attempts = [Attempt(number).refused() for number in range(5)]
    session = PacketScript(25, start_ms=1000).server(b"220 hi\r\n")

    (finding,) = found(tmp_path, RULE, *attempts, session)

    assert finding["severity"] == "info"


def test_silence_is_but_possible(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, RULE, *(Attempt(number) for number in range(3)))

    assert (finding["kind"], finding["confidence"]) == ("unanswered", "possible")


def test_who_looks_for_servers_is_left_out(tmp_path: Path) -> None:
    scan = [Attempt(number, f"198.51.100.{number}").refused() for number in range(30)]

    assert found(tmp_path, RULE, *scan) == []
    assert len(found(tmp_path, RULE, *scan[:10])) == 10


def test_connection_that_was_accepted_is_no_finding(tmp_path: Path) -> None:
    assert found(tmp_path, RULE, PacketScript(25).server(b"220 hi\r\n").close()) == []

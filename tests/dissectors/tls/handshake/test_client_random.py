from __future__ import annotations

import pytest

from dissectors.tls.handshake.client_random import (
    CLIENT_RANDOM_END,
    read_client_random,
)
from dissectors.tls.handshake.hello import read_client_hello
from tests.support.tls.wire import client_hello_body, handshake, record

BODY = client_hello_body()
HELLO = record(22, handshake(1, BODY))


@pytest.mark.parametrize("end", [CLIENT_RANDOM_END, None])
def test_random_of_a_hello_is_read_from_its_beginning(end: int | None) -> None:
    assert read_client_random(HELLO[:end]) == read_client_hello(BODY).random


@pytest.mark.parametrize(
    "start",
    [
        b"",
        HELLO[: CLIENT_RANDOM_END - 1],
        record(22, handshake(2, BODY)),
        record(23, handshake(1, BODY)),
        b"\x16\x02" + HELLO[2:],
    ],
)
def test_what_is_no_client_hello_has_none(start: bytes) -> None:
    assert read_client_random(start) is None

"""Cost is linear in the bytes, and memory bounded, whatever is sent.

The inputs are those of `python -m tests.bench.hostile`, much smaller.
"""

from __future__ import annotations

import pytest

from tests.bench.hostile import INPUTS, read
from tests.fuzz.check import held_bytes

_SHARE = 0.01
# each tenth of an input may cost so many times the average: machines are busy
_SLACK = 4
# what is quicker than this tells nothing
_TICK_S = 0.02
_MOST_HELD = 8 * 1024 * 1024

CUT = {
    "SMTP: command line of 1 GiB": "line_too_long",
    "SMTP: reply line of 1 GiB": "line_too_long",
    "SMTP: multi-line reply, 100 MB": "smtp_reply_too_long",
    "SMTP: header field of 100 MB": "message_header_too_large",
    "SMTP: header fields, 100 MB": "message_header_too_large",
    "IMAP: command line of 1 GiB": "line_too_long",
    "IMAP: response line of 1 GiB": "line_too_long",
    "IMAP: literal of a login, 1 GiB": "line_too_long",
    "POP3: command line of 1 GiB": "line_too_long",
    "POP3: response line of 1 GiB": "line_too_long",
}


@pytest.mark.parametrize("name", INPUTS)
def test_cost_is_linear_and_memory_bounded(name: str) -> None:
    size = max(100, int(INPUTS[name].size * _SHARE))
    small = min(read(name, size // 10).seconds for _ in range(3))
    large = read(name, size)
    assert large.seconds <= 10 * _SLACK * max(small, _TICK_S / 10) + _TICK_S
    assert large.held <= _MOST_HELD
    assert name not in CUT or CUT[name] in large.anomalies


@pytest.mark.parametrize(
    ("name", "size", "code"),
    [
        ("SMTP: 100,000 recipients", 10_100, "list_too_long"),
        ("SMTP: 100,000 pipelined commands", 1_100, "too_many_pending_commands"),
        ("IMAP: 100,000 pipelined commands", 1_100, "too_many_pending_commands"),
        ("POP3: 100,000 pipelined commands", 1_100, "too_many_pending_commands"),
        ("SMTP: parameters, 10 MB", 300_000, "message_header_too_large"),
        ("SMTP: 1,000 nested parts", 1_000, "message_too_deep"),
        ("SMTP: 100,000 parts", 1_100, "message_too_many_parts"),
    ],
)
def test_row_says_what_was_cut(name: str, size: int, code: str) -> None:
    assert code in read(name, size).anomalies


@pytest.mark.parametrize(
    "name",
    [
        "SMTP: body line of 1 GiB",
        "SMTP: uuencoded line of 100 MB",
        "IMAP: literal of 4 GiB, 1 GiB of it",
        "IMAP: 1,000,000 responses",
        "POP3: listing of 100 MB",
    ],
)
def test_row_says_nothing_where_nothing_was_cut(name: str) -> None:
    assert read(name, INPUTS[name].size // 100).anomalies == []


def test_held_bytes_are_counted() -> None:
    assert held_bytes([b"x" * 1000]) >= 1000

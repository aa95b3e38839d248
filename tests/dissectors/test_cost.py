"""Cost is linear in the bytes, and memory bounded, whatever is sent.

The inputs are those of `python -m tests.bench.hostile`, much smaller. Here lines of
Python are counted, which no busy machine changes; there it is seconds.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.bench.hostile import INPUTS, read
from tests.fuzz.check import held_bytes

if TYPE_CHECKING:
    from types import FrameType

    from _typeshed import TraceFunction

    from tests.bench.hostile import Result

_SHARE = 0.01
# ten times the input may run so many times the lines; quadratic were a hundred
_GROWTH = 12
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


def read_counting_lines(name: str, size: int) -> tuple[int, Result]:
    """The lines of Python that an input takes, and its result."""
    lines = 0

    def count(_frame: FrameType, what: str, _argument: object) -> TraceFunction:
        nonlocal lines
        lines += what == "line"
        return count

    tracer = sys.gettrace()
    sys.settrace(count)
    try:
        result = read(name, size)
    finally:
        sys.settrace(tracer)
    return lines, result


@pytest.mark.parametrize("name", INPUTS)
def test_cost_is_linear_and_memory_bounded(name: str) -> None:
    size = max(100, int(INPUTS[name].size * _SHARE))
    few, _ = read_counting_lines(name, size // 10)
    many, large = read_counting_lines(name, size)
    assert many <= _GROWTH * few
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

from __future__ import annotations

import pytest

from dissectors import pop3
from tests.support.pop3 import ERR, OK


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        (b"+OK ready", (OK, b"ready")),
        (b"+OK", (OK, b"")),
        (b"+ok", (OK, b"")),
        (b"-ERR", (ERR, b"")),
        (b"-ERR\tno", (ERR, b"no")),
        (b"+OK, go", (OK, b", go")),
        (b"+OKAY", None),
        (b"+ ", None),
        (b"", None),
        (b"x", None),
    ],
)
def test_status_line_is_parsed(line: bytes, parsed: tuple[str, bytes] | None) -> None:
    assert pop3.parse_status(line) == parsed

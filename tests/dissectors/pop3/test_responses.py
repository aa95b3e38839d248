from __future__ import annotations

from tests.support.playbook import SERVER, anomaly, exchange
from tests.support.pop3 import GREETED, OK, greeted


def test_server_sends_lines_that_are_no_response() -> None:
    (
        greeted()
        .client(b"STAT\r\n")
        .server(b"+\r\r..\r\r\nx\r\n")
        .server(b"+OK 1 2\r\n")
        .expect(
            *GREETED,
            anomaly("pop3_unexpected_line", SERVER),
            anomaly("pop3_unexpected_line", SERVER),
            exchange("STAT", reply=OK),
        )
    )

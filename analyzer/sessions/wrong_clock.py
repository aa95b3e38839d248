"""What a wrong clock in a capture did to a session."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from captures import End
from dissectors.events import Anomaly, Side

if TYPE_CHECKING:
    from collections.abc import Container

    from captures import Connection
    from dissectors.events import Exchange

_CODE = "wrong_clock"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIDES = {End.ORIGINATOR: Side.CLIENT, End.RESPONDER: Side.SERVER}


def clock_anomalies(connection: Connection, known: Container[str]) -> list[Anomaly]:
    """Report once that packets have a wrong time, with that of the first."""
    if _CODE in known or not connection.mistimed:
        return []
    frame, (end, claimed_ns, time_ns) = next(iter(connection.mistimed.items()))
    claimed = f"{_EPOCH + timedelta(microseconds=claimed_ns // 1000):%Y-%m-%d %H:%M:%S}"
    detail = f"the packet's own time is {claimed} UTC"
    return [Anomaly(_CODE, _SIDES[end], -1, time_ns, frame, detail)]


def seconds_between(start_ns: int | None, end_ns: int | None) -> float | None:
    """Return how long something took; `None` also if the clock went back."""
    if start_ns is None or end_ns is None or end_ns < start_ns:
        return None
    return (end_ns - start_ns) / 1e9


def exchange_latency_ns(exchange: Exchange, connection: Connection) -> int | None:
    """Return how long an answer took; `None` also if the clock was wrong."""
    start_ns, end_ns = exchange.request_time_ns, exchange.reply_time_ns
    if start_ns is None or end_ns is None or end_ns < start_ns:
        return None
    wrong = connection.mistimed or ()
    if exchange.request_frame in wrong or exchange.reply_frame in wrong:
        return None
    return end_ns - start_ns

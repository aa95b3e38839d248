"""Steps of the connection itself: how it began and ended, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.dialogue.step import Step, StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ENDINGS = {
    "closed": "connection closed",
    "reset": "connection reset",
    "timeout": "nothing more was seen for so long that it counts as ended",
    "open": "still open when the capture ended",
    "refused": "connection refused",
    "unanswered": "nobody answered",
}


def opened_step(session: Mapping[str, Any]) -> Step:
    """Say how the connection began."""
    was_seen = session["tcp_rtt_s"] is not None
    return Step(
        StepKind.OPENED,
        "client",
        "connection opened" if was_seen else "first packet that was captured",
        session["start"],
        session["tcp_rtt_s"],
        session["capture"],
        session["first_frame"],
    )


def ended_step(session: Mapping[str, Any], side: str | None = None) -> Step:
    """Say how it ended.

    Args:
        session: its row.
        side: who ended it, if that is known.
    """
    ended = session["ended"]
    return Step(StepKind.ENDED, side, _ENDINGS.get(ended, ended), session["end"])


def gap_steps(anomalies: list[dict[str, Any]]) -> Iterator[Step]:
    """Say where bytes are missing."""
    for anomaly in anomalies:
        if anomaly["code"] == "stream_gap":
            yield Step(
                StepKind.GAP,
                anomaly["side"],
                f"not captured: {anomaly['detail'] or 'some bytes'}",
                anomaly["time"],
                capture=anomaly["capture"],
                frame=anomaly["frame"],
            )

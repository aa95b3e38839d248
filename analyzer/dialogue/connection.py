"""Steps of the connection itself: how it began and ended, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.dialogue.step import CLIENT, Step, StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# of the anomaly that says where bytes are missing
GAP_CODE = "stream_gap"
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
        CLIENT,
        "connection opened" if was_seen else "first packet that was captured",
        session["start"],
        session["tcp_rtt_s"],
        session["capture"],
        session["first_frame"],
    )


def ended_step(
    session: Mapping[str, Any],
    side: str | None = None,
    packet: tuple[str | None, int | None] = (None, None),
) -> Step:
    """Say how it ended.

    Args:
        session: its row.
        side: who was the first to end it, if that is known.
        packet: capture and number of the last one, if these are known.
    """
    ended = session["ended"]
    text = _ENDINGS.get(ended, ended)
    if side is not None and ended == "closed":
        text += f", by the {side} first"
    return Step(StepKind.ENDED, side, text, session["end"], None, *packet)


def gap_steps(anomalies: list[dict[str, Any]]) -> Iterator[Step]:
    """Say where bytes are missing."""
    for anomaly in anomalies:
        if anomaly["code"] == GAP_CODE:
            yield Step(
                StepKind.GAP,
                anomaly["side"],
                f"not captured: {anomaly['detail'] or 'some bytes'}",
                anomaly["time"],
                capture=anomaly["capture"],
                frame=anomaly["frame"],
            )

"""A message as one step: its size, how fast it was, its subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.dialogue.step import CLIENT, SERVER, Step, StepKind

if TYPE_CHECKING:
    from collections.abc import Mapping


def message_step(message: Mapping[str, Any]) -> Step:
    """Tell of a message all but what is in it."""
    return Step(
        StepKind.MESSAGE,
        SERVER if message["direction"] == "retrieved" else CLIENT,
        _describe(message),
        message["time"],
        message["transfer_s"],
        message["capture"],
        message["frame"],
    )


def _describe(message: Mapping[str, Any]) -> str:
    told = [f"message, {message['size_bytes']:,} bytes"]
    rate = message["bytes_per_s"]
    if rate is not None:
        told.append(f"{rate / 1000:,.0f} kB/s")
    told.append(message["outcome"])
    if message["incomplete"]:
        told.append("not all of it was seen")
    subject = message["subject"]
    return ", ".join(told) + (f": {subject}" if subject else "")

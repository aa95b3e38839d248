"""Steps from the table `exchanges`: commands and answers, but no other lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.dialogue.step import CLIENT, NS, SERVER, Step, StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def exchange_steps(exchange: Mapping[str, Any]) -> Iterator[Step]:
    """Yield a command, if there was one, and the lines of its answer, if it came."""
    time_ns = exchange["time"]
    capture = exchange["capture"]
    if exchange["kind"] == "command" and exchange["request_frame"] is not None:
        words = (exchange["verb"] or "***", exchange["argument"])
        yield Step(
            StepKind.COMMAND,
            CLIENT,
            " ".join(word for word in words if word),
            time_ns,
            capture=capture,
            frame=exchange["request_frame"],
        )
    latency_s = exchange["latency_s"]
    lines = list(_reply_lines(exchange))
    if lines and exchange["request_frame"] is not None:
        time_ns = None if latency_s is None else time_ns + round(latency_s * NS)
    for line in lines:
        is_last = line is lines[-1]
        yield Step(
            StepKind.REPLY if is_last else StepKind.LINE,
            SERVER,
            line,
            time_ns,
            latency_s if is_last else None,
            capture,
            exchange["reply_frame"],
        )


def _reply_lines(exchange: Mapping[str, Any]) -> Iterator[str]:
    code, status, text = (
        exchange[name] for name in ("reply_code", "status", "reply_text")
    )
    if code is None:
        if status is not None or text:
            yield " ".join(filter(None, (status, text)))
        return
    *others, last = (text or "").split("\n")
    for line in others:
        # RFC 5321 §4.2.1: all but the last line have a hyphen behind the code
        yield f"{code}-{line}".rstrip()
    yield f"{code} {last}".rstrip()

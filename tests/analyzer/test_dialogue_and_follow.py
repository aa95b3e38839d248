"""Every line of every session, held against what tshark follows.

Secrets apart, each line that is no message data is a step, and nothing else is.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import analyzer
from analyzer.dialogue.dialogue import rows_of
from analyzer.dialogue.recording import record
from tests.support.analyses import CAPTURES, DATA, analysis_of
from tests.support.tshark import follow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from analyzer import Analysis
    from analyzer.dialogue.step import Step
    from tests.support.tshark import Followed

KEYS = {path.stem: path for path in sorted(DATA.glob("*.keys"))}
SIDES = ("client", "server")
# what ends the lines, as the rest is compressed (RFC 4978)
COMPRESSED = re.compile(rb" COMPRESS DEFLATE\r\n| OK Begin compression[^\r]*\r\n")
TLS_RECORDS = range(0x14, 0x18)


class Speech(NamedTuple):
    """What a side of a session said, as mailtap and as tshark tell it."""

    where: str
    steps: list[Step]
    stream: bytes


class Hole(NamedTuple):
    """Bytes that are in no line, and the line before them."""

    where: str
    before: bytes
    data: bytes


def sessions_in(analysis: Analysis) -> Iterator[dict[str, Any]]:
    """The sessions by their first packets, as tshark numbers connections."""
    sessions = analysis.tables["sessions"]
    for session_id in sessions.sort_by("first_frame")["session_id"].to_pylist():
        [row] = rows_of(sessions, session_id)
        yield row


def take(streams: list[Followed], row: dict[str, Any]) -> dict[str, bytes]:
    """Take the first connection with these ends off the list."""
    ends = [(row[f"{side}_ip"], row[f"{side}_port"]) for side in SIDES]
    for followed in streams:
        # of what is in TLS, tshark may know but one end
        if set(followed.sent) - {("", 0)} <= set(ends):
            streams.remove(followed)
            unknown = followed.sent.get(("", 0), b"")
            return {
                side: followed.sent.get(end, unknown)
                for side, end in zip(SIDES, ends, strict=True)
            }
    raise AssertionError(f"tshark has no {ends}")


def inflated(stream: bytes) -> bytes:
    """The stream with what of it is compressed in plain."""
    end = COMPRESSED.search(stream)
    if end is None:
        return stream
    return stream[: end.end()] + zlib.decompressobj(-15).decompress(stream[end.end() :])


def first_gap(row: dict[str, Any], analysis: Analysis, side: str) -> int | None:
    """Where the first bytes of a side are missing, of which tshark says nothing."""
    gaps = [
        anomaly["offset"]
        for anomaly in rows_of(analysis.tables["anomalies"], row["session_id"])
        if anomaly["code"] == "stream_gap" and anomaly["side"] == side
    ]
    return min(gaps, default=None)


def speeches(name: str, row: dict[str, Any], streams: dict[str, bytes]) -> list[Speech]:
    recording = record([CAPTURES[name]], row, None)
    found = []
    for side in SIDES:
        said = [] if recording is None else recording.said
        steps = [step for step in said if step.side == side]
        stop = first_gap(row, analysis_of(name), side)
        if stop is not None:
            steps = [step for step in steps if (step.offset or 0) < stop]
            # the line with the gap
            del steps[-1:]
        stream = inflated(streams[side])[:stop]
        if row["tcp_rtt_s"] is None and steps:
            # the end of something unknown comes before the first line
            stream = stream[begin_of(steps[0], stream) :]
        found.append(Speech(f"{name}, {side}", steps, stream))
    return found


def begin_of(step: Step, stream: bytes) -> int:
    """Where the first line is that a step shows."""
    at = 0
    for line in stream.splitlines(keepends=True):
        if shows(step.text, line.rstrip()):
            return at
        at += len(line)
    return 0


@pytest.fixture(scope="module")
def everything() -> list[Speech]:
    """Both sides of all sessions, as they crossed the wire."""
    streams = follow([*CAPTURES.values()], [], "tcp")
    return [
        speech
        for name in CAPTURES
        for row in sessions_in(analysis_of(name))
        if row["client_bytes"] or row["server_bytes"]
        for speech in speeches(name, row, take(streams, row))
    ]


def line_at(speech: Speech, step: Step) -> tuple[int, int]:
    """Where the line of a step is in the stream, with its end."""
    assert step.offset is not None
    end = speech.stream.find(b"\n", step.offset)
    return step.offset, end + 1 if end >= 0 else len(speech.stream)


def shows(text: str, line: bytes) -> bool:
    """Whether a step shows a line: as it is, or with *** in the place of something.

    Verbs are in upper case, and blanks may be fewer.
    """
    said = " ".join(line.decode("utf-8", "backslashreplace").casefold().split())
    parts = " ".join(text.casefold().split()).split("***")
    return re.fullmatch(".*".join(map(re.escape, parts)), said) is not None


def holes(speech: Speech) -> Iterator[Hole]:
    """The bytes that are in no line."""
    at, before = 0, b""
    for start, end in [line_at(speech, step) for step in speech.steps]:
        assert start >= at, f"{speech.where}: lines overlap at {start}"
        if start > at:
            yield Hole(speech.where, before, speech.stream[at:start])
        at, before = end, speech.stream[start:end]
    if at < len(speech.stream):
        yield Hole(speech.where, before, speech.stream[at:])


def is_data(hole: Hole) -> bool:
    """Whether bytes between lines are what no dialogue shows: a message, or TLS."""
    size = re.search(rb"\{(\d+)[+-]?\}\r\n\Z|^BDAT (\d+)", hole.before, re.IGNORECASE)
    if size is not None:
        return len(hole.data) == int(size[1] or size[2])
    is_message = f"\r\n{hole.data.decode('latin-1')}".endswith(("\r\n.\r\n", "\n.\n"))
    return is_message or hole.data[0] in TLS_RECORDS


def test_each_line_is_as_tshark_has_it(everything: list[Speech]) -> None:
    compared = masked = 0
    for speech in everything:
        for step in speech.steps:
            start, end = line_at(speech, step)
            line = speech.stream[start:end].rstrip(b"\r\n")
            assert shows(step.text, line), (speech.where, step, line)
            compared += 1
            masked += step.text == "***"

    assert compared > 2500
    # what is only hidden proves nothing
    assert masked < compared / 50


def test_nothing_but_message_data_and_tls_is_left_out(
    everything: list[Speech],
) -> None:
    whole = [speech for speech in everything if not has_gap(speech)]
    left_out = [hole for speech in whole for hole in holes(speech)]

    assert [hole for hole in left_out if not is_data(hole)] == []
    assert len(left_out) > 100


def has_gap(speech: Speech) -> bool:
    name = speech.where.split(",")[0]
    return any(
        anomaly["code"] == "stream_gap"
        for anomaly in analysis_of(name).tables["anomalies"].to_pylist()
    )


def test_decrypted_lines_are_as_tshark_decrypts_them() -> None:
    paths = {name: CAPTURES[name] for name in KEYS}
    streams = follow([*paths.values()], [*KEYS.values()], "tls")
    compared = 0
    for name, path in paths.items():
        for row in sessions_in(analyzer.analyze(path, key_log=KEYS[name])):
            if row["tls_decrypted"]:
                sent = take(streams, row)
                compared += compare_inside(path, KEYS[name], row, sent)

    assert compared > 200


def compare_inside(
    path: Path, keys: Path, row: dict[str, Any], sent: dict[str, bytes]
) -> int:
    """Compare what comes behind the handshake; return how many lines these are."""
    recording = record([path], row, None, key_log=keys)
    assert recording is not None
    begin_ns = recording.tls_times.begin_ns or 0
    compared = 0
    for side in SIDES:
        steps = [
            step
            for step in recording.said
            if step.side == side and (step.time_ns or 0) > begin_ns
        ]
        speech = Speech(path.name, steps, sent[side])
        for step in steps:
            start, end = line_at(speech, step)
            line = speech.stream[start:end].rstrip(b"\r\n")
            assert shows(step.text, line), (path.name, step, line)
        assert all(map(is_data, holes(speech)))
        compared += len(steps)
    return compared

"""One dialogue, for people on a terminal and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text

from analyzer.dialogue.display_filter import display_filter
from analyzer.dialogue.step import CLIENT, SERVER, StepKind
from analyzer.tables.export import json_rows
from analyzer.terminal.findings import severity_style
from analyzer.terminal.format import as_duration, as_size, fit_output
from analyzer.terminal.json_document import as_json
from analyzer.text import as_line, endpoint, escape_controls, pluralize, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa
    from rich.console import Console

    from analyzer.dialogue.dialogue import Dialogue
    from analyzer.dialogue.step import Step
    from analyzer.tables.results import Results

_ARROWS = {CLIENT: ">", SERVER: "<", None: " "}
_STYLES = {
    StepKind.COMMAND: "bold",
    StepKind.GAP: "yellow",
    StepKind.MESSAGE: "cyan",
    StepKind.OPENED: "dim",
    StepKind.ENDED: "dim",
    StepKind.TLS: "magenta",
}
# of an answer that is so slow, the latency stands out
_SLOW_S = 1.0
_WIDEST_FACT = 400
_NARROWEST_TEXT = 20


def print_dialogue(
    dialogue: Dialogue, findings: pa.Table, anomalies: pa.Table, console: Console
) -> None:
    """Print a dialogue, what is known of its session, and how Wireshark finds it.

    Args:
        dialogue: the dialogue.
        findings: those that concern the session.
        anomalies: those of the session.
        console: where to.
    """
    fit_output(console)
    session = dialogue.session
    console.print(Text(_heading(session), "bold"))
    _print_steps(dialogue, console)
    for remark in _remarks(dialogue):
        console.print(Text(remark, "yellow"))
    _print_block(console, "Facts", _facts(session))
    found = [
        (row["severity"], f"{row['title']}  [{row['rule']}]")
        for row in findings.to_pylist()
    ]
    styles = [severity_style(severity) for severity, _ in found]
    _print_block(console, "Findings", found, styles)
    _print_block(console, "Anomalies", map(_anomaly, anomalies.to_pylist()))
    console.print()
    console.print(Text("Display filter for Wireshark", "bold"))
    # in one piece, to be copied
    console.print(Text(display_filter(session)), soft_wrap=True)


def dialogue_json(
    dialogue: Dialogue, analysis: Results, findings: pa.Table, anomalies: pa.Table
) -> str:
    """Return the same as a document.

    Args:
        dialogue: the dialogue.
        analysis: in which its session was found.
        findings: those that concern the session.
        anomalies: those of the session.
    """
    session = dialogue.session
    of_session = analysis.tables["sessions"]
    at = of_session["session_id"].to_pylist().index(session["session_id"])
    figures = {
        "session": next(json_rows(of_session.slice(at, 1))),
        "display_filter": display_filter(session),
        "has_lines": dialogue.has_lines,
        "steps_left_out": dialogue.left_out,
    }
    tables = {
        "steps": dialogue.records(),
        "findings": list(json_rows(findings)),
        "anomalies": list(json_rows(anomalies)),
    }
    return as_json(analysis, figures, tables)


def _heading(session: Mapping[str, Any]) -> str:
    client = endpoint(session["client_ip"], session["client_port"])
    server = endpoint(session["server_ip"], session["server_port"])
    return f"{session['session_id']}  {session['service']}  {client} > {server}"


def _print_steps(dialogue: Dialogue, console: Console) -> None:
    """Print a line for each step; what is too wide goes on below its text."""
    capture = dialogue.session["capture"]
    rows = [
        (
            *("" if since is None else f"{since:.6f}", _packet(step, capture)),
            *(_latency(step), _ARROWS[step.side]),
        )
        for step in dialogue.steps
        for since in (dialogue.since_start(step),)
    ]
    headings = ("seconds", "packet", "took", " ")
    widths = [
        max(map(cell_len, column)) for column in zip(headings, *rows, strict=True)
    ]
    console.print(Text(_columns(headings, widths).rstrip(), "dim"))
    for step, row in zip(dialogue.steps, rows, strict=True):
        is_slow = (step.latency_s or 0) >= _SLOW_S
        begin = Text(_columns(row, widths), "yellow" if is_slow else "dim")
        text = Text(escape_controls(step.text), _STYLES.get(step.kind, ""))
        _print_behind(console, begin, text)


def _print_behind(console: Console, begin: Text, text: Text) -> None:
    """Print a text behind what begins its line; what is too wide goes on below it."""
    room = max(console.width - cell_len(begin.plain), _NARROWEST_TEXT)
    for line in text.wrap(console, room, overflow="fold") or [text]:
        line.rstrip()
        console.print(Text.assemble(begin, line), soft_wrap=True)
        begin = Text(" " * cell_len(begin.plain))


def _columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return cells, each right-justified, with a blank behind it."""
    return "".join(
        " " * (width - cell_len(cell)) + cell + " "
        for cell, width in zip(cells, widths, strict=True)
    )


def _packet(step: Step, capture: str) -> str:
    if step.frame is None:
        return ""
    return str(step.frame) if step.capture in (capture, None) else f"{step.frame}*"


def _latency(step: Step) -> str:
    return "" if step.latency_s is None else as_duration(step.latency_s)


def _remarks(dialogue: Dialogue) -> Iterator[str]:
    capture = dialogue.session["capture"]
    if dialogue.left_out:
        more = pluralize(dialogue.left_out, "more step")
        if not dialogue.has_lines:
            more += " at least"
        yield f"and {more}: --limit shows as many as you ask for"
    others = dict.fromkeys(step.capture for step in dialogue.steps)
    named = [name for name in others if name not in (capture, None)]
    if len(named) == 1:
        yield f"* in {as_line(str(named[0]))}"
    elif named:
        yield f"* in {len(named):,} other captures, which --json names"
    is_said = any(step.kind is StepKind.REPLY for step in dialogue.steps)
    if is_said and not dialogue.has_lines:
        yield "Commands and answers only: this is what the tables hold"


def _print_block(
    console: Console,
    title: str,
    rows: Iterator[tuple[str, str]] | Sequence[tuple[str, str]],
    styles: Sequence[str] = (),
) -> None:
    told = list(rows)
    if not told:
        return
    console.print()
    console.print(Text(title, "bold"))
    width = max(len(name) for name, _ in told) + 2
    for at, (name, text) in enumerate(told):
        begin = Text(name.ljust(width), styles[at] if styles else "dim")
        _print_behind(console, begin, Text(as_line(shorten(text, _WIDEST_FACT))))


def _anomaly(anomaly: Mapping[str, Any]) -> tuple[str, str]:
    told = [anomaly["side"]]
    if anomaly["frame"] is not None:
        told.append(f"packet {anomaly['frame']}")
    if anomaly["detail"]:
        told.append(anomaly["detail"])
    return anomaly["code"], ", ".join(told)


# facts of a session: a line each


def _facts(session: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is known, by theme; what is not is left out."""
    for name, told in (
        ("time", _times(session)),
        ("connection", _transport(session)),
        ("protection", _protection(session)),
        ("server", _said(session, "server_software", "banner")),
        ("client", _said(session, "client_software", "helo")),
        ("login", _login(session)),
        ("mail", _mail(session)),
        ("failure", _said(session, "failure", "failure_detail")),
        ("extensions", session["extensions"] or ()),
    ):
        words = list(dict.fromkeys(each for each in told if each))
        if words:
            yield name, ", ".join(words)


def _times(session: Mapping[str, Any]) -> Iterator[str]:
    import pandas as pd

    yield f"{pd.Timestamp(session['start']):%Y-%m-%d %H:%M:%S.%f} UTC"
    yield as_duration(session["duration_s"])
    for column, words in (
        ("tcp_rtt_s", "round trip"),
        ("banner_delay_s", "until the greeting"),
        ("login_delay_s", "until the login"),
        ("idle_s", "idle"),
    ):
        if session[column] is not None:
            yield f"{as_duration(session[column])} {words}"


def _transport(session: Mapping[str, Any]) -> Iterator[str]:
    yield session["capture"]
    if session["vlan"] is not None:
        yield f"VLAN {session['vlan']}"
    for side in (CLIENT, SERVER):
        packets, size = session[f"{side}_packets"], session[f"{side}_bytes"]
        yield f"{pluralize(packets, 'packet')} ({as_size(size)}) from the {side}"
    for column, words in (
        ("missing_bytes", "not captured"),
        ("retransmitted_bytes", "sent again"),
    ):
        if session[column]:
            yield f"{as_size(session[column])} {words}"
    yield session["ended"]
    if not session["complete"]:
        yield "incomplete"


def _protection(session: Mapping[str, Any]) -> Iterator[str | None]:
    yield session["protection"]
    if session["tls_mode"] != "none":
        yield session["tls_mode"]
    for column in ("tls_version", "tls_cipher", "tls_group", "tls_sni"):
        yield session[column]
    if session["tls_decrypted"]:
        yield "decrypted"
    if session["cert_status"] is not None:
        yield f"certificate {session['cert_status']}: {session['cert_subject']}"
    yield from session["tls_weaknesses"] or ()


def _said(session: Mapping[str, Any], *columns: str) -> Iterator[str | None]:
    for column in columns:
        yield session[column]


def _login(session: Mapping[str, Any]) -> Iterator[str | None]:
    yield from _said(session, "auth_mechanism", "auth_user", "auth_result")
    if session["credentials_exposed"]:
        yield f"{session['auth_exposure']} in plaintext"


def _mail(session: Mapping[str, Any]) -> Iterator[str]:
    for column in (
        "messages_sent",
        "messages_appended",
        "messages_retrieved",
        "messages_deleted",
    ):
        if session[column]:
            yield f"{session[column]:,} {column.removeprefix('messages_')}"
    if session["message_bytes"]:
        yield as_size(session["message_bytes"])

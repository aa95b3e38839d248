"""Shows what a monitor sees: a line per session, and on a terminal a status below."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any, Self

import pandas as pd
import pyarrow as pa
from rich.live import Live
from rich.text import Text

from analyzer import reports
from analyzer.tables import schema
from analyzer.tables.export import write_jsonl
from analyzer.tables.schema.findings import FINDINGS
from analyzer.terminal.finding_line import describe_finding
from analyzer.terminal.findings import severity_style
from analyzer.terminal.format import as_share
from analyzer.terminal.session_line import describe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from rich.console import Console

    from analyzer.runs.monitor import Monitor
    from analyzer.sessions.columns import Row
    from captures import LiveCapture

_REFRESH_S = 0.5
_CHANNEL_STYLES = {"plaintext": "red", "TLS failed": "yellow"}


class LiveView:
    """Prints sessions as they end; a context manager.

    Args:
        console: where to.
        live: what captures.
        monitor: what follows the sessions.
        as_json: print rows as JSON Lines.
        quiet: print nothing.
    """

    def __init__(
        self,
        console: Console,
        live: LiveCapture,
        monitor: Monitor,
        *,
        as_json: bool = False,
        quiet: bool = False,
    ) -> None:
        self._console = console
        self._live_capture = live
        self._monitor = monitor
        self._as_json = as_json
        self._quiet = quiet
        self._encrypted = self._known = 0
        self._start = self._refreshed = time.monotonic()
        self._status: Live | None = None
        if console.is_terminal and not as_json and not quiet:
            # without a thread: the packets need the processor more
            self._status = Live(
                self._describe(), console=console, auto_refresh=False, transient=True
            )

    def __enter__(self) -> Self:
        if self._status:
            self._status.start(refresh=True)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._status:
            self._status.stop()

    def show(self, rows: list[Row], findings: Sequence[Mapping[str, Any]] = ()) -> None:
        """Print the sessions that ended since the last call, and the state.

        Args:
            rows: of sessions.
            findings: rows of those that are new.
        """
        if rows and not self._quiet:
            self._show_sessions(rows)
        if findings and not self._quiet:
            self._show_findings(findings)
        now = time.monotonic()
        if self._status and (rows or findings or now - self._refreshed >= _REFRESH_S):
            self._refreshed = now
            self._status.update(self._describe(), refresh=True)

    def _show_sessions(self, rows: list[Row]) -> None:
        table = _table(rows)
        if self._as_json:
            self._print_json(table)
            return
        sessions = table.to_pandas(types_mapper=pd.ArrowDtype)
        channels = reports.channel_of(sessions)
        self._encrypted += int(reports.is_encrypted(sessions).sum())
        self._known += int((channels != reports.Channel.UNKNOWN).sum())
        lines = [
            describe(row, channel)
            for row, channel in zip(table.to_pylist(), channels, strict=True)
        ]
        if not self._console.is_terminal:
            self._print("".join(f"{line}\n" for line in lines))
            return
        text = Text()
        for line in lines:
            start = len(text)
            text.append(f"{line}\n")
            if style := _CHANNEL_STYLES.get(line.channel):
                text.highlight_words([f" {line.channel} "], style)
            if line.warnings:
                text.stylize("red", start + len(str(line)) - len(line.warnings) - 2)
        text.right_crop(1)
        self._console.print(text, soft_wrap=True)

    def _show_findings(self, findings: Sequence[Mapping[str, Any]]) -> None:
        if self._as_json:
            self._print_json(pa.Table.from_pylist(findings, schema=FINDINGS.arrow))
            return
        for finding in findings:
            line = describe_finding(finding)
            if not self._console.is_terminal:
                self._print(f"{line}\n")
                continue
            text = Text(line)
            name = finding["severity"]
            text.highlight_words([name.upper()], severity_style(name))
            self._console.print(text, soft_wrap=True)

    def _print_json(self, table: pa.Table) -> None:
        lines = io.BytesIO()
        write_jsonl([table], table.schema, lines)
        self._print(lines.getvalue().decode("ascii"))

    def _print(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()

    def _describe(self) -> Text:
        """Describe the state in a line."""
        monitor, live = self._monitor, self._live_capture
        minutes, seconds = divmod(int(time.monotonic() - self._start), 60)
        hours, minutes = divmod(minutes, 60)
        share = as_share(self._encrypted / self._known) if self._known else "-"
        dropped = live.drops()
        facts: list[tuple[str, Any]] = [
            ("open", f"{monitor.started - monitor.ended:,}"),
            ("done", f"{monitor.ended:,}"),
            ("encrypted", share),
            ("packets", f"{monitor.packets:,}"),
            ("dropped", "-" if dropped is None else f"{dropped:,}"),
        ]
        text = Text(f"{live.name} ({live.engine})", style="bold")
        text.append(f"  {hours:02}:{minutes:02}:{seconds:02}", "dim")
        for name, value in facts:
            text.append(
                f"  {value}", "bold red" if name == "dropped" and dropped else ""
            )
            text.append(f" {name}", "dim")
        text.no_wrap = True
        text.overflow = "ellipsis"
        return text


def _table(rows: list[Row]) -> pa.Table:
    columns = zip(*rows, strict=True)
    fields = schema.SESSIONS.arrow
    arrays = [
        pa.array(column, type=field.type)
        for column, field in zip(columns, fields, strict=True)
    ]
    return pa.table(arrays, schema=fields)

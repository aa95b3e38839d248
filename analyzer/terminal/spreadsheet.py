"""The report as a spreadsheet: a sheet for each of its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from analyzer import reports
from analyzer.tables.workbook import MAX_ROWS, write_workbook
from analyzer.terminal.summary import SECTIONS
from analyzer.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from analyzer.tables.results import Results


def write_spreadsheet(
    analysis: Results, path: Path, findings: pa.Table | None = None
) -> None:
    """Write the tables of the report, findings, messages, files and sessions.

    Tables without rows are left out.

    Args:
        analysis: what was found.
        path: where to.
        findings: what is wrong, as `analyzer.findings.review` tells it.

    Raises:
        ExportError: it can't be written, or XlsxWriter is not installed.
    """
    sheets = [(name, rows) for name, rows in _sheets(analysis, findings) if len(rows)]
    write_workbook([("about", _about(analysis, sheets)), *sheets], path)


def _sheets(
    analysis: Results, findings: pa.Table | None
) -> Iterator[tuple[str, pa.Table]]:
    if findings is not None:
        yield "findings", findings
    for section in SECTIONS:
        yield section.name, _as_arrow(section.report(analysis))
    messages = reports.message_list(analysis.messages, analysis.sessions)
    yield "messages", _as_arrow(messages)
    yield "sessions", analysis.tables["sessions"]


def _about(analysis: Results, sheets: list[tuple[str, pa.Table]]) -> pa.Table:
    """Say what it is about, and what had no room."""
    told = [("capture", escape_controls(name)) for name in analysis.captures]
    if analysis.choice is not None:
        told.append(("sessions", analysis.count_sessions()))
    told += [("problem", str(problem)) for problem in analysis.problems]
    told += [
        (name, f"{len(rows) - MAX_ROWS:,} more rows had no room")
        for name, rows in sheets
        if len(rows) > MAX_ROWS
    ]
    told.append(("times", "UTC"))
    what, text = zip(*told, strict=True)
    return pa.table({"what": pa.array(what), "value": pa.array(text)})


def _as_arrow(rows: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(rows, preserve_index=False)

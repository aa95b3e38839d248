"""What belongs to some sessions of the office, as a monitor stores it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import compute

from analyzer.tables import schema
from analyzer.tables.certificates import merge_certificates
from tests.support.analyses import analysis_of

if TYPE_CHECKING:
    from analyzer.tables.store import Tables

OFFICE = analysis_of("office")


def some(start: int, stop: int, step: int = 1) -> Tables:
    """What belongs to some sessions of the office."""
    wanted = OFFICE.tables["sessions"]["session_id"].to_pylist()[start:stop:step]
    rows = {
        name: table.filter(
            compute.is_in(table["session_id"], pa.array(wanted, pa.string()))
        )
        for name, table in OFFICE.tables.items()
        if name != "certificates"
    }
    return rows | {"certificates": shown_by(wanted)}


def shown_by(wanted: list[str]) -> pa.Table:
    """The certificates that some sessions of the office showed."""
    sessions = OFFICE.tables["sessions"]
    starts = dict(
        zip(
            sessions["session_id"].to_pylist(),
            sessions["start"].cast(pa.int64()).to_pylist(),
            strict=True,
        )
    )
    rows = []
    for row in OFFICE.tables["certificates"].to_pylist():
        row["sessions"] = [each for each in row["sessions"] if each in wanted]
        if row["sessions"]:
            times = [starts[each] for each in row["sessions"]]
            row |= {"first_seen": min(times), "last_seen": max(times)}
            rows.append(row | {"session_count": len(times)})
    table = pa.Table.from_pylist(rows, schema=schema.CERTIFICATES.arrow)
    return merge_certificates([table])

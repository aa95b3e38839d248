"""What was found, without the sessions that were not chosen."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TypeVar

import pyarrow as pa
from pyarrow import compute

from analyzer.tables.attempts import AttemptCount
from analyzer.tables.certificates import certificates_of
from analyzer.tables.results import Results
from analyzer.tables.schema import CERTIFICATES, SESSIONS

_Results = TypeVar("_Results", bound=Results)


def narrow(analysis: _Results, chosen: pa.ChunkedArray) -> _Results:
    """Return what was found of chosen sessions alone.

    What is known of the captures stays: what could not be read is missing in any case.

    Args:
        analysis: what was found.
        chosen: for each row of `sessions` whether it is chosen.
    """
    everything = analysis.tables[SESSIONS.name]
    sessions = everything.filter(chosen)
    ids = sessions["session_id"].combine_chunks()
    tables = {
        name: table.filter(compute.is_in(table["session_id"], value_set=ids))
        for name, table in analysis.tables.items()
        if name not in (SESSIONS.name, CERTIFICATES.name)
    }
    tables[SESSIONS.name] = sessions
    certificates = analysis.tables[CERTIFICATES.name]
    tables[CERTIFICATES.name] = certificates_of(certificates, sessions)
    in_all = analysis.sessions_in_all
    return replace(
        analysis,
        # in their order
        tables={name: tables[name] for name in analysis.tables},
        attempts=_attempts(sessions),
        # there is nothing of them that could be chosen
        attempts_without_row=0,
        sessions_in_all=len(everything) if in_all is None else in_all,
        whole=analysis.context,
    )


def _attempts(sessions: pa.Table) -> list[AttemptCount]:
    """Count the connections that carried no data."""
    payload = compute.add(
        compute.add(sessions["client_bytes"], sessions["server_bytes"]),
        sessions["missing_bytes"],
    )
    empty = sessions.filter(compute.equal(payload, 0))
    columns = ("client_ip", "server_ip", "server_port", "ended")
    rows = zip(*(empty[name].to_pylist() for name in columns), strict=True)
    return [
        AttemptCount(client, server, port, ended, count)
        for (client, server, port, ended), count in Counter(rows).most_common()
    ]

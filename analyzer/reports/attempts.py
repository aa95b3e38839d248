"""Connections that carried no data: who tried, and to connect to whom."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING

import pandas as pd

from analyzer.tables.attempts import AttemptCount

if TYPE_CHECKING:
    from analyzer.tables.results import Results


def attempts(analysis: Results) -> pd.DataFrame:
    """Count the connections that carried no data, also those without a row.

    Returns:
        `client_ip`, `server_ip`, `server_port`, `ended`, and how many `attempts`, most
        first. If there are too many pairs of client and server, first the counts of
        each server, then those of each client; what is not told apart is null.
    """
    columns = [field.name for field in fields(AttemptCount)]
    rows = pd.DataFrame(map(asdict, analysis.attempts), columns=columns)
    return rows.astype({"client_ip": "string", "server_ip": "string"})

"""What was found in captures: the tables, and what could not be read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import pyarrow as pa

    from analyzer.tables.attempts import AttemptCount
    from captures import CaptureError


@dataclass
class Analysis:
    """What was found in some captures.

    Attributes:
        tables: the tables as Arrow tables, by name.
        captures: names of the captures, as they were given.
        packets: packets read.
        capture_bytes: bytes that these packets had on the wire.
        problems: captures that could not be read, or not to their end.
        notes: what else to know of how they were read.
        undecoded: packets that could not be decoded, by reason.
        connections_given_up: connections that were ended early to bound memory.
        attempts: connections that carried no data, by client, server, port and end.
        attempts_without_row: how many of them are not in the tables.
        dropped: packets that were captured too fast to be taken; `None` if that
            is not known.
    """

    tables: dict[str, pa.Table]
    captures: Sequence[str]
    packets: int = 0
    capture_bytes: int = 0
    problems: list[CaptureError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    undecoded: Counter[str] = field(default_factory=Counter)
    connections_given_up: int = 0
    attempts: list[AttemptCount] = field(default_factory=list)
    attempts_without_row: int = 0
    dropped: int | None = None

    @cached_property
    def sessions(self) -> pd.DataFrame:
        """One row per session (see `analyzer.tables.schema`)."""
        return self._frame("sessions")

    @cached_property
    def messages(self) -> pd.DataFrame:
        """One row per message that crossed the wire in clear."""
        return self._frame("messages")

    @cached_property
    def exchanges(self) -> pd.DataFrame:
        """One row per command and its answer."""
        return self._frame("exchanges")

    @cached_property
    def certificates(self) -> pd.DataFrame:
        """One row per certificate, with the sessions that showed it."""
        return self._frame("certificates")

    @cached_property
    def anomalies(self) -> pd.DataFrame:
        """One row per oddity."""
        return self._frame("anomalies")

    def _frame(self, name: str) -> pd.DataFrame:
        import pandas as pd

        frame: pd.DataFrame = self.tables[name].to_pandas(types_mapper=pd.ArrowDtype)
        return frame
